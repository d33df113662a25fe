"""Durations as people write them: `20s`, `30m`, `1h`, `1h30m`, `2d`."""

from __future__ import annotations

import re
from datetime import timedelta

from jx.domain.errors import Usage

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_WHOLE = re.compile(r"(\d+[dhms])+")
_PART = re.compile(r"(\d+)([dhms])")


def parse_duration(text: str, option: str) -> timedelta:
    """A duration, or Usage that names the option. A bare number is one of seconds."""
    if text.isdigit():
        return timedelta(seconds=int(text))
    if not _WHOLE.fullmatch(text):
        raise Usage(f"Invalid duration format {text} for option --{option}", hint="as in 20s, 30m, 1h, 1h30m")
    parts = {_UNITS[unit]: int(number) for number, unit in _PART.findall(text)}
    return timedelta(**parts)
