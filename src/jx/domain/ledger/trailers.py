"""Trailers: `Key: value` lines in the last paragraph of a commit's message, as git reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping

_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*): (.*)")


def find_trailers(message: str) -> Mapping[str, str]:
    """The trailers of a message; of a repeated name the last wins. A claim, not a proof: anybody can write one."""
    return dict(list_trailers(message))


def list_trailers(message: str) -> list[tuple[str, str]]:
    """All trailers in order, repeated ones too. Only a last paragraph made of nothing but trailers holds any."""
    paragraphs = [part for part in message.strip().split("\n\n") if part.strip()]
    if len(paragraphs) < 2:
        return []
    found = [_LINE.fullmatch(line) for line in paragraphs[-1].splitlines()]
    return [(match[1], match[2]) for match in found if match] if all(found) else []
