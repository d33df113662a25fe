"""Resolve a pipeline: a project's file with all that it inherits. A step below what shows and what runs pipelines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from jx.domain.errors import NotFound
from jx.domain.names import Repo, Revision, parse_repo, parse_revision
from jx.domain.pipelines import files, packs
from jx.domain.pipelines.effective import Project, make_effective
from jx.domain.pipelines.packs import Packs
from jx.domain.pipelines.syntax import NO_PACK, ProjectFile
from jx.domain.trees import Tree
from jx.ports.repos import Repos

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")

PATTERNS = ("jenkins-x*.yml", *packs.MARKERS)
"""The files of a project that matter for its pipelines, but for those that it extends."""


@dataclass(frozen=True, slots=True)
class PackSource:
    """Where build packs are: empty fields mean what the project says, or the public ones."""

    pack: str = ""
    url: str = ""
    ref: str = ""
    trees: Mapping[str, Tree] = field(default_factory=dict)
    """Repositories that are at hand, by the name of their module; the one of the packs themselves by the empty name."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The effective form of a file."""

    name: str
    file: ProjectFile


@dataclass(frozen=True, slots=True)
class ResolvePipeline:
    """Asks for repositories of build packs only where a pipeline needs them."""

    repos: Repos

    def __call__(self, tree: Tree, project: Project, *, context: str = "", source: PackSource) -> Resolved:
        """The effective form of a context's file; a project without a file has that of its build pack. NotFound for a pack or a
        repository that is not there, Invalid with all mistakes of a file."""
        pack = source.pack
        try:
            name = files.find_file(tree, context)
        except NotFound:
            name = files.name_file(context)
            if not (pack or packs.detect_pack(tree)):
                raise
        file = files.parse_project(tree.find_text(name) or "", name)
        pack = pack or file.build_pack or packs.detect_pack(tree)
        extends = file.pipeline_config.extends if file.pipeline_config else None
        needed = pack not in {"", NO_PACK} or bool(extends and extends.import_)
        is_named = bool(source.url or source.trees or file.build_pack_git_url)
        if pack == packs.ENVIRONMENT and not is_named and not (extends and extends.import_):
            found = packs.bring_along()
        else:
            found = self._packs(file, source) if needed else Packs()
        return Resolved(name, make_effective(file, pack, found, project))

    def _packs(self, file: ProjectFile, source: PackSource) -> Packs:
        url = source.url or file.build_pack_git_url or packs.DEFAULT_URL
        ref = source.ref or file.build_pack_git_ref or packs.DEFAULT_REF
        tree = source.trees[""] if "" in source.trees else self._read(url, ref)
        modules = {
            module.name: source.trees[module.name]
            if module.name in source.trees
            else self._read(module.git_url, module.git_ref or packs.DEFAULT_REF)
            for module in packs.read_imports(tree).modules
        }
        return Packs(tree, modules)

    def _read(self, url: str, ref: str) -> Tree:
        repo = parse_repo(url)
        return self.repos.read(repo, self._revision(repo, ref))

    def _revision(self, repo: Repo, ref: str) -> Revision:
        if _COMMIT.fullmatch(ref):
            return parse_revision(ref)
        head = self.repos.head(repo, ref) or self.repos.head(repo, f"refs/tags/{ref}")
        if head is None:
            raise NotFound(
                f"{repo.full_name} has no branch or tag {ref}",
                hint="name a branch, a tag or a full commit by --ref or buildPackGitRef",
            )
        return head
