"""Semantic versions as Helm compares them (semver 2.0, a leading `v` allowed, missing parts are zero)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import total_ordering

from jx.domain.errors import Invalid

_PATTERN = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?")


@total_ordering
class Version:
    """A semantic version; build metadata plays no part in the order."""

    __slots__ = ("_key", "prerelease", "text")

    def __init__(self, text: str) -> None:
        match = _PATTERN.fullmatch(text.strip())
        if match is None:
            raise Invalid(f"{text!r} is not a semantic version")
        self.text = text.strip()
        self.prerelease = match[4] or ""
        numbers = tuple(int(part or 0) for part in match.groups()[:3])
        self._key = (numbers, _prerelease_key(self.prerelease))

    @property
    def numbers(self) -> tuple[int, ...]:
        """Major, minor and patch."""
        return self._key[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key == other._key

    def __lt__(self, other: Version) -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Version({self.text!r})"


def _prerelease_key(text: str) -> tuple[tuple[int, int, str], ...]:
    if not text:
        return ((2, 0, ""),)  # a release is newer than each of its pre-releases
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in text.split("."))


def find_latest(versions: Iterable[str]) -> str | None:
    """The highest version, releases before pre-releases; texts that are no versions are passed over."""
    parsed = []
    for text in versions:
        try:
            parsed.append(Version(text))
        except Invalid:
            continue
    stable = [version for version in parsed if not version.prerelease]
    best = max(stable or parsed, default=None)
    return best.text if best else None
