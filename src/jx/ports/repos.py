"""Repos: git repositories, without checkouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from jx.domain.names import Person, Repo, Revision
from jx.domain.trees import Tree


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit, without its files. `trailers` are the message's (last one of a name wins)."""

    revision: Revision
    parents: tuple[Revision, ...]
    author: Person
    committed: datetime
    message: str
    trailers: Mapping[str, str] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Draft:
    """A commit to be: all files, message, author. `at` is its time for both author and committer; None means now."""

    tree: Tree
    message: str
    author: Person
    at: datetime | None = None


class Repos(Protocol):
    """Git repositories by URL. Every call may raise Unavailable (cannot be reached), NotFound (no such repository or
    revision), Forbidden (no right) and Invalid (a symlink or an unsafe path in a tree)."""

    def head(self, repo: Repo, branch: str) -> Revision | None:
        """The newest commit of a branch as the remote has it now, or None where there is no such branch. `refs/tags/NAME` is the
        commit of a tag."""
        ...

    def refs(self, repo: Repo) -> Mapping[str, Revision]:
        """All branches and tags as the remote has them now: `refs/heads/main`, `refs/tags/v1.2.3` -> commit."""
        ...

    def read(self, repo: Repo, revision: Revision) -> Tree:
        """All files at a commit. Repeated reads of one commit need no network."""
        ...

    def log(
        self, repo: Repo, revision: Revision, *, after: Revision | None = None, limit: int = 100
    ) -> tuple[Commit, ...]:
        """First-parent history, newest first, up to but not including `after`."""
        ...

    def write(self, repo: Repo, branch: str, *, base: Revision | None, draft: Draft) -> Revision:
        """Commit onto a shared branch whose head is `base` (None: the branch does not exist yet), and push it.

        Raises Stale where the branch has moved: nothing is written. A tree equal to the base's is no commit; base is returned.
        """
        ...

    def replace(
        self, repo: Repo, branch: str, *, base: Revision, draft: Draft, before: Sequence[Draft] = ()
    ) -> Revision:
        """Make an own branch be exactly these commits on `base`: those of `before` in order, then `draft`. The last is returned.

        Repeating it with the same base, trees and messages gives the same commits and pushes nothing. Raises Stale where
        the branch holds commits that were not made by this call (their message has no `Jx-Edit` trailer).
        """
        ...

    def append(self, repo: Repo, branch: str, *, parent: Revision | None, draft: Draft) -> Revision:
        """Commit exactly the draft's tree on an orphan branch (the ledger), fast-forward only.

        Stale where the remote's head is not `parent` (and not already this very commit). Equal arguments, `draft.at` among
        them, give the same commit id, so repeating after a crash is harmless.
        """
        ...


class Remotes(Protocol):
    """Git servers, asked before anything is written. Raises as `Repos` does."""

    def check_push(self, repo: Repo, branch: str) -> None:
        """Raises what a push of a new branch of that name would raise, as far as the server tells before a push is made. Nothing
        is written there."""
        ...
