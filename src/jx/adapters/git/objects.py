"""Reading and making git objects in a bare repository, without a checkout."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from jx.adapters.git.process import Git
from jx.domain.errors import Invalid, Problem
from jx.domain.ledger.trailers import find_trailers
from jx.domain.names import Person, Revision, parse_revision
from jx.domain.trees import Blob, Tree
from jx.ports.repos import Commit, Draft

_LINK, _SUBMODULE = "120000", "160000"


def read_tree(git: Git, store: Path, revision: Revision) -> Tree:
    """All files of a commit; Invalid for symlinks, submodules and unsafe paths."""
    entries: dict[str, tuple[str, str]] = {}
    problems = []
    for row in git.run("ls-tree", "-r", "-z", "--full-tree", revision, cwd=store).split(b"\0"):
        if not row:
            continue
        head, _, path = row.partition(b"\t")
        mode, _kind, oid = head.decode().split()
        name = path.decode(errors="replace")
        if mode == _LINK:
            problems.append(Problem(name, "symbolic links are not allowed in an environment's repository"))
        elif mode == _SUBMODULE:
            problems.append(Problem(name, "submodules are not allowed in an environment's repository"))
        else:
            entries[name] = (mode, oid)
    if problems:
        raise Invalid(f"commit {revision[:12]} holds files that cannot be read safely", *problems)
    blobs = read_objects(git, store, [oid for _, oid in entries.values()])
    return Tree(
        {path: Blob(blobs[oid], executable=mode == "100755") for path, (mode, oid) in entries.items()}
    )


def read_objects(git: Git, store: Path, oids: Sequence[str]) -> dict[str, bytes]:
    """Objects by their ids, as git stores them."""
    output = git.run("cat-file", "--batch", cwd=store, stdin="".join(f"{oid}\n" for oid in oids).encode())
    found: dict[str, bytes] = {}
    at = 0
    for oid in oids:
        end = output.index(b"\n", at)
        size = int(output[at:end].split()[2])
        found[oid] = output[end + 1 : end + 1 + size]
        at = end + size + 2
    return found


_FORMAT = "%H%x00%P%x00%an%x00%ae%x00%ct%x00%B"
_FIELDS = 6
"""Nothing but a NUL is kept out of names and messages by git itself, so nothing else may part them."""


def read_log(
    git: Git,
    store: Path,
    revision: Revision,
    *,
    after: Revision | None,
    limit: int,
    narrowed: tuple[str, ...] = ("--",),
) -> tuple[Commit, ...]:
    """First-parent history, newest first; a limit below zero is none. `narrowed` are further arguments of git, paths last."""
    span = [revision] if after is None else [revision, f"^{after}"]
    text = git.run(
        "log", "-z", "--first-parent", f"--max-count={limit}", f"--format={_FORMAT}", *span, *narrowed, cwd=store
    ).decode(errors="replace")  # fmt: skip
    fields = text.split("\0")[:-1] if text.endswith("\0") else text.split("\0")
    return tuple(_commit(fields[at : at + _FIELDS]) for at in range(0, len(fields) - 1, _FIELDS))


def _commit(fields: list[str]) -> Commit:
    oid, parents, name, email, seconds, message = fields
    return Commit(
        revision=Revision(oid),
        parents=tuple(Revision(parent) for parent in parents.split()),
        author=Person(name, email),
        committed=datetime.fromtimestamp(int(seconds), UTC),
        message=message.strip("\n"),
        trailers=find_trailers(message),
    )


def make_commit(git: Git, store: Path, *, parent: Revision | None, draft: Draft) -> Revision:
    """A commit object with exactly the draft's files; no ref of ours is moved. Equal arguments give the same id.

    By `git fast-import`, in one process however many files there are.
    """
    at = draft.at or datetime.now(UTC)
    ref = f"refs/jx/drafts/{draft.tree.digest[7:19]}-{(parent or 'root')[:12]}"
    stream = _stream(ref, parent=parent, draft=draft, at=at)
    git.run("fast-import", "--quiet", "--force", "--done", cwd=store, stdin=stream)
    return parse_revision(git.text("rev-parse", "--verify", ref, cwd=store))


def _stream(ref: str, *, parent: Revision | None, draft: Draft, at: datetime) -> bytes:
    parts = [b"feature done\n"]
    for mark, blob in enumerate(draft.tree.files.values(), 1):
        parts.append(b"blob\nmark :%d\ndata %d\n" % (mark, len(blob.data)) + blob.data + b"\n")
    message = draft.message.encode()
    stamp = f"{int(at.timestamp())} +0000"
    person = f"{_clean(draft.author.name) or 'unknown'} <{_clean(draft.author.email)}> {stamp}"
    parts.append(
        f"commit {ref}\nauthor {person}\ncommitter {person}\ndata {len(message)}\n".encode() + message + b"\n"
    )
    parts.append(f"from {parent}\n".encode() if parent else b"")
    parts.append(b"deleteall\n")
    for mark, (path, blob) in enumerate(draft.tree.files.items(), 1):
        mode = "100755" if blob.executable else "100644"
        parts.append(f"M {mode} :{mark} {_quote(path)}\n".encode())
    parts.append(b"\ndone\n")
    if not parent:
        # fast-import would otherwise continue a ref that an earlier, equal draft left behind.
        parts.insert(1, f"reset {ref}\nfrom {'0' * 40}\n\n".encode())
    return b"".join(parts)


def _clean(text: str) -> str:
    return "".join(c for c in text if c not in "<>\n\r\0").strip()


def _quote(path: str) -> str:
    if path.isprintable() and not path.startswith('"') and " " not in path and "\\" not in path:
        return path
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
