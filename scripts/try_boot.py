"""What jx makes of repositories that Jenkins X 2 left: read, upgraded, promoted into, and what it cannot know.

    PYTHONPATH=. python scripts/try_boot.py CLONES

CLONES is a folder of clones of the public ones, each named `owner+name`: jenkins-x/default-environment-charts,
jenkins-x/jenkins-x-boot-config and jenkins-x/jenkins-x-versions. Nothing is fetched and nothing is written. Exit code 1 where a
repository cannot be read, or where a change touches other lines than its own.
"""

from __future__ import annotations

import difflib
import io
import sys
import tarfile
from collections import Counter
from pathlib import Path

from scripts.public_charts import Clones
from tests.support.worlds import ANN

from jx.adapters.helm.renderer import HelmRenderer
from jx.adapters.local.memory_repos import MemoryRepos
from jx.domain.charts.apps import App
from jx.domain.charts.charts import ChartRef
from jx.domain.environments.edits import Edit, PutApp, SetRequirements, SetVersion
from jx.domain.errors import Invalid
from jx.domain.layouts import boot, umbrella
from jx.domain.names import AppKey
from jx.domain.trees import Blob, Tree
from jx.domain.version_stream import read_pins
from jx.ports.repos import Draft
from jx.usecases.planning.settle_environment import SettleEnvironment

REPOSITORY = "http://charts.example.com"
PARAMETERS = {
    "adminUser": ("username", "password"),
    "pipelineUser": ("username", "email", "token"),
    "prow": ("hmacToken",),
}
"""What `jx boot` asked people for."""
SHOP = App(AppKey("shop"), ChartRef("shop", REPOSITORY, "1.0.0"))


def main(folder: str) -> int:
    """Try all three."""
    clones = Clones(Path(folder).absolute())
    stream = read(clones, "jenkins-x/jenkins-x-versions")
    pins = Counter(pin.kind.value for pin in read_pins(stream))
    print("version stream:", ", ".join(f"{count} {kind}" for kind, count in sorted(pins.items())))
    failed = try_environment(read(clones, "jenkins-x/default-environment-charts"))
    return int(try_boot(read(clones, "jenkins-x/jenkins-x-boot-config"), stream) or failed)


def read(clones: Clones, repository: str) -> Tree:
    """The newest files."""
    with tarfile.open(fileobj=io.BytesIO(clones.git(repository, "archive", "HEAD"))) as archive:
        found = {one.name: archive.extractfile(one) for one in archive if one.isfile()}
        return Tree({path: Blob(content.read()) for path, content in found.items() if content})


def try_environment(tree: Tree) -> bool:
    """Read it, add an app to it, promote a newer version of that."""
    print("\n== default environment")
    try:
        umbrella.read(tree)
    except Invalid as error:
        print("as it is:", *map(str, error.problems))
    for path in ("Makefile", "Jenkinsfile"):
        tree = tree.put(path, tree.text(path).replace("change-me", "jx-staging"))
    spec = umbrella.read(tree)
    print(
        f"with a namespace: {spec.name} in {spec.namespace}: {', '.join(f'{app.key} {app.chart.version}' for app in spec.apps)}"
    )
    tree, lines = change(tree, PutApp(SHOP, {}))
    _, more = change(tree, SetVersion(SHOP.key, "1.1.0"))
    return (len(lines), len(more)) != (3, 2)


def try_boot(tree: Tree, stream: Tree) -> bool:
    """Read it, upgrade it, settle it and each of its systems."""
    print("\n== boot")
    spec = umbrella.read(tree)
    print(f"{spec.name} in {spec.namespace}; left open: {len(spec.unsettled)}")
    _, lines = change(tree, SetRequirements({"versionStream.ref": "a" * 40}))
    repos, repo = MemoryRepos(), spec.requirements.version_stream
    assert repo is not None
    repos.create(repo)
    repos.write(repo, "master", base=None, draft=Draft(stream, "All\n", ANN))
    renderer = HelmRenderer()
    settle = SettleEnvironment(repos, renderer)
    try_settling(settle, "env", tree)
    parameters = "".join(
        f"{name}:\n" + "".join(f"  {key}: vault:fox/{name}:{key}\n" for key in keys)
        for name, keys in PARAMETERS.items()
    )
    try_settling(settle, "env with parameters", tree.put("env/parameters.yaml", parameters))
    for folder in sorted({"/".join(path.split("/")[:2]) for path in tree if path.startswith("systems/")}):
        part = boot.as_environment(tree, folder)
        if part:
            try_settling(settle, folder, part)
    renderer.close()
    return len(lines) != 2


def try_settling(settle: SettleEnvironment, name: str, tree: Tree) -> None:
    """What comes of it, or all that cannot be known."""
    try:
        spec = umbrella.read(settle(umbrella.read(tree), tree))
    except Invalid as error:
        print(f"{name}: cannot be known:")
        for problem in error.problems:
            print(f"    {problem}")
        return
    apps = ", ".join(f"{app.chart.name} {app.chart.version}" for app in spec.apps)
    print(f"{name}: settled; charts: {apps or 'only its own'}")


def change(tree: Tree, edit: Edit) -> tuple[Tree, list[str]]:
    """The files after an edit, and the lines that it takes and gives."""
    after = umbrella.apply_edit(tree, edit)
    found = []
    for path in sorted(path for path in {*tree, *after} if tree.files.get(path) != after.files.get(path)):
        old, new = (one.find_text(path) or "" for one in (tree, after))
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
        found += [f"{path} {line}" for line in lines if line[:1] in "+-" and line[:3] not in {"---", "+++"}]
    print(f"{type(edit).__name__}:", *found, sep="\n    ")
    return after, found


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
