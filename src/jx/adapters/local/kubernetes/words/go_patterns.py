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


_PIECE: Final = re.compile(
    r"(?P<other>\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\])|\(\?(?P<flags>[imsU]+(?:-[imsU]+)?|-[imsU]+)\)|(?P<sign>[()|])|.",
    re.DOTALL,
)


def _scoped_flags(pattern: str) -> str:
    """Flags are for the rest of their group in Go, at any place; Python has them for the whole, or for a group of their own."""
    made = ""
    open_flags: list[str] = [""]
    """Of each open group, the flags that are in force and to be closed with it."""
    for piece in _PIECE.finditer(pattern):
        if piece["flags"]:
            flags = piece["flags"].replace("U", "").strip("-")
            if flags:
                made += f"(?{piece['flags'].replace('U', '')}:"
                open_flags[-1] += f" {piece['flags'].replace('U', '')}"
        elif piece["sign"] == "(":
            open_flags.append("")
            made += "("
        elif piece["sign"] == "|" and open_flags[-1]:
            flags_here = open_flags[-1].split()
            made += ")" * len(flags_here) + "|" + "".join(f"(?{flags}:" for flags in flags_here)
        elif piece["sign"] == ")" and len(open_flags) > 1:
            made += ")" * len(open_flags.pop().split()) + ")"
        else:
            made += piece[0]
    return made + ")" * len(open_flags[0].split())


def _translated(pattern: str) -> str:
    pattern = _scoped_flags(pattern)
    for name, characters in _CLASSES.items():
        pattern = pattern.replace(name, characters)
    # Python's `$` also matches before a newline at the end, Go's does not.
    pattern = (
        re.sub(r"(?<!\\)((?:\\\\)*)\$(?![^\[]*\])", r"\1\\Z", pattern) if "(?m" not in pattern else pattern
    )
    return pattern.replace(r"\z", r"\Z")
