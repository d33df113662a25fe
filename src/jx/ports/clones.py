"""Clones: what a clone on this machine remembers, whether or not its server answers."""

from __future__ import annotations

from typing import Protocol

from jx.domain.names import Revision
from jx.domain.trees import Tree
from jx.ports.repos import Commit, Draft


class Clones(Protocol):
    """Clones by their folder. Nothing is ever fetched. NotFound for a folder that is in no clone, or a commit that it has not."""

    def find(self, folder: str, branch: str) -> Revision | None:
        """Where a branch of the remote `origin` was when it was last fetched; else the clone's own branch of that name."""
        ...

    def read(self, folder: str, revision: Revision) -> Tree:
        """All files at a commit."""
        ...

    def log(self, folder: str, revision: Revision, *, limit: int = 100) -> tuple[Commit, ...]:
        """First-parent history, newest first."""
        ...

    def branch(self, folder: str, name: str, *, base: Revision, draft: Draft) -> Revision:
        """Make a branch of the clone be one commit on `base`; what is checked out stays as it is. The same again changes nothing.
        Refused where that branch holds something else."""
        ...
