"""Markers: what stands for a secret value wherever a text is rendered, shown, compared or committed without it.

A marker has the shape that the value has, so that charts render with it: a text of letters and digits (which is base64 as well),
a number, JSON, PEM. It tells nothing of the value, only of the reference. Nobody writes one by hand: that is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from jx.domain.objects.references import Path, Reference, leaves

_HEAD = "jxref"
_LENGTH = 32
_MARKER = re.compile(rf"{_HEAD}[0-9a-f]{{{_LENGTH - len(_HEAD)}}}")
_NUMBER_HEAD = 73_900_000
_DEEPEST = 4


class Shape(StrEnum):
    """What a value looks like to a template."""

    TEXT = "text"
    NUMBER = "number"
    JSON = "json"
    PEM = "pem"


def shape_of(value: str) -> Shape:
    """The shape of a value. A number is one only where YAML would read it as one."""
    text = value.strip()
    if text.startswith("-----BEGIN "):
        return Shape.PEM
    if re.fullmatch(r"[-+]?(0|[1-9][0-9]{0,17})", value):
        return Shape.NUMBER
    if text[:1] in ("{", "["):
        try:
            json.loads(text)
        except ValueError:
            return Shape.TEXT
        return Shape.JSON
    return Shape.TEXT


def marker(reference: Reference, shape: Shape = Shape.TEXT, *, draw: int = 0) -> str:
    """The marker of a reference. `draw` gives other ones: what differs between two draws comes from the secret."""
    word = _word(reference, draw)
    match shape:
        case Shape.TEXT:
            return word
        case Shape.NUMBER:
            return str(_NUMBER_HEAD + int(word[-4:], 16))
        case Shape.JSON:
            return json.dumps({_HEAD: word})
        case Shape.PEM:
            return f"-----BEGIN {_HEAD.upper()}-----\n{word}\n-----END {_HEAD.upper()}-----\n"


def _word(reference: Reference, draw: int) -> str:
    digest = hashlib.sha256(f"{draw} {reference}".encode()).hexdigest()
    return f"{_HEAD}{digest[: _LENGTH - len(_HEAD)]}"


def list_written(document: Any) -> tuple[Path, ...]:
    """Where somebody wrote a marker by hand."""
    return tuple(at for at, value in leaves(document) if isinstance(value, str) and _MARKER.search(value))


def find_in(text: str, known: Mapping[str, Reference]) -> tuple[Reference, ...]:
    """The references whose markers (`known`, by their words) are in a text: as they are, in base64, in URLs, in JSON, or one
    inside of the other."""
    found: dict[Reference, None] = {}
    for word in _words(text, 0):
        if word in known:
            found.setdefault(known[word])
    return tuple(found)


def words_of(references: tuple[Reference, ...], *, draw: int = 0) -> dict[str, Reference]:
    """What `find_in` looks for."""
    return {_word(reference, draw): reference for reference in references}


def with_names(text: str, known: Mapping[str, Reference]) -> str:
    """A text with `<secret:REFERENCE>` in place of each marker that stands in it as it is."""
    return _MARKER.sub(lambda one: f"<secret:{known[one[0]]}>" if one[0] in known else one[0], text)


_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")


def _words(text: str, depth: int) -> Iterator[str]:
    yield from _MARKER.findall(text)
    if depth >= _DEEPEST:
        return
    plain = unquote(text)
    if plain != text:
        yield from _words(plain, depth + 1)
    for part in _ENCODED.findall(text):
        decoded = _decoded(part)
        if decoded:
            yield from _words(decoded, depth + 1)


def _decoded(part: str) -> str:
    bare = part.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4)).decode("utf-8", "ignore")
    except (binascii.Error, ValueError):
        return ""
