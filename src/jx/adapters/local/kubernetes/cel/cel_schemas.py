"""How values of custom resources look to CEL: their types and names as the schema has them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from jx.adapters.local.kubernetes.cel.cel import ANY, CelType
from jx.adapters.local.kubernetes.types.facts import Obj

Node: TypeAlias = Mapping[str, Any]
"""A node of a structural schema."""

_RESERVED: Final = re.compile(
    "true|false|null|in|as|break|const|continue|else|for|function|if|import|let|loop|package|namespace|return"
    "|var|void|while"
)
_ESCAPES: Final = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_ESCAPED: Final = re.compile(r"__|[./-]")
_NAMEABLE: Final = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*")
_SCALARS: Final = {"integer": "int", "number": "double", "boolean": "bool", "string": "string"}
# Times are texts inside of maps, since the library takes them at the top only; expressions read them when they begin.
_READERS: Final = {
    "date-time": "timestamp({})",
    "date": "timestamp({} + 'T00:00:00Z')",
    "duration": "duration({})",
}
_RESOURCE: Final[Node] = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}},
    },
}


def cel_type(node: Node) -> CelType:
    """The type of a node's values; `dyn` where several are possible."""
    if node.get("x-kubernetes-int-or-string"):
        return ANY
    match node.get("type"):
        case "array":
            return f"list({cel_type(node.get('items') or {})})"
        case "object":
            extra = node.get("additionalProperties")
            return f"map(string, {cel_type(extra) if isinstance(extra, Mapping) else ANY})"
        case "string":
            return "bytes" if node.get("format") == "byte" else "string"
        case kind:
            return _SCALARS.get(kind or "", ANY)


def escaped(name: str) -> str:
    """A property as expressions name it; "" where they cannot."""
    if not _NAMEABLE.fullmatch(name):
        return ""
    if _RESERVED.fullmatch(name):
        return f"__{name}__"
    return _ESCAPED.sub(lambda match: _ESCAPES[match.group()], name)


def fields_of(node: Node, *, is_resource: bool) -> Mapping[str, Node]:
    """The properties of an object that expressions can see."""
    known: Mapping[str, Node] = node.get("properties") or {}
    if is_resource or node.get("x-kubernetes-embedded-resource"):
        return {**known, **_RESOURCE}
    return known


def to_cel(value: Any, node: Node, *, is_resource: bool = False) -> Any:
    """A JSON value in the types of its schema."""
    if isinstance(value, dict):
        return _object(value, node, is_resource=is_resource)
    if isinstance(value, list):
        return [to_cel(item, node.get("items") or {}) for item in value]
    if isinstance(value, str):
        return _decoded(value) if node.get("format") == "byte" else value
    if isinstance(value, int) and not isinstance(value, bool) and node.get("type") == "number":
        return float(value)
    if isinstance(value, float) and node.get("type") == "integer" and value.is_integer():
        return int(value)
    return value


def _object(value: Obj, node: Node, *, is_resource: bool) -> Obj:
    extra = node.get("additionalProperties")
    if isinstance(extra, Mapping):
        return {key: to_cel(child, extra) for key, child in value.items()}
    known = fields_of(node, is_resource=is_resource)
    if not known:
        return value
    return {
        name: to_cel(value[key], below)
        for key, below in known.items()
        if key in value and (name := escaped(key))
    }


def _decoded(text: str) -> bytes | str:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return text  # the format itself is judged elsewhere


def with_times(expression: str, node: Node) -> str:
    """The expression on variables whose times and durations are texts, as JSON has them."""
    for name in ("oldSelf", "self"):
        read = _read(name, node, 0)
        if read != name and re.search(rf"\b{name}\b", expression):
            expression = f"cel.bind({name}, {read}, {expression})"
    return expression


def _read(value: str, node: Node, depth: int) -> str:
    """A CEL expression of a value in its proper types; the value itself where it has them."""
    match node.get("type"):
        case "string":
            return _READERS.get(node.get("format") or "", "{}").format(value)
        case "array":
            item = f"item{depth}"
            read = _read(item, node.get("items") or {}, depth + 1)
            return value if read == item else f"{value}.map({item}, {read})"
        case "object":
            return _read_object(value, node, depth)
        case _:
            return value


def _read_object(value: str, node: Node, depth: int) -> str:
    part = f"part{depth}"
    names = {
        escaped(key): _read(part, below, depth + 1) for key, below in (node.get("properties") or {}).items()
    }
    if all(read == part for read in names.values()):
        return value
    names |= dict.fromkeys(_RESOURCE, part)  # there where the object is a whole resource
    fields = [
        f"?'{name}': {value}.?{name}" + ("" if read == part else f".optMap({part}, dyn({read}))")
        for name, read in names.items()
        if name
    ]
    return "{" + ", ".join(fields) + "}"
