"""Repositories in memory: the world of tests, and of rehearsals that leave nothing behind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from jx.domain.errors import NotFound, Stale
from jx.domain.ledger.trailers import find_trailers
from jx.domain.names import Person, Repo, Revision
from jx.domain.trees import Tree, merge_trees
from jx.ports.repos import Commit, Draft

_START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class _Stored:
    branches: dict[str, Revision] = field(default_factory=dict)
    tags: dict[str, Revision] = field(default_factory=dict)
    commits: dict[Revision, tuple[Commit, Tree]] = field(default_factory=dict)
    pushes: dict[tuple[str, Revision], dict[str, Person]] = field(default_factory=dict)


class MemoryRepos:
    """ports.repos.Repos in memory. Commit ids are computed from content, as git's are.

    `create` makes an empty repository; other calls on a repository that was not made raise NotFound, as a server would.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: _START) -> None:
        self._now = now
        self._repos: dict[str, _Stored] = {}
        self._user: Person | None = None

    def login_as(self, user: Person) -> MemoryRepos:
        """The same repositories for somebody whose token a forge knows: what they push is theirs."""
        other = MemoryRepos(self._now)
        other._repos, other._user = self._repos, user
        return other

    def pushed_by(self, repo: Repo, branch: str, revision: Revision) -> tuple[Person, ...]:
        """Who set the branch to that commit; empty where nobody said who they are."""
        return tuple(self._stored(repo).pushes.get((branch, revision), {}).values())

    def create(self, repo: Repo) -> Repo:
        """Make an empty repository; again is no error."""
        self._repos.setdefault(repo.url, _Stored())
        return repo

    def delete(self, repo: Repo) -> None:
        """As if it had never been; not there is no error."""
        self._repos.pop(repo.url, None)

    def head(self, repo: Repo, branch: str) -> Revision | None:
        return self._stored(repo).branches.get(branch)

    def refs(self, repo: Repo) -> dict[str, Revision]:
        stored = self._stored(repo)
        return {
            **{f"refs/heads/{name}": revision for name, revision in stored.branches.items()},
            **{f"refs/tags/{name}": revision for name, revision in stored.tags.items()},
        }

    def tag(self, repo: Repo, name: str, revision: Revision) -> None:
        """Set a tag, as somebody who pushes one does."""
        self._stored(repo).tags[name] = self._get(repo, revision)[0].revision

    def read(self, repo: Repo, revision: Revision) -> Tree:
        return self._get(repo, revision)[1]

    def log(
        self, repo: Repo, revision: Revision, *, after: Revision | None = None, limit: int = 100
    ) -> tuple[Commit, ...]:
        found: list[Commit] = []
        following: Revision | None = revision
        while following is not None and following != after and len(found) < limit:
            commit = self._get(repo, following)[0]
            found.append(commit)
            following = commit.parents[0] if commit.parents else None
        return tuple(found)

    def write(self, repo: Repo, branch: str, *, base: Revision | None, draft: Draft) -> Revision:
        head = self.head(repo, branch)
        if head != base:
            raise Stale(f"branch {branch} of {repo.full_name} has moved from {base} to {head}")
        if base is not None and self.read(repo, base) == draft.tree:
            return base
        return self._commit(repo, branch, parent=base, draft=draft)

    def replace(
        self, repo: Repo, branch: str, *, base: Revision, draft: Draft, before: Sequence[Draft] = ()
    ) -> Revision:
        drafts = (*before, draft)
        head = self.head(repo, branch)
        if head is not None:
            if self._are(repo, head, base, drafts):
                return head
            known = {commit.revision for commit in self.log(repo, base, limit=10_000)}
            ours = [c for c in self.log(repo, head, limit=10_000) if c.revision not in known]
            foreign = [c for c in ours if "Jx-Edit" not in c.trailers]
            if foreign:
                raise Stale(f"branch {branch} of {repo.full_name} holds commits of {foreign[0].author}")
        commit = base
        for one in drafts:
            commit, drawn = self._draw(commit, one)
            self._stored(repo).commits[commit] = (drawn, one.tree)
        self._move(repo, branch, commit)
        return commit

    def _are(self, repo: Repo, head: Revision, base: Revision, drafts: Sequence[Draft]) -> bool:
        at = head
        for draft in reversed(drafts):
            commit, tree = self._get(repo, at)
            if len(commit.parents) != 1 or commit.message != draft.message or tree != draft.tree:
                return False
            at = commit.parents[0]
        return at == base

    def append(self, repo: Repo, branch: str, *, parent: Revision | None, draft: Draft) -> Revision:
        head = self.head(repo, branch)
        revision, commit = self._draw(parent, draft)
        if head == revision:
            return revision
        if head != parent:
            raise Stale(f"branch {branch} of {repo.full_name} has moved from {parent} to {head}")
        self._stored(repo).commits[revision] = (commit, draft.tree)
        self._move(repo, branch, revision)
        return revision

    def check_push(self, repo: Repo, branch: str) -> None:
        self._stored(repo)

    def can_merge(self, repo: Repo, *, head: str, base: str) -> bool:
        """Whether `merge` would find no conflict."""
        return not self._merged(repo, head, base)[1]

    def merge(self, repo: Repo, *, head: str, base: str, draft: Draft, squash: bool = False) -> Revision:
        """Merge by taking over the files that `head` changed since it left `base`; for forges in memory. Of the draft message and
        author count. Stale on a conflict."""
        merged, conflicts = self._merged(repo, head, base)
        if conflicts:
            raise Stale(f"{', '.join(conflicts)} was changed on both branches")
        tip = None if squash else self.head(repo, head)
        draft = replace(draft, tree=merged)
        return self._commit(repo, base, parent=self.head(repo, base), draft=draft, merged=tip)

    def _merged(self, repo: Repo, head: str, base: str) -> tuple[Tree, tuple[str, ...]]:
        base_head, tip = self.head(repo, base), self.head(repo, head)
        if base_head is None or tip is None:
            raise NotFound(f"no branch {head if base_head else base} in {repo.full_name}")
        fork = self._fork_point(repo, tip, base_head)
        before = self.read(repo, fork) if fork else Tree()
        return merge_trees(before, self.read(repo, base_head), self.read(repo, tip))

    def _fork_point(self, repo: Repo, tip: Revision, base: Revision) -> Revision | None:
        known = {commit.revision for commit in self.log(repo, base, limit=10_000)}
        return next((c.revision for c in self.log(repo, tip, limit=10_000) if c.revision in known), None)

    def _stored(self, repo: Repo) -> _Stored:
        stored = self._repos.get(repo.url)
        if stored is None:
            raise NotFound(f"there is no repository {repo.url}")
        return stored

    def _get(self, repo: Repo, revision: Revision) -> tuple[Commit, Tree]:
        found = self._stored(repo).commits.get(revision)
        if found is None:
            raise NotFound(f"there is no commit {revision} in {repo.full_name}")
        return found

    def _draw(self, parent: Revision | None, draft: Draft) -> tuple[Revision, Commit]:
        at = draft.at or self._now()
        content = "\0".join(
            [draft.tree.digest, str(parent), draft.message, str(draft.author), at.isoformat()]
        )
        revision = Revision(hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest())
        parents = (parent,) if parent else ()
        return revision, Commit(
            revision, parents, draft.author, at, draft.message, find_trailers(draft.message)
        )

    def _commit(
        self,
        repo: Repo,
        branch: str,
        *,
        parent: Revision | None,
        draft: Draft,
        merged: Revision | None = None,
    ) -> Revision:
        revision, commit = self._draw(parent, draft)
        if merged is not None:
            commit = replace(commit, parents=(*commit.parents, merged))
        self._stored(repo).commits[revision] = (commit, draft.tree)
        self._move(repo, branch, revision)
        return revision

    def _move(self, repo: Repo, branch: str, revision: Revision) -> None:
        stored = self._stored(repo)
        stored.branches[branch] = revision
        if self._user is not None:
            stored.pushes.setdefault((branch, revision), {})[self._user.login] = self._user
