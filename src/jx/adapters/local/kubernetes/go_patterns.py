"""Regular expressions as Go has them, run by Python's: what Go refuses, and what only looks different."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

_UNSUPPORTED: Final = re.compile(r"(?<!\\)(?:\\\\)*(\(\?(?:=|!|<=|<!|#|>|\())")
_BACK_REFERENCE: Final = re.compile(r"(?<!\\)(?:\\\\)*(\\[1-9])")
_CLASSES: Final = {
    "[:alnum:]": "0-9A-Za-z",
    "[:alpha:]": "A-Za-z",
    "[:ascii:]": r"\x00-\x7F",
    "[:blank:]": r"\t ",
    "[:cntrl:]": r"\x00-\x1F\x7F",
    "[:digit:]": "0-9",
    "[:graph:]": "!-~",
    "[:lower:]": "a-z",
    "[:print:]": " -~",
    "[:punct:]": r"!-/:-@\[-`{-~",
    "[:space:]": r"\t\n\v\f\r ",
    "[:upper:]": "A-Z",
    "[:word:]": "0-9A-Za-z_",
    "[:xdigit:]": "0-9A-Fa-f",
}
_REASONS: Final = (
    ("missing ), unterminated subpattern", "missing closing ): `{0}`"),
    ("unbalanced parenthesis", "unexpected ): `{0}`"),
    ("unterminated character set", "missing closing ]: `{1}`"),
    ("nothing to repeat", "missing argument to repetition operator: `{2}`"),
    ("multiple repeat", "invalid nested repetition operator: `{3}`"),
    ("bad character range", "invalid character class range: `{4}`"),
    ("bad escape (end of pattern)", "trailing backslash at end of expression: ``"),
    ("bad escape", "invalid escape sequence: `{5}`"),
)


def problem(pattern: str) -> str:
    """Why Go does not read a pattern, in its words; "" where it does."""
    for wrong, what in (
        (_UNSUPPORTED, "invalid or unsupported Perl syntax"),
        (_BACK_REFERENCE, "invalid escape sequence"),
    ):
        if found := wrong.search(pattern):
            return f"{what}: `{found[1]}`"
    try:
        re.compile(_translated(pattern))
    except re.error as error:
        return _reason(pattern, error)
    return ""


def _reason(pattern: str, error: re.error) -> str:
    at = error.pos or 0
    rest = pattern[at:]
    parts = (pattern, rest, rest[:1], pattern[max(at - 1, 0) : at + 1], rest.partition("]")[0][:3], rest[:2])
    for start, text in _REASONS:
        if error.msg.startswith(start):
            return text.format(*parts)
    return f"invalid or unsupported Perl syntax: `{rest}`"


@lru_cache(maxsize=1024)
def searcher(pattern: str) -> Callable[[str], object]:
    """Whether a text has a match of a pattern; one that cannot be read matches all."""
    try:
        return re.compile(_translated(pattern)).search
    except re.error:
        return lambda text: text is not None


def _translated(pattern: str) -> str:
    for name, characters in _CLASSES.items():
        pattern = pattern.replace(name, characters)
    # Python's `$` also matches before a newline at the end, Go's does not.
    pattern = (
        re.sub(r"(?<!\\)((?:\\\\)*)\$(?![^\[]*\])", r"\1\\Z", pattern) if "(?m" not in pattern else pattern
    )
    return pattern.replace(r"\z", r"\Z")
