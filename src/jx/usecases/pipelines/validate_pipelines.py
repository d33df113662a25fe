"""Validate pipeline files: of a project, or of a folder of build packs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from jx.domain.errors import Invalid, NotFound, Problem
from jx.domain.names import Repo
from jx.domain.pipelines import files
from jx.domain.pipelines.compiling import compile_run
from jx.domain.pipelines.effective import Project, make_effective
from jx.domain.pipelines.packs import Packs, detect_pack
from jx.domain.pipelines.runs import RunRequest
from jx.domain.pipelines.syntax import NO_PACK, PipelineKind, ProjectFile
from jx.domain.trees import Tree
from jx.ports.folders import Folders
from jx.usecases.pipelines.read_pipeline import look_at_project


@dataclass(frozen=True, slots=True)
class Validated:
    """The files that were looked at, and everything that is wrong with them."""

    files: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class ValidatePipelines:
    """Reads files as they are on disk, whether or not git knows them; changes nothing."""

    folders: Folders

    def of_project(self, folder: str, context: str = "") -> Validated:
        """jenkins-x.yml, or that of a context; NotFound where there is none."""
        tree = look_at_project(self.folders, folder, context).tree
        name = files.find_file(tree, context)
        try:
            file = files.parse_project(tree.text(name), name)
            if _needs_no_pack(file, tree):
                _compile(file, tree)
        except Invalid as error:
            return Validated((name,), error.problems or (Problem(name, error.message),))
        return Validated((name,))

    def of_packs(self, folder: str) -> Validated:
        """Every pipeline.yaml and imports.yaml below a folder; NotFound where there is none."""
        tree = self.folders.look(folder, f"**/{files.PACK_FILE}", f"**/{files.IMPORTS_FILE}").tree
        if not tree.files:
            raise NotFound(
                f"there is no {files.PACK_FILE} below {folder}", hint="name a clone of build packs by --dir"
            )
        problems: list[Problem] = []
        for name in tree.files:
            parse = files.parse_imports if name.endswith(files.IMPORTS_FILE) else files.parse_pack
            try:
                parse(tree.text(name), name)
            except Invalid as error:
                problems += error.problems or (Problem(name, error.message),)
        if not problems:
            problems += _check_bases(Packs(tree))
        return Validated(tuple(tree.files), tuple(dict.fromkeys(problems)))


def _needs_no_pack(file: ProjectFile, tree: Tree) -> bool:
    """Whether the file says it all: what packs hold is looked at where it is used."""
    extends = file.pipeline_config.extends if file.pipeline_config else None
    is_own = file.build_pack == NO_PACK or not (file.build_pack or detect_pack(tree))
    return is_own and not (extends and extends.import_)


def _compile(file: ProjectFile, tree: Tree) -> None:
    """Invalid for what is wrong only with the whole: overrides that find nothing, steps that come to one name."""
    effective = make_effective(file, file.build_pack, Packs(), Project(tree=tree))
    for kind in PipelineKind:
        request = RunRequest(
            repo=Repo("https://git.example.com/a/b.git"), branch="master", kind=kind, build=1
        )
        with contextlib.suppress(NotFound):
            compile_run(effective, request)


def _check_bases(found: Packs) -> Iterator[Problem]:
    """What is wrong with packs that extend others of the same repository; what modules hold is not known here."""
    for name in found.names:
        try:
            found.check(name)
        except Invalid as error:
            yield from error.problems
