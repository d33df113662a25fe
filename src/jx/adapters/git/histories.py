"""ports.histories.Histories and Proofs through the git command: in the mirrors of `GitRepos`, or in a clone without a network."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from jx.adapters.git import objects, tree_digests
from jx.adapters.git.process import Git
from jx.adapters.git.repos import GitRepos
from jx.domain.errors import Failed, JxError, NotFound, Unavailable
from jx.domain.history.history import FileChange
from jx.domain.names import Repo, Revision, parse_branch, parse_revision
from jx.domain.trees import Tree
from jx.ports.histories import ChangedCommit, Signature
from jx.ports.repos import Commit

_NO_FILE = "0" * 40
# A good signature of a key that nobody vouches for (U) proves nothing: anybody can make one.
_STATES = {
    "G": "good",
    "U": "unknown",
    "X": "good",
    "Y": "good",
    "B": "bad",
    "R": "bad",
    "E": "unknown",
    "N": "none",
}


class _GitHistory:
    """Everything but where the objects are."""

    def __init__(self, git: Git) -> None:
        self._git = git

    def _store(self, repo: Repo, revision: Revision) -> Path:
        raise NotImplementedError

    def read(self, repo: Repo, revision: Revision) -> Tree:
        return objects.read_tree(self._git, self._store(repo, revision), revision)

    def log(self, repo: Repo, revision: Revision, *, limit: int = 100) -> tuple[Commit, ...]:
        return objects.read_log(self._git, self._store(repo, revision), revision, after=None, limit=limit)

    def changes(
        self, repo: Repo, revision: Revision, *, since: datetime | None = None, path: str = "", limit: int = 0
    ) -> tuple[ChangedCommit, ...]:
        store = self._store(repo, revision)
        paths = ["--", f":(top,literal){path}"] if path else ["--"]
        moment = [f"--since={since.isoformat()}"] if since else []
        commits = objects.read_log(
            self._git, store, revision, after=None, limit=limit or -1, narrowed=(*moment, *paths)
        )
        if not commits:
            return ()
        # A merge is compared with its first parent: what it brought to the branch.
        stdin = "".join(" ".join([one.revision, *one.parents[:1]]) + "\n" for one in commits)
        output = self._git.run(
            "diff-tree", "--stdin", "--root", "-r", "-z", "--raw", "--no-renames", *paths, cwd=store, stdin=stdin.encode(),
        )  # fmt: skip
        rows = _parse_raw(output.split(b"\0"))
        wanted = sorted({oid for found in rows.values() for _, *oids in found for oid in oids} - {_NO_FILE})
        texts = {oid: data.decode(errors="replace") for oid, data in self._blobs(store, wanted).items()}
        return tuple(
            ChangedCommit(
                one,
                tuple(
                    FileChange(name, texts.get(old), texts.get(new))
                    for name, old, new in rows.get(one.revision, ())
                ),
            )
            for one in commits
        )

    def digests(self, repo: Repo, revisions: tuple[Revision, ...]) -> Mapping[Revision, str]:
        if not revisions:
            return {}
        store = self._nearest(repo, revisions)
        return tree_digests.compute(self._git, store, revisions)

    def _nearest(self, repo: Repo, revisions: tuple[Revision, ...]) -> Path:
        """A store with as many of these as there are: the newest that is there brings its past along."""
        for revision in revisions:
            with contextlib.suppress(NotFound, Failed):
                return self._store(repo, revision)
        raise NotFound(f"{repo.full_name} has none of these commits")

    def signatures(self, repo: Repo, revisions: tuple[Revision, ...]) -> tuple[Signature, ...]:
        if not revisions:
            return ()
        store = self._store(repo, revisions[0])
        signed = self._signed(store, revisions)
        if not signed:
            return tuple(Signature("none") for _ in revisions)
        text = self._git.run(
            "log", "--no-walk=unsorted", "--stdin", "-z", "--format=%H%x00%G?%x00%GS", cwd=store,
            stdin="".join(f"{one}\n" for one in signed).encode(),
        ).decode(errors="replace")  # fmt: skip
        fields = text.split("\0")
        found = {
            fields[at]: Signature(_STATES.get(fields[at + 1], "unknown"), fields[at + 2])
            for at in range(0, len(fields) - 2, 3)
        }
        return tuple(found.get(one, Signature("none")) for one in revisions)

    def _signed(self, store: Path, revisions: tuple[Revision, ...]) -> list[Revision]:
        """Those that have a signature at all: checking one starts a program."""
        found = self._blobs(store, list(revisions))
        return [one for one in revisions if b"\ngpgsig" in found[one].partition(b"\n\n")[0]]

    def contains(self, repo: Repo, revision: Revision, *, ancestor: Revision) -> bool:
        try:
            store = self._store(repo, revision)
            self._git.run("merge-base", "--is-ancestor", ancestor, revision, cwd=store)
        except (Failed, NotFound):
            return False
        return True

    def find_damage(self, repo: Repo, revision: Revision) -> tuple[str, ...]:
        store = self._store(repo, revision)
        try:
            self._git.run(
                "fsck", "--no-dangling", "--no-progress", "--no-reflogs", "--full", revision, cwd=store
            )
        except JxError as error:
            return (error.message,)
        return ()

    def _blobs(self, store: Path, oids: list[str]) -> dict[str, bytes]:
        return objects.read_objects(self._git, store, oids) if oids else {}


class MirrorHistories(_GitHistory):
    """In the mirrors: what is not there is fetched; what is there needs no network."""

    def __init__(self, repos: GitRepos) -> None:
        super().__init__(repos.git)
        self._repos = repos

    def head(self, repo: Repo, branch: str) -> Revision | None:
        try:
            return self._repos.head(repo, branch)
        except Unavailable:
            seen = self._repos.last_seen(repo, branch)
            if seen is None:
                raise
            return seen

    def _store(self, repo: Repo, revision: Revision) -> Path:
        return self._repos.store_with(repo, revision)


class CloneHistories(_GitHistory):
    """In one clone, whatever repository is asked for; nothing is ever fetched."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Git())
        self._folder = folder
        self._seen: set[Revision] = set()

    def head(self, repo: Repo, branch: str) -> Revision | None:
        names = [f"refs/remotes/origin/{parse_branch(branch)}", f"refs/heads/{branch}"]
        text = self._git.text("for-each-ref", "--format=%(refname) %(objectname)", *names, cwd=self._folder)
        found = dict(line.split(" ") for line in text.splitlines())
        name = next((name for name in names if name in found), None)
        return parse_revision(found[name]) if name else None

    def _store(self, repo: Repo, revision: Revision) -> Path:
        """Asks once for each commit: one that was there does not go away while it is looked at."""
        if revision in self._seen:
            return self._folder
        found = self._git.run("cat-file", "--batch-check", cwd=self._folder, stdin=f"{revision}\n".encode())
        if b" commit " not in found:
            raise NotFound(f"{self._folder} has no commit {revision[:12]}", hint="git fetch origin")
        self._seen.add(revision)
        return self._folder


def _parse_raw(tokens: list[bytes]) -> dict[str, list[tuple[str, str, str]]]:
    """By commit: paths, and the ids of the blobs before and after."""
    rows: dict[str, list[tuple[str, str, str]]] = {}
    current: list[tuple[str, str, str]] = []
    at = 0
    while at < len(tokens):
        token = tokens[at].lstrip(b"\n")
        if token.startswith(b":"):
            _, _, old, new, _ = token.decode().split(" ")
            current.append((tokens[at + 1].decode(errors="replace"), old, new))
            at += 2
            continue
        if token:
            current = rows.setdefault(token.decode().split(" ")[0], [])
        at += 1
    return rows
