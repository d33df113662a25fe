"""Paths of fields in the schemas of custom resources: `.spec.a`, `.spec['a']`."""

from __future__ import annotations

import re
from typing import Any, Final

from jx.adapters.local.kubernetes.types.facts import Obj

_TOKEN: Final = re.compile(r"'(?:[^'\\]|\\.)*'|[.\[\]]|[^.\[\]']+|'")


class NoSuchField(ValueError):
    """A path that leads to no field of a schema."""


def field_at(schema: Obj, path: str, *, allow_arrays: bool = True) -> Obj:
    """The schema of the field that `.a.b` or `.a['b']` means; raises NoSuchField."""
    tokens, node = iter(_TOKEN.findall(path)), schema
    for token in tokens:
        if token == "[":
            if not allow_arrays:
                raise NoSuchField("array notation is not allowed")
            node = _below(node, _quoted(next(tokens, "")))
            if (closing := next(tokens, "")) != "]":
                raise NoSuchField(
                    f"expected ] but got {closing}" if closing else "unexpected end of JSON path"
                )
        elif token == ".":
            name = next(tokens, "")
            if not name:
                raise NoSuchField("unexpected end of JSON path")
            node = _below(node, name)
        else:
            raise NoSuchField(f"expected [ or . but got: {token}")
    return node


def _quoted(token: str) -> str:
    if not token:
        raise NoSuchField("unexpected end of JSON path")
    if len(token) < 2 or token[0] != "'" or token[-1] != "'":
        raise NoSuchField(f"expected single quoted string but got {token}")
    return re.sub(r"\\(.)", r"\1", token[1:-1])


def _below(node: Obj, name: str) -> Obj:
    properties, extra = node.get("properties"), node.get("additionalProperties")
    if properties and name in properties:
        found: Any = properties[name]
    elif not properties and isinstance(extra, dict):
        found = extra
    else:
        raise NoSuchField("does not refer to a valid field")
    return found or {}
