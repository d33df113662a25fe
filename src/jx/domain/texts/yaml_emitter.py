"""YAML: the emitter of ledgers and diffs. It is frozen: a line is a field, and equal values give equal text at any time.

Keys sorted, lists not indented, nothing folded, texts of several lines as literal blocks, every other text that is not plainly a
word in double quotes. What it writes is read alike by YAML 1.1 and 1.2 and by Go's reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_PLAIN = re.compile(
    r"[A-Za-z_/](?:[A-Za-z0-9_./@%+=-]|:(?=[A-Za-z0-9_./@%+=-])| (?=[A-Za-z0-9_./@%+=(-])|[(),](?!$))*"
)
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_LONGEST_KEY = 100


def emit(value: Mapping[str, Any]) -> str:
    """The text of a mapping of JSON values, ending with a newline. ValueError for what is no JSON value."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    """The lines of a value that is not empty and no scalar, without indentation."""
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _member(_string(key), value[key])
    else:
        for item in value:
            yield from _item(item)


def _member(key: str, value: Any) -> Iterator[str]:
    is_long = len(key) > _LONGEST_KEY
    if is_long:
        yield f"? {key}"
        key = ""
    if not _is_nested(value):
        yield from _scalar(f"{key}: ", value)
        return
    yield f"{key}:"
    indent = "" if isinstance(value, list) and not is_long else "  "
    yield from (indent + line if line else line for line in _lines(value))


def _item(item: Any) -> Iterator[str]:
    if not _is_nested(item):
        yield from _scalar("- ", item)
        return
    mark = "- "
    for line in _lines(item):
        yield mark + line if line else line
        mark = "  "


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping | list) and bool(value)


def _scalar(head: str, value: Any) -> Iterator[str]:
    if isinstance(value, str) and _is_block(value):
        yield from _block(head, value)
    else:
        yield head + _inline(value)


def _inline(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _number(value)
        case str():
            return _string(value)
        case Mapping():
            return "{}"
        case list():
            return "[]"
    raise ValueError(f"{type(value).__name__} is no JSON value")


def _number(value: float) -> str:
    text = repr(value)
    if text in {"inf", "-inf", "nan"}:
        raise ValueError(f"{text} is no JSON value")
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa}.0e{exponent}" if mark and "." not in mantissa else text


def _string(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return f'"{"".join(_escape(char) for char in text)}"'


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable() and char != "\ufeff":
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _is_block(text: str) -> bool:
    """Whether a text can stand as a literal block: several lines, none of them such that readers disagree."""
    lines = text.split("\n")
    return (
        len(lines) > 1
        and bool(lines[0])
        and lines[0][0] not in " \t"
        and all(line.isprintable() or line.replace("\t", "").isprintable() for line in lines)
        and "\ufeff" not in text
        and not any(line and not line.strip(" \t") for line in lines)
    )


def _block(head: str, text: str) -> Iterator[str]:
    body = text.rstrip("\n")
    ends = len(text) - len(body)
    yield f"{head}|{'-' if ends == 0 else '' if ends == 1 else '+'}"
    yield from ("  " + line if line else "" for line in body.split("\n"))
    yield from [""] * (ends - 1)
