"""Objects as messages show them: in the real server's internal types, which have fields and an order of their own.

The package data is made by `scripts/internal_types.go`; nothing here names a kind.
"""

from __future__ import annotations

import difflib
import gzip
import importlib.resources
import json
from collections.abc import Container
from functools import lru_cache
from typing import Any, Final, TypeAlias

import orjson

from jx.adapters.local.kubernetes.types import facts
from jx.adapters.local.kubernetes.types.facts import Obj, Schema
from jx.adapters.local.kubernetes.words.invalid import Printed

Fields: TypeAlias = list[list[Any]]
"""For each field: the printed name ("" where the fields of its value are printed in its place), the name in the API ("" for
none), and what is printed where it is empty (nothing where it is left out then)."""

_CONTEXT_LINES: Final = 3
_ESCAPES: Final = (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e"))


def printed(value: Any, definition: str) -> Printed:
    """A value of a type (by the name that OpenAPI has for it), in one line."""
    return Printed(_dumped(_internal(value, facts.load().definition(definition))))


def printed_list(values: Any, definition: str) -> Printed:
    """A list of values of one type, in one line."""
    schema = facts.load().definition(definition)
    return Printed(_dumped([_internal(value, schema) for value in values] if values is not None else None))


def difference(old: Obj, new: Obj, definition: str, *, without: Container[str] = ()) -> str:
    """What changed from one value to another, line by line, `without` some of its fields."""
    schema = facts.load().definition(definition)
    hidden = {name for name, key, *_ in _types()[definition] if key in without}
    before, after = (
        _dumped({key: value for key, value in _internal(one, schema).items() if key not in hidden}, indent=1)
        for one in (old, new)
    )
    lines = list(
        difflib.unified_diff(before.splitlines(), after.splitlines(), n=_CONTEXT_LINES, lineterm="")
    )[2:]
    return "\n".join([*lines, ""])


def _dumped(value: Any, indent: int | None = None) -> str:
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    for character, escape in _ESCAPES:
        text = text.replace(character, escape)
    return text


@lru_cache(maxsize=1)
def _types() -> dict[str, Fields]:
    packed = importlib.resources.files(__package__).joinpath("internal_types.json.gz").read_bytes()
    found: dict[str, Fields] = orjson.loads(gzip.decompress(packed))
    return found


def _internal(value: Any, schema: Schema, around: Obj | None = None) -> Any:
    if isinstance(value, list):
        return [_internal(item, schema.item()) for item in value]
    if not isinstance(value, dict):
        return value
    fields = _types().get(schema.ref)
    if fields is None:
        below = schema.child("") if schema.kind == "map" else None
        return {key: _internal(value[key], below or Schema.deduced()) for key in sorted(value)}
    made: Obj = {}
    for field in fields:
        made.update(_field(field, value, schema, around or {}))
    return made


def _field(field: list[Any], value: Obj, schema: Schema, around: Obj) -> Obj:
    name, key, *rest = field
    below = (schema.child(key) if key else None) or Schema.deduced()
    if not name:
        inlined = _internal(value.get(key) or {}, below) if key else {}
        return inlined if isinstance(inlined, dict) else {}
    # What the internal type has and the API's has not stands in the surrounding object: hostNetwork of a pod's security context.
    found = value.get(key) if key else around.get(name[:1].lower() + name[1:])
    empty = rest[0] if rest else None
    if found is None and isinstance(empty, dict):
        found = {}
    if found is not None:
        return {name: _internal(found, below, value)}
    return {name: empty} if rest else {}
