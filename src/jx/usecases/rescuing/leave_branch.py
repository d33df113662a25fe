"""Leave a branch in the clone that makes git say what was applied by hand, for when its server is back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from jx.domain.errors import NotFound
from jx.domain.names import Person, Revision
from jx.domain.trees import Tree, merge_trees
from jx.ports.clones import Clones
from jx.ports.repos import Draft


@dataclass(frozen=True, slots=True)
class BranchRequest:
    """The clone, what was applied, and what was undone by it."""

    folder: str
    branch: str
    """The environment's."""
    tree: Tree
    """The files of what was applied."""
    undone: Revision | None
    """The commit that was applied before it."""
    person: Person
    at: datetime
    subject: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LeftBranch:
    """The branch, and files that somebody has to look at: they were changed by what was undone and again after it."""

    name: str
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaveBranch:
    """The branch undoes what was undone, on top of whatever was merged after it, as far as the clone knows."""

    clones: Clones

    def __call__(self, request: BranchRequest) -> LeftBranch | None:
        """The branch; None where git says the same already, or the clone does not know the environment's branch."""
        head = self.clones.find(request.folder, request.branch)
        if head is None:
            return None
        tree = self.clones.read(request.folder, head)
        merged, conflicts = self._merge(request, tree)
        if merged == tree:
            return None
        name = f"go-back-{hashlib.sha256(f'{head} {merged.digest}'.encode()).hexdigest()[:8]}"
        reason = f"\n\n{request.reason}" if request.reason else ""
        draft = Draft(merged, f"{request.subject}{reason}\n", request.person, request.at)
        self.clones.branch(request.folder, name, base=head, draft=draft)
        return LeftBranch(name, conflicts)

    def _merge(self, request: BranchRequest, tree: Tree) -> tuple[Tree, tuple[str, ...]]:
        if request.undone is None:
            return request.tree, ()
        try:
            base = self.clones.read(request.folder, request.undone)
        except NotFound:
            return request.tree, ()
        merged, conflicts = merge_trees(base, tree, request.tree)
        if not conflicts:
            return merged, ()
        for path in conflicts:  # what was applied counts; a person is told
            blob = request.tree.files.get(path)
            merged = merged.remove(path) if blob is None else merged.put(path, blob.data)
        return merged, conflicts
