"""Ranges of versions, as `version:` of a chart's dependency writes them and Helm understands them.

    1.2.3  =1.2  !=1.3.0  >1  <2  >=1.2.0  <=3      comparisons; missing parts and `x`, `X`, `*` are open
    ~1.2.3 (>=1.2.3 <1.3)   ^1.2.3 (>=1.2.3 <2)   1.x   *
    1.2 - 1.4.5                                    from, to; by itself
    >=1.2 <2, !=1.5.0                              blank or comma: all of them
    ~1.2 || ^3                                     any of them

Pre-releases are matched only where the range itself names one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from jx.domain.charts.versions import Version, find_latest
from jx.domain.errors import Invalid

_PART = r"(?:\d+|[xX*])"
_TAIL = r"(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
_VERSION = rf"v?(?P<major>{_PART})(?:\.(?P<minor>{_PART}))?(?:\.(?P<patch>{_PART}))?(?P<tail>{_TAIL})"
_COMPARISON = re.compile(rf"\s*(?P<operator>=>|>=|=<|<=|!=|~>|[=<>~^]?)\s*{_VERSION}\s*(?:,|(?=\s)|$)")
_BARE = re.sub(r"\?P<\w+>", "?:", _VERSION)
_HYPHEN = re.compile(rf"^({_BARE})\s+-\s+({_BARE})$")
_OPEN = frozenset({None, "x", "X", "*"})
_SYNONYMS = {"=>": ">=", "=<": "<=", "~>": "~", "": "="}


@dataclass(frozen=True, slots=True)
class _Comparison:
    operator: str
    version: Version
    parts: int
    """How many of major, minor and patch are given; 0 for `*`."""

    def matches(self, version: Version) -> bool:
        if not self.parts:
            # Nobody writes <* with a purpose, but Helm has an answer, and two answers would be one too many.
            kept = {"<": None, "<=": 2, "^": 3}.get(self.operator, 0)
            return kept is not None and not any(version.numbers[:kept])
        return _MATCH[self.operator](self, version)

    def begins(self, version: Version) -> bool:
        """Whether a version has the parts that are given."""
        return version.numbers[: self.parts] == self.version.numbers[: self.parts]


def _match_equal(to: _Comparison, version: Version) -> bool:
    return version == to.version if to.parts == 3 else _match_tilde(to, version)


def _match_unequal(to: _Comparison, version: Version) -> bool:
    return version != to.version if to.parts == 3 else not to.begins(version)


def _match_greater(to: _Comparison, version: Version) -> bool:
    return version > to.version and (to.parts == 3 or not to.begins(version))


def _match_at_most(to: _Comparison, version: Version) -> bool:
    return version <= to.version or (to.parts < 3 and to.begins(version))


def _match_tilde(to: _Comparison, version: Version) -> bool:
    if to.parts == 3 and to.version.numbers == (0, 0, 0):
        return version >= to.version  # Helm reads ~0.0.0 as >=0.0.0
    kept = min(to.parts, 2)
    return version >= to.version and version.numbers[:kept] == to.version.numbers[:kept]


def _match_caret(to: _Comparison, version: Version) -> bool:
    """The first part that is not zero stays, and all before it."""
    numbers = to.version.numbers[: to.parts]
    kept = next((index + 1 for index, number in enumerate(numbers) if number), to.parts)
    return version >= to.version and version.numbers[:kept] == numbers[:kept]


_MATCH: dict[str, Callable[[_Comparison, Version], bool]] = {
    "=": _match_equal,
    "!=": _match_unequal,
    ">": _match_greater,
    "<": lambda to, version: version < to.version,
    ">=": lambda to, version: version >= to.version,
    "<=": _match_at_most,
    "~": _match_tilde,
    "^": _match_caret,
}


@dataclass(frozen=True, slots=True)
class VersionRange:
    """Which versions are allowed."""

    text: str
    _any_of: tuple[tuple[_Comparison, ...], ...]

    def __contains__(self, version: Version) -> bool:
        return any(_all_match(comparisons, version) for comparisons in self._any_of)


def _all_match(comparisons: tuple[_Comparison, ...], version: Version) -> bool:
    names_prerelease = any(comparison.version.prerelease for comparison in comparisons)
    if version.prerelease and not names_prerelease:
        return False
    return all(comparison.matches(version) for comparison in comparisons)


def parse_version_range(text: str) -> VersionRange:
    """A range from its text, or Invalid. An empty text is `*`."""
    alternatives = (text.strip() or "*").split("||")
    return VersionRange(text.strip(), tuple(_parse_comparisons(part, text) for part in alternatives))


def _parse_comparisons(part: str, whole: str) -> tuple[_Comparison, ...]:
    rest = _HYPHEN.sub(r">=\1 <=\2", part.strip())
    found = []
    while rest:
        match = _COMPARISON.match(rest)
        if match is None:
            break
        found.append(_comparison(match))
        rest = rest[match.end() :].strip()
    if rest or not found:
        raise Invalid(
            f"{whole!r} is not a version or a range of versions",
            hint="write an exact version (1.2.3) or a range: ^1.2, ~1.2.3, 1.x, '>=1.2 <2'",
        )
    return tuple(found)


def _comparison(match: re.Match[str]) -> _Comparison:
    given = [match["major"], match["minor"], match["patch"]]
    parts = next((index for index, part in enumerate(given) if part in _OPEN), 3)
    numbers = [*given[:parts], "0", "0", "0"][:3]
    operator = _SYNONYMS.get(match["operator"], match["operator"])
    return _Comparison(operator, Version(".".join(numbers) + match["tail"]), parts)


def find_newest(versions: Iterable[str], wanted: str) -> str | None:
    """The newest of some versions that `wanted` (exact, a range, or empty for any) allows, or None.

    A version that is written exactly so comes first; with no wish, releases come before pre-releases. Texts that are no versions
    are passed over. Invalid where `wanted` is neither version nor range.
    """
    texts = tuple(versions)
    if not wanted.strip():
        return find_latest(texts)
    if wanted in texts:
        return wanted
    allowed = parse_version_range(wanted)
    fitting = [version for text in texts if (version := _find_version(text)) and version in allowed]
    best = max(fitting, default=None)
    return best.text if best else None


def newest_first(versions: Iterable[str]) -> tuple[str, ...]:
    """Versions in falling order; texts that are no versions come last, in the order of their letters."""
    texts = sorted(versions)
    known = {text: version for text in texts if (version := _find_version(text))}
    ordered = sorted(known, key=known.__getitem__, reverse=True)
    return (*ordered, *(text for text in texts if text not in known))


def _find_version(text: str) -> Version | None:
    try:
        return Version(text)
    except Invalid:
        return None
