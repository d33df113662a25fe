"""Canaries: known secret values, every way they could be written down, and where to look for them."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, quote_plus

_AROUND = 100
_LOOKS = 3
"""At each process: a program that starts another one has its own arguments at first."""


def shapes(value: str) -> set[str]:
    """A value as it is, within quotes, in an address, in hex, and in base64 wherever it stands in what is encoded."""
    raw = value.encode()
    found = {value, json.dumps(value)[1:-1], quote(value, safe=""), quote(value), quote_plus(value)}
    found |= {raw.hex(), raw.hex().upper()}
    for before in range(3):
        text = base64.b64encode(b"\0" * before + raw).decode()
        # Only letters that depend on the value alone: what stands before and after it shares one with it.
        part = text[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        found |= {part, part.replace("+", "-").replace("/", "_")}
    return found


def leaks(values: Iterable[str], seen: Iterable[tuple[str, bytes]]) -> list[str]:
    """Each place (by its name) where a value can be read, with what stands before it."""
    wanted = {shape.encode(): value for value in values for shape in shapes(value)}
    return [
        f"{name}: {value!r} as {shape!r} after {content[max(0, (at := content.index(shape)) - _AROUND) : at]!r}"
        for name, content in seen
        for shape, value in wanted.items()
        if shape in content
    ]


def files_below(folder: Path, *, but: Iterable[str] = ()) -> Iterator[tuple[str, bytes]]:
    """The files of a folder, and the objects of the git repositories in it, which are packed; but for some, by the end of their
    path's first part that tells them."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part in str(path) for part in but):
            with contextlib.suppress(OSError):  # gone meanwhile
                yield str(path), path.read_bytes()
        if path.name == "HEAD" and (path.parent / "objects").is_dir():
            command = ["git", "-C", str(path.parent), "cat-file", "--batch-all-objects", "--batch"]
            yield (
                f"objects of {path.parent}",
                subprocess.run(command, check=True, capture_output=True).stdout,
            )


@contextmanager
def watched_arguments() -> Iterator[set[bytes]]:
    """The arguments of all processes of this machine that are seen meanwhile; nothing where the system does not tell."""
    seen: set[bytes] = set()
    looks: Counter[str] = Counter()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            for path in Path("/proc").glob("[0-9]*"):
                looks[path.name] += 1
                if looks[path.name] > _LOOKS:
                    continue
                with contextlib.suppress(OSError):  # it has ended meanwhile
                    seen.add((path / "cmdline").read_bytes())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
