"""Histories: what a repository remembers, commit by commit, wherever a copy of it is at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from jx.domain.history.history import FileChange
from jx.domain.names import Repo, Revision
from jx.domain.trees import Tree
from jx.ports.repos import Commit


@dataclass(frozen=True, slots=True)
class ChangedCommit:
    """A commit, and its files beside those of its first parent; without files where it changed none of those asked for."""

    commit: Commit
    files: tuple[FileChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """What git says of a commit's signature: `state` is `good`, `bad`, `unknown` (nobody can tell) or `none`; by whom."""

    state: str
    signer: str = ""


class Histories(Protocol):
    """History of repositories. Every call may raise NotFound (no such repository, branch or revision); those that need what is
    not at hand Unavailable and Forbidden."""

    def head(self, repo: Repo, branch: str) -> Revision | None:
        """The newest commit of a branch: as its server has it, or where that does not answer, as it was last seen here."""
        ...

    def read(self, repo: Repo, revision: Revision) -> Tree:
        """All files at a commit."""
        ...

    def log(self, repo: Repo, revision: Revision, *, limit: int = 100) -> tuple[Commit, ...]:
        """First-parent history, newest first."""
        ...

    def changes(
        self, repo: Repo, revision: Revision, *, since: datetime | None = None, path: str = "", limit: int = 0
    ) -> tuple[ChangedCommit, ...]:
        """First-parent history with the texts of what each commit changed, newest first: all of it, that since a moment, what
        changed one file, so many commits. What is not text is read as far as it is."""
        ...


class Proofs(Protocol):
    """What git itself can prove of a repository's commits. Raises as `Histories` does."""

    def digests(self, repo: Repo, revisions: tuple[Revision, ...]) -> Mapping[Revision, str]:
        """The digest of all files at each commit (`Tree.digest`), computed anew; without those that are not there."""
        ...

    def signatures(self, repo: Repo, revisions: tuple[Revision, ...]) -> tuple[Signature, ...]:
        """Whose signature each commit has, in order."""
        ...

    def contains(self, repo: Repo, revision: Revision, *, ancestor: Revision) -> bool:
        """Whether a commit is another, or comes after it on any way of parents; False for commits that are not there."""
        ...

    def find_damage(self, repo: Repo, revision: Revision) -> tuple[str, ...]:
        """What is broken among all objects that a commit stands on: their hashes are computed anew. Empty where all is whole."""
        ...
