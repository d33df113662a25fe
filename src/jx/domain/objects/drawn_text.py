"""Drawn text: which parts of a text are drawn at random, told by rendering it several times from equal input.

Passwords, keys, certificates, hashes with a salt, UUIDs and times are words of a text. The words that differ between renders are
drawn; all other text is the chart's, and follows git. Words in base64 are looked into.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_SHARED = 4
"""Words this long do not agree between three draws by chance."""

_ENCODED = 8
"""Shorter words may decode to text by chance."""

_CHARACTERS = "A-Za-z0-9+/"
_BASE64 = rf"[{_CHARACTERS}]+(?:={{1,2}}(?![{_CHARACTERS}=]))?"
_WORD = re.compile(
    r"("
    r"-----BEGIN [A-Z0-9 ]+-----.*?-----END [A-Z0-9 ]+-----"
    r"|\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|\$apr1\$[^$\s]{1,8}\$[./A-Za-z0-9]{22}"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
    r"|\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| ?[+-]\d\d:?\d\d)?)?"
    rf"|{_BASE64}"
    r")",
    re.DOTALL,
)
_END = re.compile(rf"[{_CHARACTERS}]+\Z")
_START = re.compile(rf"\A[{_CHARACTERS}]+")
_PLAIN = re.compile(r"[\x20-\x7e\n\r\t]+")


class Mixed(Exception):
    """What is drawn cannot be told from the text around it."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The chart's own text."""

    text: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A part that is drawn."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A word in base64."""

    inside: Pattern


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text as it is rendered, with holes where something is drawn."""

    parts: tuple[Fixed | Drawn | Encoded, ...]

    @property
    def is_readable(self) -> bool:
        """Whether the text around what is drawn is no code."""
        return not any(isinstance(part, Encoded) for part in self.parts)

    def fill(self, drawn: Sequence[str]) -> str:
        """The text with these in its holes, in order."""
        return self._fill(iter(drawn))

    def read(self, text: str) -> tuple[str, ...] | None:
        """What is in the holes of a text; None where the text around them is another."""
        found = re.fullmatch("".join(map(_expression, self.parts)), text, re.DOTALL)
        if found is None:
            return None
        drawn: list[str] = []
        for part, word in zip(self._holes, found.groups(), strict=True):
            inner = _read(part, word)
            if inner is None:
                return None
            drawn += inner
        return tuple(drawn)

    @property
    def _holes(self) -> tuple[Drawn | Encoded, ...]:
        return tuple(part for part in self.parts if not isinstance(part, Fixed))

    def _fill(self, drawn: Iterator[str]) -> str:
        return "".join(_filled(part, drawn) for part in self.parts)


def pattern_of(texts: Sequence[str]) -> Pattern:
    """The pattern of a text from several renders, which differ. Mixed where it cannot be told."""
    pieces = [_WORD.split(text) for text in texts]
    first = pieces[0]
    if all(len(one) == len(first) and one[::2] == first[::2] for one in pieces):
        return Pattern(tuple(_part(words) for words in zip(*pieces, strict=True) if any(words)))
    return _span(texts)


def _part(words: tuple[str, ...]) -> Fixed | Drawn | Encoded:
    if len(set(words)) == 1:
        return Fixed(words[0])
    plain = [_decoded(word) for word in words]
    texts = [text for text in plain if text is not None]
    return Encoded(pattern_of(texts)) if len(texts) == len(words) else Drawn()


def _span(texts: Sequence[str]) -> Pattern:
    """One hole, for signs of all kinds: what is around it is what all have in common, up to the end of a word."""
    head = _END.sub("", _common(texts))
    rest = [text[len(head) :] for text in texts]
    tail = _START.sub("", _common([text[::-1] for text in rest])[::-1])
    holes = [text[: len(text) - len(tail)] for text in rest]
    shared = set.intersection(*(set(_WORD.findall(hole)) for hole in holes))
    if any(len(word) >= _SHARED for word in shared):
        raise Mixed
    return Pattern(tuple(part for part in (Fixed(head), Drawn(), Fixed(tail)) if part != Fixed("")))


def _common(texts: Sequence[str]) -> str:
    """What all texts begin with."""
    low, high = min(texts), max(texts)
    length = next((n for n, sign in enumerate(low) if n >= len(high) or high[n] != sign), len(low))
    return low[:length]


def _filled(part: Fixed | Drawn | Encoded, drawn: Iterator[str]) -> str:
    match part:
        case Fixed(text):
            return text
        case Drawn():
            return next(drawn)
        case Encoded(inside):
            return base64.b64encode(inside._fill(drawn).encode()).decode()


def _expression(part: Fixed | Drawn | Encoded) -> str:
    match part:
        case Fixed(text):
            return re.escape(text)
        case Drawn():
            return "(.*?)"
        case Encoded():
            return f"({_BASE64})"


def _read(part: Drawn | Encoded, word: str) -> tuple[str, ...] | None:
    if isinstance(part, Drawn):
        return (word,)
    plain = _decoded(word)
    return None if plain is None else part.inside.read(plain)


def _decoded(word: str) -> str | None:
    """The text that a word is the base64 of; None for all other words. Chance does not make several long draws decode to text."""
    if len(word) < _ENCODED:
        return None
    try:
        plain = base64.b64decode(word, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return plain if _PLAIN.fullmatch(plain) else None
