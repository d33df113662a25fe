"""What is wrong with a text that is no JSON, in the words of Go's reader."""

from __future__ import annotations

import re
from typing import Final

_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_STRING: Final = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\.)*"', re.DOTALL)
_NUMBER: Final = re.compile(rb"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_LITERALS: Final = {b"t": b"true", b"f": b"false", b"n": b"null"}
_END: Final = "unexpected end of JSON input"


class _Problem(Exception):
    """The first thing that is wrong."""


def describe(body: bytes) -> str:
    """The problem; empty where there is none that this knows of."""
    try:
        at = _space(body, _value(body, _space(body, 0)))
    except _Problem as problem:
        return str(problem)
    return "" if at == len(body) else _unexpected(body, at, "after top-level value")


def _space(body: bytes, at: int) -> int:
    found = _SPACE.match(body, at)
    return found.end() if found else at


def _unexpected(body: bytes, at: int, where: str) -> str:
    if at >= len(body):
        return _END
    character = body[at : at + 4].decode("utf-8", "ignore")[:1] or chr(body[at])
    quoted = {"'": r"'\''", '"': "'\"'"}.get(character, f"'{character}'")
    return f"invalid character {quoted} {where}"


def _value(body: bytes, at: int) -> int:
    first = body[at : at + 1]
    if first == b"{":
        return _members(body, at + 1)
    if first == b"[":
        return _items(body, at + 1)
    if first == b'"':
        return _string(body, at)
    if first in _LITERALS:
        return _literal(body, at, _LITERALS[first])
    if number := _NUMBER.match(body, at):
        return number.end()
    raise _Problem(_unexpected(body, at, "looking for beginning of value"))


def _string(body: bytes, at: int) -> int:
    if found := _STRING.match(body, at):
        return found.end()
    for index in range(at + 1, len(body)):
        if body[index] < 0x20:
            shown = {10: r"\n", 9: r"\t", 13: r"\r"}.get(body[index], f"\\x{body[index]:02x}")
            raise _Problem(f"invalid character '{shown}' in string literal")
    raise _Problem(_END)


def _literal(body: bytes, at: int, wanted: bytes) -> int:
    for offset in range(1, len(wanted)):
        if body[at + offset : at + offset + 1] != wanted[offset : offset + 1]:
            where = f"in literal {wanted.decode()} (expecting '{chr(wanted[offset])}')"
            raise _Problem(_unexpected(body, at + offset, where))
    return at + len(wanted)


def _members(body: bytes, at: int) -> int:
    at = _space(body, at)
    if body[at : at + 1] == b"}":
        return at + 1
    while True:
        if body[at : at + 1] != b'"':
            raise _Problem(_unexpected(body, at, "looking for beginning of object key string"))
        at = _space(body, _string(body, at))
        if body[at : at + 1] != b":":
            raise _Problem(_unexpected(body, at, "after object key"))
        at = _space(body, _value(body, _space(body, at + 1)))
        if body[at : at + 1] == b"}":
            return at + 1
        if body[at : at + 1] != b",":
            raise _Problem(_unexpected(body, at, "after object key:value pair"))
        at = _space(body, at + 1)


def _items(body: bytes, at: int) -> int:
    at = _space(body, at)
    if body[at : at + 1] == b"]":
        return at + 1
    while True:
        at = _space(body, _value(body, at))
        if body[at : at + 1] == b"]":
            return at + 1
        if body[at : at + 1] != b",":
            raise _Problem(_unexpected(body, at, "after array element"))
        at = _space(body, at + 1)
