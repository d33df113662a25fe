"""ports.repos.Repos and Remotes through the git command: a bare mirror per repository, no checkouts."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from jx.adapters.git import objects
from jx.adapters.git.nearby import ask_refs
from jx.adapters.git.process import Git, Logins, no_logins
from jx.domain.errors import Forbidden, Stale
from jx.domain.names import Person, Repo, Revision, parse_branch, parse_revision
from jx.domain.trees import Tree
from jx.ports.repos import Commit, Draft

_HEADS, _TAGS, _PEELED = "refs/heads/", "refs/tags/", "^{}"
_REMEMBERED = 8
"""Commits whose files are kept in memory: what is looked at again and again is the head of a few branches."""
_MOST_OWN = 1000
"""Commits of an own branch that are looked at."""
_LONGEST_KEPT = 1000
"""Commits of a history that is kept in memory."""
_T = TypeVar("_T")


class _Recent(Generic[_T]):
    """What git said last of things that never change. Threads may share it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, _T] = OrderedDict()

    def get(
        self, key: Hashable, ask: Callable[[], _T], *, is_kept: Callable[[_T], bool] = lambda _: True
    ) -> _T:
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = ask()
        if is_kept(found):
            with self._lock:
                self._known[key] = found
                if len(self._known) > self._most:
                    self._known.popitem(last=False)
        return found


class GitRepos:
    """Repositories by URL, mirrored below `cache`. Threads may share it; so may processes, since git locks its refs."""

    def __init__(self, cache: Path, *, logins: Logins = no_logins) -> None:
        self._cache = cache
        self._logins = logins
        self.git = Git(logins, is_owner=True)
        self._lock = threading.Lock()
        self._trees = _Recent[Tree](_REMEMBERED)
        self._logs = _Recent[tuple[Commit, ...]](2 * _REMEMBERED)
        self._there = _Recent[bool](_REMEMBERED * _REMEMBERED)

    def head(self, repo: Repo, branch: str) -> Revision | None:
        is_tag = branch.startswith(_TAGS)
        ref = (
            f"{_TAGS}{parse_branch(branch.removeprefix(_TAGS))}"
            if is_tag
            else f"refs/heads/{parse_branch(branch)}"
        )
        names = (f"{ref}{_PEELED}", ref) if is_tag else (ref,)
        refs = self._ask_refs(repo, *names)
        return next((parse_revision(refs[name]) for name in names if name in refs), None)

    def refs(self, repo: Repo) -> dict[str, Revision]:
        refs = self._ask_refs(repo, f"{_HEADS}*", f"{_TAGS}*")
        names = [name for name in refs if name.startswith((_HEADS, _TAGS)) and not name.endswith(_PEELED)]
        return {name: parse_revision(refs.get(f"{name}{_PEELED}", refs[name])) for name in names}

    def _ask_refs(self, repo: Repo, *patterns: str) -> dict[str, str]:
        refs = ask_refs(repo.url, self._logins(repo.url))
        if refs is None:
            lines = self.git.text(
                *("ls-remote", "--", repo.url, *patterns),
                cwd="/",  # settings of whatever repository we happen to stand in are none of ours
                url=repo.url,
            ).splitlines()
            refs = {name: oid for oid, _, name in (line.partition("\t") for line in lines)}
        return refs

    def last_seen(self, repo: Repo, branch: str) -> Revision | None:
        """The branch as the mirror has it; None where it was never seen. Asks nobody."""
        ref = f"refs/remotes/origin/{parse_branch(branch)}"
        found = self.git.text("for-each-ref", "--format=%(objectname)", ref, cwd=self._store(repo))
        return parse_revision(found) if found else None

    def read(self, repo: Repo, revision: Revision) -> Tree:
        return self._trees.get(
            (repo.url, revision),
            lambda: objects.read_tree(self.git, self.store_with(repo, revision), revision),
        )

    def log(
        self, repo: Repo, revision: Revision, *, after: Revision | None = None, limit: int = 100
    ) -> tuple[Commit, ...]:
        store = self.store_with(repo, revision)
        known = after if after and self._has(store, after) else None
        return self._logs.get(
            (store, revision, known, limit),
            lambda: objects.read_log(self.git, store, revision, after=known, limit=limit),
            is_kept=lambda found: len(found) <= _LONGEST_KEPT,
        )

    def write(self, repo: Repo, branch: str, *, base: Revision | None, draft: Draft) -> Revision:
        store = self.store_with(repo, base) if base else self._store(repo)
        if base and self.read(repo, base) == draft.tree:
            if (head := self.head(repo, branch)) != base:
                raise Stale(f"branch {branch} of {repo.full_name} has moved from {base} to {head}")
            return base
        commit = objects.make_commit(self.git, store, parent=base, draft=draft)
        self._push(repo, store, commit, branch=branch, expected=base)
        return commit

    def replace(
        self, repo: Repo, branch: str, *, base: Revision, draft: Draft, before: Sequence[Draft] = ()
    ) -> Revision:
        store = self.store_with(repo, base)
        drafts = (*before, draft)
        head = self.head(repo, branch)
        if head is not None:
            self.store_with(repo, head)
            commits = objects.read_log(self.git, store, head, after=base, limit=_MOST_OWN)
            if self._are(store, commits, base, drafts):
                return head
            foreign = [commit for commit in commits if "Jx-Edit" not in commit.trailers]
            if foreign:
                raise Stale(
                    f"branch {branch} of {repo.full_name} holds commits of {foreign[0].author}",
                    hint="merge or delete that branch, then try again",
                )
        commit = base
        for one in drafts:
            commit = objects.make_commit(self.git, store, parent=commit, draft=one)
        self._push(repo, store, commit, branch=branch, expected=head, force=True)
        return commit

    def _are(self, store: Path, commits: Sequence[Commit], base: Revision, drafts: Sequence[Draft]) -> bool:
        """Whether these commits, newest first, are what the drafts would make of `base`."""
        if len(commits) != len(drafts) or commits[-1].parents != (base,):
            return False
        return all(
            len(commit.parents) == 1
            and commit.message == draft.message.strip("\n")
            and objects.read_tree(self.git, store, commit.revision) == draft.tree
            for commit, draft in zip(commits, reversed(drafts), strict=True)
        )

    def append(self, repo: Repo, branch: str, *, parent: Revision | None, draft: Draft) -> Revision:
        store = self.store_with(repo, parent) if parent else self._store(repo)
        commit = objects.make_commit(self.git, store, parent=parent, draft=draft)
        head = self.head(repo, branch)
        if head == commit:
            return commit
        if head != parent:
            raise Stale(f"branch {branch} of {repo.full_name} has moved from {parent} to {head}")
        self._push(repo, store, commit, branch=branch, expected=parent)
        return commit

    def check_push(self, repo: Repo, branch: str) -> None:
        """A push that stops before it sends anything: rights are asked, hooks are not."""
        path = Path(urlsplit(repo.url).path if repo.url.startswith("file://") else repo.url)
        if path.is_absolute() and path.is_dir() and not os.access(path / "objects", os.W_OK):
            raise Forbidden(f"no right at {repo.url}: its folder cannot be written")
        store = self._store(repo)
        draft = Draft(Tree(), "nothing", Person("jx"), at=datetime.fromtimestamp(0, UTC))
        commit = objects.make_commit(self.git, store, parent=None, draft=draft)
        ref = f"refs/heads/{parse_branch(branch)}"
        self.git.run(
            "push", "--dry-run", "--quiet", "--", repo.url, f"+{commit}:{ref}", cwd=store, url=repo.url
        )

    def _store(self, repo: Repo) -> Path:
        name = hashlib.sha256(repo.url.encode()).hexdigest()[:24]
        store = self._cache / f"{name}.git"
        with self._lock:
            if not store.exists():
                self._make(store)
        return store

    def _make(self, store: Path) -> None:
        """An empty mirror, there as a whole or not at all: git itself leaves half of one behind when it is killed."""
        store.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(
            prefix="new-", dir=store.parent, ignore_cleanup_errors=True
        ) as draft:
            made = Path(draft) / store.name
            self.git.run("init", "--quiet", "--bare", "--", str(made))
            try:
                made.rename(store)
            except OSError:
                if not store.exists():  # else another process was faster, and its mirror is as good
                    raise

    def _has(self, store: Path, revision: Revision) -> bool:
        def ask() -> bool:
            found = self.git.run("cat-file", "--batch-check", cwd=store, stdin=f"{revision}\n".encode())
            return b" commit " in found

        # A mirror that was deleted and made anew is another one, and may hold less.
        return self._there.get((store, store.stat().st_ino, revision), ask, is_kept=bool)

    def store_with(self, repo: Repo, revision: Revision) -> Path:
        """The mirror, holding that commit with its history."""
        store = self._store(repo)
        if not self._has(store, revision):
            self.git.run(
                "fetch", "--quiet", "--no-tags", "--prune", "--", repo.url, "+refs/heads/*:refs/remotes/origin/*",
                cwd=store, url=repo.url,
            )  # fmt: skip
            if not self._has(store, revision):
                self.git.run(
                    "fetch", "--quiet", "--no-tags", "--", repo.url, revision, cwd=store, url=repo.url
                )
        return store

    def _push(
        self,
        repo: Repo,
        store: Path,
        commit: Revision,
        *,
        branch: str,
        expected: Revision | None,
        force: bool = False,
    ) -> None:
        ref = f"refs/heads/{parse_branch(branch)}"
        lease = f"--force-with-lease={ref}:{expected or ''}"
        # With the lease git may overwrite, so what is no fast-forward is said to be one only where it may.
        source = f"+{commit}:{ref}" if force else f"{commit}:{ref}"
        self.git.run("push", "--quiet", lease, "--", repo.url, source, cwd=store, url=repo.url)
