"""What do charts draw at random, does it stay, and do they render without secrets? Asks charts from anywhere, and prints a table.

    python scripts/try_secrets.py CHART...      a chart's folder each; exit code 1 where a draw does not stay or markers break it

Each chart is the only app of an environment, with its default values. It is rendered as an apply does, twice; what the first one
drew is kept and put back into the second. Then every value that looks like a secret by its name becomes a reference, and the
chart is rendered with markers; where that fails, with a plain password, to tell whether it is the markers' fault.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jx.adapters.helm.folders import read_folder
from jx.adapters.helm.renderer import HelmRenderer
from jx.domain.applying import drawn_groups
from jx.domain.applying.drawn_groups import DrawnGroup, Known, Settled
from jx.domain.charts import template_scan
from jx.domain.charts.chart_folders import drop_ignored, read_metadata
from jx.domain.charts.charts import Chart, ChartRef
from jx.domain.errors import JxError
from jx.domain.names import AppKey
from jx.domain.objects import derived, markers
from jx.domain.objects.manifests import Capabilities, Manifest, Rendered, ref_of
from jx.domain.objects.markers import Shape
from jx.domain.objects.references import Path as Place
from jx.domain.objects.references import Reference, Scheme
from jx.domain.texts import yaml_text
from jx.domain.trees import Blob, Tree
from jx.ports.renderer import RenderRequest

_SECRET = re.compile(r"(?i)(password|passphrase|secret|token|credentials?|apikey|privatekey)$")
_NAME = re.compile(r"(?i)(existing|name|ref|type|mount|create|file|path)")
_APPLY_KINDS = ("install", "upgrade")


@dataclass(frozen=True)
class Verdict:
    """One chart."""

    chart: str
    version: str
    calls: bool = False
    """Whether its templates call a function that draws."""
    drawn: int = 0
    stays: bool = True
    secrets: int = 0
    """Values that became references."""
    shape: str = ""
    """Of the markers with which it renders."""
    masked: int = 0
    """Objects that hold something of them."""
    fault: str = ""

    def row(self) -> str:
        """A row of the table."""
        drawn = f"{self.drawn}" if self.stays else f"{self.drawn}, does not stay"
        return (
            f"| {self.chart} | {self.version} | {'yes' if self.calls else 'no'} | {drawn} | {self.secrets} "
            f"| {self.shape} | {self.masked} | {self.fault} |"
        )


def main(folders: list[str]) -> int:
    """Try the charts, print a table."""
    print(
        "| chart | version | may draw | drawn in places | secrets | render with markers | objects masked | fault |"
    )
    print("| --- | --- | --- | --: | --: | --- | --: | --- |")
    renderer = HelmRenderer()
    verdicts = []
    for folder in folders:
        verdicts.append(_try(renderer, Path(folder)))
        print(verdicts[-1].row(), flush=True)
    renderer.close()
    with_secrets = [one for one in verdicts if one.secrets]
    broken = [one for one in with_secrets if one.fault.startswith("markers")]
    print(
        f"\n{len(verdicts)} charts; {sum(one.drawn > 0 for one in verdicts)} draw by default; "
        f"{len(with_secrets)} have secrets, markers break {len(broken)} of them"
    )
    return 1 if broken or not all(one.stays for one in verdicts) else 0


def _try(renderer: HelmRenderer, folder: Path) -> Verdict:
    files = drop_ignored(read_folder(folder))
    metadata = read_metadata(files)
    verdict = Verdict(metadata.name, metadata.version, template_scan.mentions_random([files]))
    request = _request(metadata.name, metadata.version, files)
    try:
        verdict = replace(verdict, **_draw(renderer, request))
    except JxError as error:
        verdict = replace(verdict, fault=_words(error))
    places = list(_secret_places(yaml_text.read_mapping(files.find_text("values.yaml") or "", ""), ()))
    if not places:
        return verdict
    return replace(verdict, secrets=len(places), **_mark(renderer, request, places, verdict.fault))


def _draw(renderer: HelmRenderer, request: RenderRequest) -> dict[str, Any]:
    first = _settle(renderer, request, 0, ())
    again = _settle(renderer, request, 10, first.groups)
    drawn = sum(len(group.values) for group in first.groups)
    stays = [one.body for one in first.manifests] == [one.body for one in again.manifests]
    return {"drawn": drawn, "stays": stays and not again.news, "fault": "; ".join(again.news)}


def _settle(
    renderer: HelmRenderer, request: RenderRequest, draw: int, kept: tuple[DrawnGroup, ...]
) -> Settled:
    renders = [
        renderer.render(replace(request, draw=draw + number, is_on_another_day=number == 1))
        for number in range(3)
    ]
    apps = frozenset(map(str, request.dependencies))
    return drawn_groups.settle([_manifests(one) for one in renders], Known(kept, {}, apps))


def _manifests(rendered: Rendered) -> tuple[Manifest, ...]:
    run = [
        hook.manifest
        for hook in rendered.hooks
        if any(phase.rpartition("-")[2] in _APPLY_KINDS for phase in hook.phases)
    ]
    return tuple(replace(one, ref=ref_of(one.body)) for one in (*rendered.objects, *run))


def _mark(
    renderer: HelmRenderer, request: RenderRequest, places: list[Place], default_fault: str
) -> dict[str, Any]:
    """How it renders with markers, if it does."""
    app = next(iter(request.dependencies))
    known = {place: Reference(Scheme.VAULT, "try", ".".join(map(str, place))) for place in places}

    def values(shape: Shape | None, draw: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for place, reference in known.items():
            text = "Try-1234-password" if shape is None else markers.marker(reference, shape, draw=draw)
            _put(found, place, text)
        return {str(app): found}

    def render(shape: Shape | None, draw: int) -> tuple[Manifest, ...]:
        return _manifests(renderer.render(replace(request, values=values(shape, draw), draw=draw)))

    fault = ""
    for shape in Shape:
        try:
            first, second = render(shape, 0), render(shape, 1)
            words = markers.words_of(tuple(known.values()))
            return {"shape": shape.value, "masked": len(derived.compare(first, second, words).marked)}
        except JxError as error:
            fault = fault or _words(error)
    try:
        render(None, 0)
    except JxError:
        return {"fault": default_fault or f"not with a plain password either: {fault}"}
    return {"fault": f"markers: {fault}"}


def _secret_places(value: Any, at: Place) -> list[Place]:
    """Where values stand that look like secrets: by their names, and empty or a text."""
    if not isinstance(value, Mapping):
        return []
    found = []
    for key, child in value.items():
        name = str(key)
        if isinstance(child, Mapping):
            found += _secret_places(child, (*at, name))
        elif _SECRET.search(name) and not _NAME.search(name) and (child is None or isinstance(child, str)):
            found.append((*at, name))
    return found


def _put(values: dict[str, Any], place: Place, value: str) -> None:
    for part in place[:-1]:
        values = values.setdefault(str(part), {})
    values[str(place[-1])] = value


def _request(name: str, version: str, files: Tree) -> RenderRequest:
    text = (
        "apiVersion: v2\nname: env\nversion: 0.0.1\ndependencies:\n"
        f"- name: {name}\n  version: {version!r}\n  repository: https://charts.example.com\n"
    )
    chart = Chart(ChartRef(name), version, files, files.digest)
    return RenderRequest(
        "example",
        "example",
        Tree({"Chart.yaml": Blob(text.encode())}),
        {AppKey(name): chart},
        Capabilities(),
        {},
    )


def _words(error: JxError) -> str:
    problems = "; ".join(str(problem) for problem in getattr(error, "problems", ()))
    return f"{error.message} {problems}".strip().replace("\n", " ").replace("|", "/")[:300]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
