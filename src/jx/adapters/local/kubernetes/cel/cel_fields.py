"""The fields that rules read (`self.spec.a`): whether the schema has them, and of what type they are.

The CEL library knows maps, but no types with named fields, so what a rule reads is looked up here before it is compiled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jx.adapters.local.kubernetes.cel import cel
from jx.adapters.local.kubernetes.cel.cel import ANY, CelType
from jx.adapters.local.kubernetes.cel.cel_schemas import Node, cel_type, escaped, fields_of

_TEXT: Final = re.compile(r"[rR]?(?:\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')")
_CHAIN: Final = re.compile(r"(?<![\w.])(self|oldSelf)((?:\.[A-Za-z_]\w*)+)(?!\w|\s*\()")
_NUMBERS: Final = re.compile(r"applied to '\((?:int|uint|double), (?:int|uint|double)\)'")
_METADATA: Final[Node] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}},
}


@dataclass(frozen=True)
class _Read:
    """A place in a rule where a field is read: from where to where, and what it is by the schema."""

    start: int
    end: int
    node: Node
    missing: str = ""
    """The first name that the schema does not have; it stands at `end`."""


def problem(source: str, node: Node, *, is_root: bool, skips_old: bool) -> str:
    """Why a rule cannot be compiled on values of a schema, in the real server's words; "" where nothing is found."""
    found = list(_reads(source, node, is_root=is_root, skips_old=skips_old))
    missing = [one for one in found if one.missing]
    if missing:
        return "\n".join(_undefined(source, one) for one in missing)
    return _typed_problem(source, node, found)


def _reads(source: str, node: Node, *, is_root: bool, skips_old: bool) -> Iterator[_Read]:
    hidden = _TEXT.sub(lambda text: " " * len(text[0]), source)
    for match in _CHAIN.finditer(hidden):
        if not (skips_old and match[1] == "oldSelf"):
            yield _read(match.start(), match.end(1), match[2], node, is_root=is_root)


def _read(start: int, at: int, names: str, node: Node, *, is_root: bool) -> _Read:
    is_resource = is_root
    for name in names.strip(".").split("."):
        extra = node.get("additionalProperties")
        if isinstance(extra, Mapping) and node.get("type") == "object":
            node = extra
        else:
            fields = _fields(node, is_resource=is_resource)
            if fields is None:
                return _Read(start, at, {})
            if name not in fields:
                return _Read(start, at, node, missing=name)
            node = fields[name]
        is_resource = False
        at += len(name) + 1
    return _Read(start, at, node)


def _fields(node: Node, *, is_resource: bool) -> Mapping[str, Node] | None:
    """The named fields of an object, as expressions call them; None for what is no object.

    Fields of any type are hidden from expressions.
    """
    if node.get("type") != "object":
        return None
    fields = fields_of(node, is_resource=is_resource)
    known = {escaped(name): below for name, below in fields.items() if _has_type(below)}
    if is_resource or node.get("x-kubernetes-embedded-resource"):
        known["metadata"] = _METADATA
    return known


def _has_type(node: Node) -> bool:
    return bool(node.get("type") or node.get("x-kubernetes-int-or-string"))


def _undefined(source: str, read: _Read) -> str:
    line, column, text = _position(source, read.end)
    return f"ERROR: <input>:{line}:{column}: undefined field '{read.missing}'\n | {text}\n | {'.' * (column - 1)}^"


def _position(source: str, at: int) -> tuple[int, int, str]:
    before = source[:at].split("\n")
    return len(before), len(before[-1]) + 1, source.split("\n")[len(before) - 1]


def _typed_problem(source: str, node: Node, found: list[_Read]) -> str:
    """What the types of fields say: each is compiled as a variable with a name of the same length."""
    if re.search(r"\b(null|has|optional|dyn|type)\b", source):
        return ""
    variables: dict[str, CelType] = {"self": cel_type(node), "oldSelf": cel_type(node)}
    typed, written = source, {}
    for read in found:
        kind = _scalar(read.node)
        if kind == ANY:
            continue
        name = source[read.start : read.end].replace(".", "_")
        variables[name] = kind
        written[name] = source[read.start : read.end]
        typed = typed[: read.start] + name + typed[read.end :]
    if typed == source:
        return ""
    try:
        compiled = cel.compiled(typed, variables)
    except cel.CompilationError as error:
        return "" if _NUMBERS.search(str(error)) else _restored(str(error), written)
    return "" if compiled.type in ("bool", "dyn") else NO_BOOL


NO_BOOL: Final = "cel expression must evaluate to a bool"


def _scalar(node: Node) -> CelType:
    """The type of a value that has no parts and no form of its own."""
    plain: Any = node.get("type") in ("string", "integer", "number", "boolean") and not node.get("format")
    return cel_type(node) if plain and not node.get("x-kubernetes-int-or-string") else ANY


def _restored(text: str, written: Mapping[str, str]) -> str:
    for name in sorted(written, key=len, reverse=True):
        text = text.replace(name, written[name])
    return text
