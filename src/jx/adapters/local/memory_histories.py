"""ports.histories.Histories and Proofs over repositories in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime

from jx.adapters.local.memory_repos import MemoryRepos
from jx.domain.errors import NotFound
from jx.domain.history.history import FileChange
from jx.domain.names import Repo, Revision
from jx.domain.trees import Tree
from jx.ports.histories import ChangedCommit, Signature
from jx.ports.repos import Commit

_ALL = 1_000_000


class MemoryHistories:
    """Reads what `MemoryRepos` holds. Nothing there is ever signed or damaged."""

    def __init__(self, repos: MemoryRepos) -> None:
        self._repos = repos

    def head(self, repo: Repo, branch: str) -> Revision | None:
        return self._repos.head(repo, branch)

    def read(self, repo: Repo, revision: Revision) -> Tree:
        return self._repos.read(repo, revision)

    def log(self, repo: Repo, revision: Revision, *, limit: int = 100) -> tuple[Commit, ...]:
        return self._repos.log(repo, revision, limit=limit)

    def changes(
        self, repo: Repo, revision: Revision, *, since: datetime | None = None, path: str = "", limit: int = 0
    ) -> tuple[ChangedCommit, ...]:
        found: list[ChangedCommit] = []
        for commit in self._repos.log(repo, revision, limit=_ALL):
            if (since and commit.committed < since) or (limit and len(found) == limit):
                break
            files = self._files(repo, commit, path)
            if files or not path:
                found.append(ChangedCommit(commit, files))
        return tuple(found)

    def _files(self, repo: Repo, commit: Commit, path: str) -> tuple[FileChange, ...]:
        after = self._repos.read(repo, commit.revision)
        before = self._repos.read(repo, commit.parents[0]) if commit.parents else Tree()
        paths = [path] if path else sorted({*before.files, *after.files})
        rows = ((one, before.files.get(one), after.files.get(one)) for one in paths)
        return tuple(
            FileChange(
                one,
                old.data.decode(errors="replace") if old else None,
                new.data.decode(errors="replace") if new else None,
            )
            for one, old, new in rows
            if old != new
        )

    def digests(self, repo: Repo, revisions: tuple[Revision, ...]) -> Mapping[Revision, str]:
        found = {}
        for one in revisions:
            with contextlib.suppress(NotFound):
                found[one] = self._repos.read(repo, one).digest
        return found

    def signatures(self, repo: Repo, revisions: tuple[Revision, ...]) -> tuple[Signature, ...]:
        return tuple(Signature("none") for _ in revisions)

    def contains(self, repo: Repo, revision: Revision, *, ancestor: Revision) -> bool:
        seen: set[Revision] = set()
        todo = [revision]
        while todo:
            one = todo.pop()
            if one == ancestor:
                return True
            if one in seen:
                continue
            seen.add(one)
            try:
                todo += self._repos.log(repo, one, limit=1)[0].parents
            except NotFound:
                return False
        return False

    def find_damage(self, repo: Repo, revision: Revision) -> tuple[str, ...]:
        return ()
