"""Tree digests: `Tree.digest` of many commits at once. Each object is read and hashed once, however many commits hold it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from jx.adapters.git.process import Git
from jx.domain.names import Revision

_FOLDER, _EXECUTABLE = b"40000", b"100755"
Row = tuple[bytes, str, str]
"""Mode, name and id of an entry of a folder."""


def compute(git: Git, store: Path, revisions: tuple[Revision, ...]) -> Mapping[Revision, str]:
    """The digests; without those of commits that are not there or not whole."""
    commits = _read(git, store, list(revisions), b"commit")
    roots = {
        Revision(one): data.split(b"\n", 1)[0].removeprefix(b"tree ").decode()
        for one, data in commits.items()
    }
    folders: dict[str, list[Row]] = {}
    todo = set(roots.values())
    while todo:
        found = _read(git, store, sorted(todo), b"tree")
        folders |= {oid: list(_rows(data, len(oid) // 2)) for oid, data in found.items()}
        todo = {oid for one in found for mode, _, oid in folders[one] if mode == _FOLDER} - folders.keys()
    files = {oid for rows in folders.values() for mode, _, oid in rows if mode != _FOLDER}
    contents = _read(git, store, sorted(files), b"blob")
    hashes = {oid: hashlib.sha256(data).hexdigest() for oid, data in contents.items()}
    digests: dict[str, str] = {}
    for root in set(roots.values()):
        paths = dict(_walk(folders, root, ""))
        if all(oid in hashes for _, oid in paths.values()):
            digests[root] = _digest(paths, hashes)
    return {one: digests[root] for one, root in roots.items() if root in digests}


def _digest(paths: Mapping[str, tuple[bytes, str]], hashes: Mapping[str, str]) -> str:
    whole = hashlib.sha256()
    for path in sorted(paths):
        mode, oid = paths[path]
        whole.update(f"{path}\0{int(mode == _EXECUTABLE)}\0{hashes[oid]}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def _walk(folders: Mapping[str, list[Row]], oid: str, place: str) -> Iterator[tuple[str, tuple[bytes, str]]]:
    for mode, name, child in folders.get(oid, ()):
        if mode == _FOLDER:
            yield from _walk(folders, child, f"{place}{name}/")
        else:
            yield f"{place}{name}", (mode, child)


def _rows(data: bytes, width: int) -> Iterator[Row]:
    """Entries of a folder, whose ids have so many bytes."""
    at = 0
    while at < len(data):
        space, end = data.index(b" ", at), data.index(b"\0", at)
        yield (
            data[at:space],
            data[space + 1 : end].decode(errors="replace"),
            data[end + 1 : end + 1 + width].hex(),
        )
        at = end + 1 + width


def _read(git: Git, store: Path, oids: list[str], kind: bytes) -> dict[str, bytes]:
    """Objects of that kind; without those that are not there."""
    if not oids:
        return {}
    output = git.run("cat-file", "--batch", cwd=store, stdin="".join(f"{oid}\n" for oid in oids).encode())
    found: dict[str, bytes] = {}
    at = 0
    for oid in oids:
        end = output.index(b"\n", at)
        words = output[at:end].split()
        if len(words) < 3:  # missing
            at = end + 1
            continue
        size = int(words[2])
        if words[1] == kind:
            found[oid] = output[end + 1 : end + 1 + size]
        at = end + size + 2
    return found
