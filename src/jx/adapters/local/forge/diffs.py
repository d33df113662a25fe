"""The text of `git diff` as files and lines to show."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADER = re.compile(r'diff --git "?a/(.*?)"? "?b/(.*?)"?')


@dataclass(frozen=True, slots=True)
class Line:
    """A line; `kind` is `add`, `del`, `hunk` or empty."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What changed in one file."""

    path: str
    note: str
    """`new`, `deleted`, `renamed from ...`, `binary`, or empty."""
    lines: tuple[Line, ...]

    @property
    def added(self) -> int:
        """Number of lines added."""
        return sum(line.kind == "add" for line in self.lines)

    @property
    def removed(self) -> int:
        """Number of lines removed."""
        return sum(line.kind == "del" for line in self.lines)


def split(text: str) -> tuple[FileDiff, ...]:
    """The files of a diff, in its order."""
    parts = re.split(r"^(?=diff --git )", text, flags=re.MULTILINE)
    return tuple(_read(part) for part in parts if part.startswith("diff --git "))


def classify(line: str) -> Line:
    """A line of a diff's body."""
    kinds = {"+": "add", "-": "del", "@": "hunk"}
    return Line(kinds.get(line[:1], ""), line)


def _read(part: str) -> FileDiff:
    lines = part.rstrip("\n").split("\n")
    header = _HEADER.fullmatch(lines[0])
    start = next((n for n, line in enumerate(lines) if line.startswith("@@")), len(lines))
    path = header[2] if header else lines[0].removeprefix("diff --git ")
    return FileDiff(path, _note(lines[1:start]), tuple(classify(line) for line in lines[start:]))


def _note(lines: list[str]) -> str:
    for line in lines:
        if line.startswith("new file"):
            return "new"
        if line.startswith("deleted file"):
            return "deleted"
        if line.startswith("rename from "):
            return "renamed from " + line.removeprefix("rename from ")
        if line.startswith("Binary files"):
            return "binary"
    return ""
