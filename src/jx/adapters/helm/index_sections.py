"""The sections of a repository's index: where each chart's entries stand, so that only the one that is asked for is parsed.

Indexes of 50 MB are real, and YAML is read at a few MB a second. Helm writes one key to a line, at one indent: what looks so is
cut at these lines. Whatever does not is left to be parsed as a whole, and so is a section that turns out to be none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

_TOP: Final = re.compile(rb"^entries:[ \t]*\r?$", re.MULTILINE)
_NEXT_TOP: Final = re.compile(rb"^[^\s#]", re.MULTILINE)
_FIRST: Final = re.compile(rb"\s*\n( +)(?=[^\s#-])")
_KEY: Final = rb"^ {%d}(?=[^ \t\r\n#-])(.*?)\r?$"
_NAMED: Final = re.compile(rb"([\"']?)([A-Za-z0-9][A-Za-z0-9._-]*)\1:[ \t]*(?:\[\])?[ \t]*")

Sections = Mapping[str, tuple[int, int]]
"""By chart: from which byte to which its key and its entries stand."""


def find_sections(data: bytes) -> Sections | None:
    """The sections of an index, or None where it is not written one key to a line."""
    tops = list(_TOP.finditer(data))
    if len(tops) != 1:
        return None
    begin = tops[0].end()
    after = _NEXT_TOP.search(data, begin)
    end = after.start() if after else len(data)
    first = _FIRST.match(data, begin, end)
    if first is None:
        return None
    found: dict[str, tuple[int, int]] = {}
    keys = list(_keys(data, len(first[1]), begin, end))
    for (name, start), (_, stop) in zip(keys, [*keys[1:], (None, end)], strict=True):
        if name is None or name in found:
            return None
        found[name] = (start, stop)
    return found


def _keys(data: bytes, indent: int, begin: int, end: int) -> Iterator[tuple[str | None, int]]:
    """Each line at the indent of charts that is no item; None for one that names no chart."""
    for match in re.compile(_KEY % indent, re.MULTILINE).finditer(data, begin, end):
        named = _NAMED.fullmatch(match[1])
        yield named[2].decode() if named else None, match.start()
