"""Structural schemas of custom resources: pruning, defaulting, validation; unknown fields of any type."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from jx.adapters.local.kubernetes.definitions import embedded_resources, schema_values
from jx.adapters.local.kubernetes.definitions.schema_values import ABSENT, META, Node, below
from jx.adapters.local.kubernetes.types.facts import Obj, Schema
from jx.adapters.local.kubernetes.words.invalid import FieldError

__all__ = ["CrdValidator", "FieldError", "ValueValidator", "unknown_fields"]


class ValueValidator:
    """A structural schema, or a part of one."""

    def __init__(self, node: Obj) -> None:
        self._node = node
        self._embeds = embedded_resources.has_some(node)

    def prune(self, value: Any) -> Any:
        """The value without the fields that the schema does not name."""
        return _pruned(value, self._node, "", [])

    def default(self, value: Any, *, keeps_nulls: bool = False) -> Any:
        """The value with the schema's defaults filled in, and without nulls that the schema does not allow."""
        made = _defaulted(copy.deepcopy(value), self._node)
        return made if keeps_nulls else _without_nulls(made, self._node)

    def validate(self, value: Any, old: Any = ABSENT) -> list[FieldError]:
        """All mistakes; what an update does not touch may stay as wrong as it was."""
        errors = list(schema_values.mistakes(value, self._node, "", old))
        if old is ABSENT or not list(schema_values.repeated(old, self._node, "")):
            errors += schema_values.repeated(value, self._node, "")
        return errors

    def embedded_mistakes(self, value: Any, path: str = "") -> list[FieldError]:
        """What is wrong with resources that the value is, or embeds."""
        return list(embedded_resources.mistakes(value, self._node, path))


class CrdValidator:
    """One version's structural schema of a CustomResourceDefinition."""

    def __init__(self, open_api_v3_schema: Obj) -> None:
        self._schema = open_api_v3_schema
        self._root: Obj = {**open_api_v3_schema, "x-kubernetes-embedded-resource": True}
        self._values = ValueValidator(self._root)
        self._embeds = embedded_resources.has_some(open_api_v3_schema)

    def prune(self, obj: Obj) -> Obj:
        """The object without the fields that the schema does not name."""
        pruned: Obj = _pruned(obj, self._root, "", [])
        return pruned

    def unknown(self, obj: Obj) -> list[str]:
        """The paths of all fields that nobody knows, of metadata first."""
        metadata = obj.get("metadata")
        found = embedded_resources.read_metadata(metadata)[1] if isinstance(metadata, dict) else []
        paths: list[str] = []
        pruned = _pruned(obj, self._root, "", paths)
        embedded = embedded_resources.coerced(pruned, self._schema)[1] if self._embeds else []
        return [*(f"metadata.{name}" for name in found), *sorted(paths), *sorted(embedded)]

    def shape(self, obj: Obj, *, keeps_nulls: bool = False) -> Obj:
        """The object as it is kept: pruned, its metadata typed, with defaults.

        Raises ValueError, whose text is the real server's, for embedded metadata that cannot be read.
        """
        made = self.prune(obj)
        if self._embeds:
            made = embedded_resources.coerced(made, self._schema)[0]
        made = {**made, "metadata": embedded_resources.read_metadata(made["metadata"])[0]}
        return self.default(made, keeps_nulls=keeps_nulls)

    def default(self, obj: Obj, *, keeps_nulls: bool = False) -> Obj:
        """The object with the schema's defaults filled in, and without nulls that the schema does not allow."""
        made: Obj = self._values.default(obj, keeps_nulls=keeps_nulls)
        return made

    def validate(self, obj: Obj, old: Obj | None = None) -> list[FieldError]:
        """All mistakes; what an update does not touch may stay as wrong as it was."""
        before = {key: value for key, value in (old or {}).items() if key not in META}
        after = {key: value for key, value in obj.items() if key not in META}
        embedded = list(embedded_resources.mistakes(after, self._schema, "")) if self._embeds else []
        return embedded + self._values.validate(after, ABSENT if old is None else before)

    def validate_status(self, obj: Obj, old: Obj | None) -> list[FieldError]:
        """As `validate`, of a write to the status: it alone is looked at, and what is wrong is named from there."""
        schema = (self._schema.get("properties") or {}).get("status")
        if schema is None or "status" not in obj:
            return []
        found = ValueValidator(schema).validate(obj["status"], (old or {}).get("status", ABSENT))
        return [replace(one, path=f"status.{one.path}" if one.path else "status") for one in found]


def unknown_fields(schema: Schema, obj: Obj) -> list[str]:
    """`unknown field "spec.foo"` for each field that the type does not have, in the object's order."""
    if _is_known(obj, schema):
        return []
    return [f'unknown field "{path}"' for path in _unknown(obj, schema, "")]


def _is_known(value: Any, schema: Schema) -> bool:
    """Whether the type has all fields; nearly always so, and told without the fields' names."""
    if isinstance(value, list):
        below = schema.item() if schema.kind == "list" else None
        return below is None or all(_is_known(item, below) for item in value if isinstance(item, dict | list))
    if schema.kind not in ("object", "map"):
        return True
    for key, child in value.items():
        below = schema.child(key)
        if below is None or (isinstance(child, dict | list) and not _is_known(child, below)):
            return False
    return True


def _unknown(value: Any, schema: Schema, path: str) -> Iterator[str]:
    if isinstance(value, list) and schema.kind == "list":
        for index, item in enumerate(value):
            yield from _unknown(item, schema.item(), f"{path}[{index}]")
    elif isinstance(value, dict) and schema.kind in ("list", "scalar"):
        yield from (f"{path}.{key}" for key in value)
    elif isinstance(value, dict) and schema.kind in ("object", "map"):
        for key, child in value.items():
            here = f"{path}.{key}" if path else key
            inner = schema.child(key)
            if inner is None:
                yield here
            elif isinstance(child, dict | list):
                yield from _unknown(child, inner, here)


def _pruned(value: Any, node: Node, path: str, dropped: list[str]) -> Any:
    keeps = node.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(value, list):
        items = node.get("items")
        if items is None and keeps:
            return value
        return [_pruned(item, items or {}, f"{path}[{index}]", dropped) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, child in value.items():
        if node.get("x-kubernetes-embedded-resource") and key in META:
            kept[key] = child
            continue
        inner, here = below(node, key), f"{path}.{key}" if path else key
        if inner is not None:
            kept[key] = _pruned(child, inner, here, dropped)
        elif keeps:
            kept[key] = child
        else:
            dropped.append(here)
    return kept


def _defaulted(value: Any, node: Node) -> Any:
    if isinstance(value, list):
        items = node.get("items") or {}
        return [_defaulted(_or_default(item, items), items) for item in value]
    if not isinstance(value, dict):
        return value
    for key, inner in (node.get("properties") or {}).items():
        if key not in value and inner.get("default") is not None:
            value[key] = copy.deepcopy(inner["default"])
    return {key: _defaulted_field(child, below(node, key)) for key, child in value.items()}


def _defaulted_field(value: Any, node: Node | None) -> Any:
    return value if node is None else _defaulted(_or_default(value, node), node)


def _or_default(value: Any, node: Node) -> Any:
    replaced = value is None and not node.get("nullable") and node.get("default") is not None
    return copy.deepcopy(node["default"]) if replaced else value


def _without_nulls(value: Any, node: Node) -> Any:
    if isinstance(value, list):
        return [_without_nulls(item, node.get("items") or {}) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, child in value.items():
        inner = below(node, key)
        if child is None and inner is not None and not inner.get("nullable"):
            continue
        kept[key] = child if inner is None else _without_nulls(child, inner)
    return kept
