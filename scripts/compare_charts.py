"""Are the conveyor's objects Helm's own? Renders charts both ways and compares them, object by object and in order.

    python scripts/compare_charts.py CHART...      a folder or .tgz each; exit code 1 where any differs

Each chart is rendered by itself and as the dependency of an umbrella chart, as environments have it. Helm's own answer is its
`install --dry-run=client`, read by Go's YAML. What a chart draws at random is told by asking Helm twice, and left out.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jx.adapters.helm import assembling
from jx.adapters.helm.archives import unpack
from jx.adapters.helm.folders import read_folder
from jx.adapters.helm.renderer import HelmRenderer, write_tree
from jx.domain.charts.chart_folders import ChartMetadata, drop_ignored, read_metadata, vendored_folders
from jx.domain.charts.charts import Chart, ChartRef
from jx.domain.errors import JxError
from jx.domain.names import AppKey
from jx.domain.objects.manifests import Capabilities
from jx.domain.trees import Blob, Tree
from jx.ports.renderer import RenderRequest

Object = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """One chart both ways. `difference` is empty where all is equal."""

    chart: str
    version: str
    objects: int
    crds: int
    hooks: int
    drawn: int
    """Fields that Helm itself draws anew at each render."""
    difference: str

    def row(self) -> str:
        """A row of the table in docs/reference/helm-equality.md."""
        equal = "yes" if not self.difference else f"no: {self.difference}"
        return f"| {self.chart} | {self.version} | {self.objects} | {self.crds} | {self.hooks} | {self.drawn} | {equal} |"


def main(folders: list[str]) -> int:
    """Compare the charts in these folders and print a table."""
    print("| chart | version | objects | in crds/ | hooks | drawn at random | equal |")
    print("| --- | --- | --: | --: | --: | --: | --- |")
    renderer = HelmRenderer()
    different = 0
    for folder in folders:
        verdict = compare(renderer, Path(folder))
        different += bool(verdict.difference)
        print(verdict.row(), flush=True)
    renderer.close()
    return 1 if different else 0


def compare(renderer: HelmRenderer, folder: Path) -> Verdict:
    """Render the chart in a folder by the conveyor and by Helm."""
    files = (
        unpack(folder.read_bytes(), str(folder)) if folder.is_file() else drop_ignored(read_folder(folder))
    )
    metadata = read_metadata(files)
    requests = [_umbrella(metadata, files)]
    if not _lacks_dependencies(metadata, files):  # Helm would refuse it, even where they are turned off
        requests.append(_request(files))
    counts = (0, 0, 0)
    drawn = 0
    difference = ""
    for request in requests:
        try:
            ours = renderer.render(request)
            once, again = _helms_own(request), _helms_own(request)
        except JxError as error:
            problems = "; ".join(str(problem) for problem in getattr(error, "problems", ()))
            difference = difference or f"{error.message} {problems}".strip()
            continue
        crds = [one for one in ours.objects if "/templates/" not in one.source]
        objects = [dict(one.body) for one in ours.objects[len(crds) :]]
        random = set(_differing(once, again))
        drawn = max(drawn, len(random))
        counts = (len(objects), len(crds), len(ours.hooks))
        wrong = [path for path in _differing(once, objects) if path not in random]
        difference = difference or (f"{len(wrong)} fields, the first is {wrong[0]}" if wrong else "")
    return Verdict(metadata.name, metadata.version, *counts, drawn, difference)


def _request(chart: Tree, dependencies: dict[AppKey, Chart] | None = None) -> RenderRequest:
    return RenderRequest("example", "example", chart, dependencies or {}, Capabilities(), {})


def _lacks_dependencies(metadata: ChartMetadata, files: Tree) -> bool:
    vendored = {read_metadata(folder).name for folder in vendored_folders(files).values()}
    archives = " ".join(path for path in files if path.startswith("charts/") and path.endswith(".tgz"))
    names = {dependency.name for dependency in metadata.dependencies}
    return any(name not in vendored and f"charts/{name}-" not in archives for name in names)


def _umbrella(metadata: ChartMetadata, files: Tree) -> RenderRequest:
    text = (
        "apiVersion: v2\nname: env\nversion: 0.0.1\ndependencies:\n"
        f"- name: {metadata.name}\n  version: {json.dumps(metadata.version)}\n  repository: https://charts.example.com\n"
    )
    chart = Chart(ChartRef(metadata.name), metadata.version, files, files.digest)
    return _request(Tree({"Chart.yaml": Blob(text.encode())}), {AppKey(metadata.name): chart})


def _helms_own(request: RenderRequest) -> list[Object]:
    """What Helm would install, in its order."""
    from helm_python import Config

    with tempfile.TemporaryDirectory() as folder:
        write_tree(Path(folder), assembling.assemble(request).chart)
        with Config(kube_apiserver="http://127.0.0.1:1") as helm:
            release = helm.install(folder, request.release, {}, namespace=request.namespace, dry_run="client")
    # Helm begins each document with its source, at the start of a line, which no text of a block can do.
    documents = re.split(r"^---\n(?=# Source: )", release.get("manifest", ""), flags=re.MULTILINE)
    return [body for text in documents for body in _objects(text)]


def _objects(text: str) -> Iterator[Object]:
    from helm_python import values_from_yaml

    body = values_from_yaml(text)  # by Go's own reading of YAML, not ours
    if not body:
        return
    if body.get("kind") == "List":
        yield from body["items"]
    else:
        yield body


def _differing(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Paths of the values in which two texts of JSON differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            if key not in one or key not in other:
                yield f"{path}/{key}"
            else:
                yield from _differing(one[key], other[key], f"{path}/{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _differing(left, right, f"{path}/{index}")
    elif one != other or isinstance(one, bool) is not isinstance(other, bool):
        yield path or "/"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
