"""ports.clones.Clones in memory: what was fetched from repositories in memory, by folder."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from jx.adapters.local.memory_repos import MemoryRepos
from jx.domain.errors import NotFound, Refused
from jx.domain.ledger.trailers import find_trailers
from jx.domain.names import Repo, Revision
from jx.domain.trees import Tree
from jx.ports.repos import Commit, Draft

_START = datetime(2026, 1, 1, tzinfo=UTC)
_ALL = 100_000


class MemoryClones:
    """Clones know what the last `fetch` brought, and what was committed in them."""

    def __init__(self, repos: MemoryRepos) -> None:
        self._repos = repos
        self._heads: dict[tuple[str, str], Revision] = {}
        self._commits: dict[tuple[str, Revision], tuple[Commit, Tree]] = {}
        self._folders: set[str] = set()

    def fetch(self, folder: str, repo: Repo, *branches: str) -> None:
        """Bring branches with their history into the clone."""
        self._folders.add(folder)
        for name in branches:
            head = self._repos.head(repo, name)
            if head is None:
                continue
            self._heads[folder, name] = head
            for commit in self._repos.log(repo, head, limit=_ALL):
                self._commits[folder, commit.revision] = (commit, self._repos.read(repo, commit.revision))

    def find(self, folder: str, branch: str) -> Revision | None:
        self._check(folder)
        return self._heads.get((folder, branch))

    def read(self, folder: str, revision: Revision) -> Tree:
        return self._get(folder, revision)[1]

    def log(self, folder: str, revision: Revision, *, limit: int = 100) -> tuple[Commit, ...]:
        found: list[Commit] = []
        following: Revision | None = revision
        while following and len(found) < limit:
            commit, _ = self._get(folder, following)
            found.append(commit)
            following = commit.parents[0] if commit.parents else None
        return tuple(found)

    def branch(self, folder: str, name: str, *, base: Revision, draft: Draft) -> Revision:
        self._get(folder, base)
        there = self._heads.get((folder, name))
        if there is not None:
            commit, tree = self._get(folder, there)
            if commit.parents == (base,) and tree == draft.tree:
                return there
            raise Refused(f"branch {name} of {folder} holds something else")
        revision = Revision(hashlib.sha1(f"{base} {draft.tree.digest} {draft.message}".encode()).hexdigest())
        message = draft.message.strip("\n")
        made = Commit(
            revision, (base,), draft.author, draft.at or _START, message, find_trailers(draft.message)
        )
        self._heads[folder, name] = revision
        self._commits[folder, revision] = (made, draft.tree)
        return revision

    def _check(self, folder: str) -> None:
        if folder not in self._folders:
            raise NotFound(f"{folder} is in no clone")

    def _get(self, folder: str, revision: Revision) -> tuple[Commit, Tree]:
        self._check(folder)
        found = self._commits.get((folder, revision))
        if found is None:
            raise NotFound(f"the clone in {folder} has no commit {revision[:12]}")
        return found
