"""Values of charts: merging as Helm merges `-f` files, and the `--set` language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jx.domain.errors import Invalid, Problem

Values = Mapping[str, Any]
"""Values of a chart: plain JSON. `Any` because charts decide what stands in them."""

ValuePath = tuple[str | int, ...]
"""Where a value stands: keys, and indices of lists."""

MAX_INDEX = 65536
"""Of a list in `--set`; Helm's own limit."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One `path=value` of a `--set`."""

    path: ValuePath
    value: Any


def merge(under: Values, over: Values) -> dict[str, Any]:
    """What two values files give, the second one last: mappings are merged, all else is replaced, as Helm does with `-f`."""
    merged = dict(under)
    for key, value in over.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(old, value) if both and old is not None else value
    return merged


def put(values: Values, path: ValuePath, value: Any) -> dict[str, Any]:
    """Values with one set; mappings and lists on the way are made, as by Helm's `--set` (a gap in a list is null)."""
    result = _put(values, path, value)
    return result if isinstance(result, dict) else {}


def find(values: Any, path: ValuePath) -> tuple[bool, Any]:
    """Whether a value stands at a path, and which."""
    for part in path:
        if not _holds(values, part):
            return False, None
        values = values[part]
    return True, values


def iter_leaves(values: Values, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Everything that is no mapping (and every empty mapping), with its path of keys."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from iter_leaves(value, (*path, key))
        else:
            yield (*path, key), value


def parse_set(text: str) -> tuple[Setting, ...]:
    """`a.b=1,c[0]={x,y},d=null` as Helm reads `--set`: whole numbers, true, false and null are such, all else is text; a
    backslash takes the meaning from the next character. Invalid where it is no such thing."""
    return tuple(_setting(part) for part in _split(text, ",") if part)


def parse_path(text: str) -> ValuePath:
    """`a.b[0].c\\.d` -> ("a", "b", 0, "c.d"); Invalid for an empty part or a wrong index."""
    path: list[str | int] = []
    for part in _split(text, "."):
        match = re.fullmatch(r"((?:\\.|[^\\\[])*)((?:\[[^\]]*\])*)", part, re.DOTALL)
        name = _unescape(match[1]) if match else ""
        indices = re.findall(r"\[([^\]]*)\]", match[2]) if match else []
        if not name or not all(index.isdecimal() and int(index) <= MAX_INDEX for index in indices):
            raise Invalid(f"{text!r} is not the path of a value", Problem("", "write a.b.c or a.b[0]"))
        path += [name, *map(int, indices)]
    return tuple(path)


def write_path(path: ValuePath) -> str:
    """The text that `parse_path` reads as this path."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + re.sub(r"([\\.,=\[\]{}])", r"\\\1", part)
    return text


def _holds(values: Any, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(values, list) and part < len(values)
    return isinstance(values, Mapping) and part in values


def _setting(text: str) -> Setting:
    name, equals, value = _cut(text, "=")
    if not equals:
        raise Invalid(f"{text!r} sets nothing", Problem("", "write path=value"), hint="as in --set a.b=value")
    path = parse_path(name)
    if value.startswith("{"):
        if not value.endswith("}"):
            raise Invalid(f"{text!r} holds a list that does not end", Problem("", "write path={one,two}"))
        return Setting(path, [_typed(one) for one in _split(value[1:-1], ",")])
    return Setting(path, _typed(value))


def _typed(text: str) -> Any:
    plain = _unescape(text)
    folded = plain.lower()
    if folded in {"true", "false"}:
        return folded == "true"
    if folded == "null":
        return None
    if plain == "0" or re.fullmatch(r"[-+]?[1-9][0-9]*|[-+]0[0-9]*", plain):
        number = int(plain)
        return number if -(2**63) <= number < 2**63 else plain
    return plain


def _split(text: str, separator: str) -> list[str]:
    """At separators that no backslash precedes and no brace holds."""
    parts, current, depth, escaped = [], "", 0, False
    for character in text:
        if escaped or character == "\\":
            escaped = not escaped and character == "\\"
        elif character == separator and depth == 0:
            parts.append(current)
            current = ""
            continue
        elif separator == "," and character in "{}":
            depth = max(depth + (1 if character == "{" else -1), 0)
        current += character
    return [*parts, current]


def _cut(text: str, separator: str) -> tuple[str, str, str]:
    head = _split(text, separator)[0]
    return head, text[len(head) : len(head) + 1], text[len(head) + 1 :]


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _put(values: Any, path: ValuePath, value: Any) -> Any:
    if not path:
        return value
    part, rest = path[0], path[1:]
    if isinstance(part, int):
        items = list(values) if isinstance(values, list) else []
        items += [None] * (part + 1 - len(items))
        items[part] = _put(items[part], rest, value)
        return items
    old = values if isinstance(values, Mapping) else {}
    return {**old, part: _put(old.get(part), rest, value)}
