"""Read pipelines of other projects as they are, and look whether their effective forms are stable.

python scripts/try_pipelines.py FOLDER... [-v] [--runs DIR]

A folder is a clone of build packs (it has packs/), or of a project (it has jenkins-x.yml or jenkins-x-NAME.yml). Packs that
import others find those among the folders, by the name that the import ends with. Each file must fit the published schema. Every
kind of every pipeline is made effective; the text, read and made effective once more, must be the same. Then it is compiled to
PipelineRuns, with a version that is given and one that the run makes; `--runs` writes these, one a file, for
`scripts/try_manifests.py` and `testtekton/` to try. The last line has the figures; milliseconds are those of the processor, for
reading a file with its packs, making it effective and compiling one run.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jsonschema_rs

from jx.domain.errors import JxError, NotFound
from jx.domain.names import Repo, Revision
from jx.domain.pipelines import files, packs
from jx.domain.pipelines.compiling import PipelineRun, compile_run, find_kind
from jx.domain.pipelines.effective import Project, make_effective
from jx.domain.pipelines.packs import Packs
from jx.domain.pipelines.runs import Pull, RunRequest
from jx.domain.pipelines.schema import pack_schema, project_schema
from jx.domain.pipelines.shapes import write_shape
from jx.domain.pipelines.syntax import NO_PACK, PipelineKind, ProjectFile
from jx.domain.texts.yaml_text import read_yaml, write_yaml
from jx.domain.trees import Blob, Tree

REPO = Repo("https://git.example.com/cheese/shop.git")
PROJECT = Project(repo=REPO)


@dataclass(frozen=True)
class Source:
    """One pipeline: whose, its file, its pack, and where packs are."""

    name: str
    path: str
    text: str
    """Empty for a pack alone."""
    pack: str
    packs: Packs

    def effective(self) -> ProjectFile:
        """Its effective form, from its text."""
        file = files.parse_project(self.text, self.path)
        return make_effective(file, self.pack or file.build_pack or NO_PACK, self.packs, PROJECT)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("-v", "--verbose", action="store_true", help="name every pipeline")
    parser.add_argument("--runs", type=Path, help="a folder to write the PipelineRuns into")
    options = parser.parse_args()
    trees = {folder: read(folder) for folder in options.folders}
    tried = failed = 0
    runs: list[PipelineRun] = []
    slowest = 0.0, ""
    for source in sources(trees):
        try:
            made = attempt(source, len(runs))
            took = measure(source)
        except JxError as error:
            failed += 1
            problems = getattr(error, "problems", ())
            print(f"{source.name}: {error.message}", *(f"  {problem}" for problem in problems), sep="\n")
            continue
        if took > slowest[0]:
            slowest = took, source.name
        tried += 1
        runs += made
        if options.verbose:
            print(f"{source.name}: {len(made)} runs, {took:.1f} ms")
    if options.runs:
        write(runs, options.runs)
    print(
        f"{tried} files with stable effective forms, {len(runs)} runs, {failed} failed; "
        f"slowest {slowest[0]:.0f} ms ({slowest[1]})"
    )
    return 1 if failed or not tried else 0


def read(folder: Path) -> Tree:
    names = [*folder.glob("jenkins-x*.yml"), *folder.glob("packs/**/*.yaml")]
    return Tree({str(name.relative_to(folder)): Blob(name.read_bytes()) for name in names if name.is_file()})


def sources(trees: dict[Path, Tree]) -> Iterator[Source]:
    for folder, tree in trees.items():
        found = Packs(tree, modules(tree, trees))
        for name in found.names:
            yield Source(f"{folder.name} packs/{name}", f"packs/{name}", "", name, found)
        for path in tree.files:
            check_schema(tree, path)
            if path.startswith("jenkins-x"):
                yield Source(f"{folder.name} {path}", path, tree.text(path), "", found)


def check_schema(tree: Tree, path: str) -> None:
    """Files must fit the published schemas, too."""
    schema = project_schema() if path.startswith("jenkins-x") else pack_schema()
    if path.endswith(("pipeline.yaml", ".yml")):
        jsonschema_rs.validate(schema, read_yaml(tree.text(path)) or {})


def modules(tree: Tree, trees: dict[Path, Tree]) -> dict[str, Tree]:
    wanted = packs.read_imports(tree).modules
    return {
        one.name: other
        for one in wanted
        for folder, other in trees.items()
        if folder.name.endswith(Path(one.git_url).stem)
    }


def attempt(source: Source, number: int) -> list[PipelineRun]:
    """Make it effective twice and compile all its kinds."""
    effective = source.effective()
    once = write_yaml(write_shape(effective))
    again = files.parse_project(once, source.name)
    twice = write_yaml(write_shape(make_effective(again, again.build_pack, Packs(), PROJECT)))
    if once != twice:
        raise JxError("the effective form is not stable")
    runs = []
    for kind in PipelineKind:
        pulls = (Pull(12, Revision("b" * 40)),) if kind is PipelineKind.PULL_REQUEST else ()
        for version in ("", "1.2.3"):
            number += 1
            with contextlib.suppress(NotFound):
                runs.append(compile_run(effective, request(kind, number, version, pulls)))
    return runs


def measure(source: Source) -> float:
    """Milliseconds of the processor from the text to one run, at best of three."""
    kinds = [kind for kind in PipelineKind if has(source, kind)]
    times = []
    for _ in range(3):
        begin = time.process_time()
        compile_run(source.effective(), request(kinds[0], 1, "", ()))
        times.append(time.process_time() - begin)
    return min(times) * 1000


def has(source: Source, kind: PipelineKind) -> bool:
    """Whether it has a pipeline of a kind."""
    with contextlib.suppress(NotFound):
        find_kind(source.effective(), kind)
        return True
    return False


def request(kind: PipelineKind, number: int, version: str, pulls: tuple[Pull, ...]) -> RunRequest:
    revision = Revision("a" * 40)
    return RunRequest(
        repo=REPO, branch="master", kind=kind, build=number, revision=revision, version=version, pulls=pulls
    )


def write(runs: list[PipelineRun], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, run in enumerate(runs, 1):
        (folder / f"run-{number:03}.yaml").write_text(write_yaml(run))


if __name__ == "__main__":
    sys.exit(main())
