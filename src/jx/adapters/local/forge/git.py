"""Git in one bare repository of the forge: refs by compare-and-swap, merges without a checkout, history and diffs."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from jx.adapters.local.forge.remembered import Remembered
from jx.domain.errors import Failed, NotFound, Refused, Stale
from jx.domain.names import Person, Revision

HEADS = "refs/heads/"
ZERO = "0" * 40

_FIRST_WITH_MERGE_TREE = (2, 38)


def environment(home: Path) -> dict[str, str]:
    """What git gets to see: no configuration of this machine, no questions, no locale."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
    }


@cache
def can_merge_trees() -> bool:
    """Whether this machine's git merges without a checkout (2.38 and newer)."""
    text = subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)\.(\d+)", text)
    return found is not None and (int(found[1]), int(found[2])) >= _FIRST_WITH_MERGE_TREE


def init_bare(folder: Path, *, branch: str = "master") -> None:
    """Make an empty bare repository whose HEAD names `branch`."""
    _call(
        ["git", "init", "-q", "--bare", "--template=", f"--initial-branch={branch}", str(folder)],
        folder.parent,
    )
    settings = {
        "http.receivepack": "true",
        "uploadpack.allowFilter": "true",
        "uploadpack.allowAnySHA1InWant": "true",
        "gc.autoDetach": "false",
    }
    for name, value in settings.items():
        _call(["git", "config", "--file", str(folder / "config"), name, value], folder.parent)


def _call(command: list[str], home: Path) -> None:
    done = subprocess.run(command, capture_output=True, env=environment(home), check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command[:2])} failed: {_first_line(done.stderr)}")


def _first_line(stderr: bytes) -> str:
    return (stderr.decode(errors="replace").strip() or "no reason given").splitlines()[0]


@dataclass(frozen=True, slots=True)
class NewCommit:
    """A commit to be."""

    tree: str
    parents: tuple[Revision, ...]
    message: str
    author: Person
    committer: Person


@dataclass(frozen=True, slots=True)
class Logged:
    """A line of history."""

    revision: Revision
    author: str
    date: str
    subject: str


@dataclass(frozen=True, slots=True)
class BareGit:
    """One bare repository."""

    folder: Path
    known: Remembered = field(default_factory=Remembered, compare=False, repr=False)

    def _run(
        self, *arguments: str, stdin: bytes = b"", extra: Mapping[str, str] | None = None, limit: int = 0
    ) -> subprocess.CompletedProcess[bytes]:
        command = ["git", f"--git-dir={self.folder}", *arguments]
        whole = {**environment(self.folder), **(extra or {})}
        if limit:
            return _run_at_most(command, whole, limit)
        return subprocess.run(command, input=stdin, capture_output=True, env=whole, check=False)

    def _text(self, *arguments: str) -> str:
        done = self._run(*arguments)
        if done.returncode:
            raise Failed(f"git {arguments[0]} failed in {self.folder.name}: {_first_line(done.stderr)}")
        return done.stdout.decode(errors="replace").strip()

    def branches(self) -> dict[str, Revision]:
        """The head of every branch."""
        return dict(self.known.of_refs(self.folder, HEADS, self._branches))

    def _branches(self) -> dict[str, Revision]:
        listing = self._text("for-each-ref", "--format=%(objectname) %(refname)", HEADS)
        pairs = (line.split(" ", 1) for line in listing.splitlines())
        return {name.removeprefix(HEADS): Revision(revision) for revision, name in pairs}

    def head(self, branch: str) -> Revision | None:
        """The head of a branch, or None."""
        return self.known.of_refs(self.folder, HEADS, self._branches).get(branch)

    def advert(self, service: str, protocol: str) -> bytes:
        """What a client of `upload-pack` or `receive-pack` is told first: but in the second protocol all refs. `protocol` is what
        it said that it speaks."""

        def ask() -> bytes:
            extra = {"GIT_PROTOCOL": protocol} if protocol else {}
            done = self._run(service, "--http-backend-info-refs", str(self.folder), extra=extra)
            if done.returncode:
                raise Failed(f"git {service} failed in {self.folder.name}: {_first_line(done.stderr)}")
            return done.stdout

        return self.known.of_refs(self.folder, (service, protocol), ask)

    def has_commit(self, revision: Revision) -> bool:
        """Whether there is such a commit."""

        def ask() -> bool | None:
            return self._run("cat-file", "-e", f"{revision}^{{commit}}").returncode == 0 or None

        return bool(self.known.of_commits(("commit", revision), ask))

    def default_branch(self) -> str:
        """The branch that HEAD names, there or not."""
        named = (self.folder / "HEAD").read_text().strip().removeprefix("ref: ")
        return named.removeprefix(HEADS)

    def set_default_branch(self, branch: str) -> None:
        """Let HEAD name a branch."""
        self._text("symbolic-ref", "HEAD", HEADS + branch)

    def is_ancestor(self, old: Revision, new: Revision) -> bool:
        """Whether `old` is part of the history of `new`."""
        return self._run("merge-base", "--is-ancestor", old, new).returncode == 0

    def fork_point(self, base: Revision, head: Revision) -> Revision | None:
        """The newest commit that both share, or None for unrelated histories."""
        done = self._run("merge-base", base, head)
        return Revision(done.stdout.decode().strip()) if done.returncode == 0 else None

    def landing(self, head: Revision, base: Revision) -> Revision:
        """The commit on `base`'s first-parent line that brought `head` in; `head` itself where the line goes through it."""
        line = self._text("rev-list", "--first-parent", f"{head}..{base}").split()
        if not line or self._text("rev-parse", f"{line[-1]}^1") == head:
            return head
        after = set(self._text("rev-list", "--ancestry-path", f"{head}..{base}").split())
        return Revision([revision for revision in line if revision in after][-1])

    def merge_tree(self, base: Revision, head: Revision) -> str:
        """The tree of git's three-way merge. Refused, with the files, on a conflict or with a git that is too old."""
        if not can_merge_trees():
            raise Refused(
                "this machine's git cannot merge without a checkout",
                hint="install git 2.38 or newer, or push the merge yourself",
            )
        done = self._run("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", base, head)
        parts = [part.decode(errors="replace") for part in done.stdout.split(b"\0") if part]
        if done.returncode == 0:
            return parts[0].strip()
        if done.returncode == 1:
            files = ", ".join(dict.fromkeys(parts[1:]))
            raise Refused(
                f"conflicts in {files}",
                hint="merge the base branch into the pull request's branch, and push it",
            )
        raise Refused(f"git cannot merge this: {_first_line(done.stderr)}")

    def merges(self, base: Revision, head: Revision) -> bool:
        """Whether git's three-way merge has no conflict."""

        def ask() -> bool | None:
            try:
                self.merge_tree(base, head)
            except Refused:
                return None
            return True

        return bool(self.known.of_commits(("merges", base, head), ask))

    def commit(self, new: NewCommit) -> Revision:
        """Write a commit; no ref moves."""
        parents = [part for parent in new.parents for part in ("-p", parent)]
        who = {
            "GIT_AUTHOR_NAME": new.author.name,
            "GIT_AUTHOR_EMAIL": new.author.email,
            "GIT_COMMITTER_NAME": new.committer.name,
            "GIT_COMMITTER_EMAIL": new.committer.email,
        }
        done = self._run("commit-tree", new.tree, *parents, "-F", "-", stdin=new.message.encode(), extra=who)
        if done.returncode:
            raise Failed(f"git commit-tree failed: {_first_line(done.stderr)}")
        return Revision(done.stdout.decode().strip())

    def move(self, branch: str, *, old: Revision | None, new: Revision) -> None:
        """Set a branch to `new` if it still is at `old` (None: not there); Stale otherwise."""
        done = self._run("update-ref", HEADS + branch, new, old or ZERO)
        if done.returncode:
            raise Stale(
                f"branch {branch} has moved in the meantime",
                hint="look at the pull request again, then repeat",
            )

    def keep(self, number: int, head: Revision) -> None:
        """Let `refs/pull/<number>/head` hold a pull request's commits, whatever becomes of its branch."""
        self._text("update-ref", f"refs/pull/{number}/head", head)

    def log(self, revisions: str, *, limit: int = 50) -> tuple[Logged, ...]:
        """Commits of a range, newest first."""
        form = "--format=%H%x00%an%x00%as%x00%s"
        text = self._text("log", f"--max-count={limit}", form, revisions, "--")
        rows = (line.split("\0", 3) for line in text.splitlines())
        return tuple(Logged(Revision(a), b, c, d) for a, b, c, d in rows)

    def between(self, old: Revision, new: Revision) -> frozenset[str]:
        """The commits that `new` has and `old` has not."""
        return frozenset(self._text("rev-list", f"{old}..{new}").split())

    def author_email(self, revision: Revision) -> str:
        """Of the author of a commit, as git knows it."""

        def ask() -> str:
            return self._text("log", "--max-count=1", "--format=%ae", revision, "--").strip()

        return self.known.of_commits(("author", revision), ask) or ""

    def diff(self, old: Revision, new: Revision, *, limit: int) -> tuple[str, bool]:
        """The text of `git diff`, and whether it was cut at `limit` bytes."""
        options = ("--no-color", "--no-ext-diff", "--no-textconv", "--find-renames")
        done = self._run("diff", *options, old, new, "--", limit=limit)
        return done.stdout[:limit].decode(errors="replace"), len(done.stdout) > limit

    def require(self, branch: str) -> Revision:
        """The head of a branch; NotFound."""
        head = self.head(branch)
        if head is None:
            raise NotFound(f"there is no branch {branch} in {self.folder.parent.name}/{self.folder.stem}")
        return head


def _run_at_most(
    command: list[str], env: Mapping[str, str], limit: int
) -> subprocess.CompletedProcess[bytes]:
    """Its output, but no more than one byte above the limit."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env) as process:
        assert process.stdout is not None
        output = process.stdout.read(limit + 1)
        process.stdout.close()
        return subprocess.CompletedProcess(command, process.wait(), output, b"")
