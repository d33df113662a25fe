"""The schemas of CustomResourceDefinitions: what they may say, in the real server's words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from jx.adapters.local.kubernetes.definitions import (
    custom_rules,
    definition_defaults,
    definition_forms,
    definition_structure,
)
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

_TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_META: Final = frozenset(("metadata", "kind", "apiVersion"))
_UNSUPPORTED: Final = (
    ("id", "id"),
    ("additionalItems", "additionalItems"),
    ("patternProperties", "patternProperties"),
    ("definitions", "definitions"),
    ("dependencies", "dependencies"),
    ("$ref", "$ref"),
)
# What may stand at the root of a schema whose status is a subresource.
_AT_ROOT: Final = (
    "Description",
    "Type",
    "Format",
    "Title",
    "Maximum",
    "ExclusiveMaximum",
    "Minimum",
    "ExclusiveMinimum",
    "MaxLength",
    "MinLength",
    "Pattern",
    "MaxItems",
    "MinItems",
    "UniqueItems",
    "MultipleOf",
    "Required",
    "Items",
    "Properties",
    "ExternalDocs",
    "Example",
    "XPreserveUnknownFields",
    "XValidations",
)


def mistakes(schema: Obj, path: str, *, has_status: bool) -> list[FieldError]:
    """All mistakes of a schema that stands at a path of its definition."""
    found = list(_root_mistakes(schema, path, has_status=has_status))
    unreadable = definition_structure.unreadable(schema)
    structural = [] if unreadable else definition_structure.mistakes(schema, path)
    if not unreadable and not structural:
        structural = definition_defaults.mistakes(schema, path)
    found += structural
    plain = list(_mistakes(schema, path, _Place(is_root=True)))
    found += plain
    if not unreadable and not structural:
        found += _expression_faults(schema, path, [error.path for error in plain], is_root=True)
    if unreadable and not found:
        found.append(invalid.invalid(path, "", unreadable))
    return found


def _root_mistakes(schema: Obj, path: str, *, has_status: bool) -> Iterator[FieldError]:
    for name in definition_forms.field_names(schema) if has_status else ():
        if name == "Type" and schema["type"] != "object":
            detail = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
            yield invalid.invalid(f"{path}.type", schema["type"], detail)
            break
        if name not in _AT_ROOT:
            allowed = " ".join(_AT_ROOT)
            detail = f"only [{allowed}] fields are allowed at the root of the schema if the status subresource is enabled"
            yield invalid.invalid(path, definition_forms.shown_schema(schema), detail)
            break
    if schema.get("nullable"):
        yield invalid.forbidden(f"{path}.nullable", "nullable cannot be true at the root")


@dataclass(frozen=True)
class _Place:
    """Where a schema stands: at the root, in a resource's metadata, or where defaults are not allowed."""

    is_root: bool = False
    is_in_meta: bool = False
    no_defaults: str = ""


def _mistakes(node: Obj, path: str, place: _Place) -> Iterator[FieldError]:
    yield from _field_mistakes(node, path, place)
    if node.get("uniqueItems"):
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield invalid.forbidden(f"{path}.uniqueItems", detail)
    inner = replace(place, is_root=False)
    yield from _property_mistakes(node, path, place)
    if isinstance(node.get("not"), dict):
        yield from _mistakes(node["not"], f"{path}.not", inner)
    for key in ("allOf", "oneOf", "anyOf"):
        for index, part in enumerate(node.get(key) or ()):
            yield from _mistakes(part, f"{path}.{key}[{index}]", inner)
    for name, below in (node.get("definitions") or {}).items():
        yield from _mistakes(below, f"{path}.definitions[{name}]", inner)
    items = node.get("items")
    if isinstance(items, dict):
        yield from _mistakes(items, f"{path}.items", inner)
    elif isinstance(items, list):
        for index, below in enumerate(items):
            yield from _mistakes(below, f"{path}.items[{index}]", inner)
    if node.get("x-kubernetes-preserve-unknown-fields") is False:
        key = "x-kubernetes-preserve-unknown-fields"
        yield invalid.invalid(f"{path}.{key}", node[key], "must be true or undefined")
    yield from _map_type_mistakes(node, path)
    yield from _list_type_mistakes(node, path)
    yield from _keyed_list_mistakes(node, path)
    yield from _key_mistakes(node, path)
    yield from custom_rules.plain_faults(node, path)


def _expression_faults(
    node: Obj, path: str, wrong: list[str], uncorrelated: str = "", *, is_root: bool = False
) -> Iterator[FieldError]:
    """Of the rules' expressions; they are looked at only where nothing at or below their node is plainly wrong."""
    extra, items = node.get("additionalProperties"), node.get("items")
    if isinstance(extra, dict):
        yield from _expression_faults(extra, f"{path}.additionalProperties", wrong, uncorrelated)
    of_properties = uncorrelated or (path if node.get("x-kubernetes-map-type") == "atomic" else "")
    for name, schema in (node.get("properties") or {}).items():
        yield from _expression_faults(schema, f"{path}.properties[{name}]", wrong, of_properties)
    if isinstance(items, dict):
        of_items = uncorrelated or ("" if node.get("x-kubernetes-list-type") == "map" else path)
        yield from _expression_faults(items, f"{path}.items", wrong, of_items)
    if not any(place.startswith(path) for place in wrong):
        yield from custom_rules.compilation_faults(node, path, uncorrelated, is_root=is_root)


def _field_mistakes(node: Obj, path: str, place: _Place) -> Iterator[FieldError]:
    kind = node.get("type") or ""
    if kind and kind not in _TYPES:
        yield invalid.unsupported(f"{path}.type", kind, _TYPES)
    if node.get("default") is not None and place.no_defaults:
        yield invalid.forbidden(f"{path}.default", f"must not be set {place.no_defaults}")
    for key, name in _UNSUPPORTED:
        if node.get(key) not in (None, "", {}, []):
            yield invalid.forbidden(f"{path}.{key}", f"{name} is not supported")
    if kind == "null":
        detail = "type cannot be set to null, use nullable as an alternative"
        yield invalid.forbidden(f"{path}.type", detail)
    if isinstance(node.get("items"), list):
        yield invalid.forbidden(f"{path}.items", "items must be a schema object and not an array")
    if place.is_in_meta and node.get("x-kubernetes-embedded-resource"):
        detail = "must not be used inside of resource meta"
        yield invalid.forbidden(f"{path}.x-kubernetes-embedded-resource", detail)


def _property_mistakes(node: Obj, path: str, place: _Place) -> Iterator[FieldError]:
    extra, properties = node.get("additionalProperties"), node.get("properties") or {}
    inner = replace(place, is_root=False)
    if extra is not None:
        if properties and extra is not True:
            detail = "additionalProperties and properties are mutual exclusive"
            yield invalid.forbidden(f"{path}.additionalProperties", detail)
        if isinstance(extra, dict):
            reason = "inside additionalProperties applying to object metadata"
            below = replace(inner, no_defaults=reason) if place.is_in_meta else inner
            yield from _mistakes(extra, f"{path}.additionalProperties", below)
    for name, schema in properties.items():
        below = inner
        if name in _META and (place.is_root or node.get("x-kubernetes-embedded-resource")):
            below = replace(inner, is_in_meta=True)
            if place.is_root:
                below = replace(below, no_defaults=f"in top-level {name}")
        yield from _mistakes(schema, f"{path}.properties[{name}]", below)


def _map_type_mistakes(node: Obj, path: str) -> Iterator[FieldError]:
    map_type = node.get("x-kubernetes-map-type")
    if map_type is None:
        return
    yield from _wrong_holder(node, path, "object", "must be object if x-kubernetes-map-type is specified")
    if map_type not in ("atomic", "granular"):
        yield invalid.unsupported(f"{path}.x-kubernetes-map-type", map_type, ("atomic", "granular"))


def _wrong_holder(node: Obj, path: str, wanted: str, detail: str) -> Iterator[FieldError]:
    kind = node.get("type") or ""
    if not kind:
        yield invalid.required(f"{path}.type", detail)
    elif kind != wanted:
        yield invalid.invalid(f"{path}.type", kind, detail)


def _list_type_mistakes(node: Obj, path: str) -> Iterator[FieldError]:
    list_type, items = node.get("x-kubernetes-list-type"), node.get("items")
    if list_type is not None and node.get("type") != "array":
        yield from _wrong_holder(node, path, "array", "must be array if x-kubernetes-list-type is specified")
    elif list_type == "set" and isinstance(items, dict):
        detail = "must be atomic as item of a list with x-kubernetes-list-type=set"
        of_items = items.get("x-kubernetes-list-type")
        if items.get("type") == "array" and of_items not in (None, "atomic"):
            yield invalid.invalid(f"{path}.items.x-kubernetes-list-type", of_items, detail)
        if items.get("type") == "object" and items.get("x-kubernetes-map-type") != "atomic":
            # The real server shows the other field here.
            yield invalid.invalid(f"{path}.items.x-kubernetes-map-type", of_items, detail)
    if list_type not in (None, "atomic", "set", "map"):
        yield invalid.unsupported(f"{path}.x-kubernetes-list-type", list_type, ("atomic", "set", "map"))
    if node.get("x-kubernetes-list-map-keys"):
        detail = "must be map if x-kubernetes-list-map-keys is non-empty"
        if list_type is None:
            yield invalid.required(f"{path}.x-kubernetes-list-type", detail)
        elif list_type != "map":
            yield invalid.invalid(f"{path}.x-kubernetes-list-type", list_type, detail)


def _keyed_list_mistakes(node: Obj, path: str) -> Iterator[FieldError]:
    if node.get("x-kubernetes-list-type") != "map":
        return
    keys, items = node.get("x-kubernetes-list-map-keys") or [], node.get("items")
    here = f"{path}.x-kubernetes-list-map-keys"
    if not keys:
        yield invalid.required(here, "must not be empty if x-kubernetes-list-type is map")
    if items is None:
        yield invalid.required(f"{path}.items", "must have a schema if x-kubernetes-list-type is map")
    if not isinstance(items, dict):
        return
    if items.get("type") != "object":
        detail = "must be object if parent array's x-kubernetes-list-type is map"
        yield invalid.invalid(f"{path}.items.type", items.get("type") or "", detail)
        return
    properties: Any = items.get("properties") or {}
    for index, key in enumerate(keys):
        if key not in properties:
            yield invalid.invalid(here, keys, "entries must all be names of item properties")
        elif properties[key].get("type") in ("array", "object"):
            detail = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            yield invalid.invalid(f"{path}.items.properties[{key}].type", items["type"], detail)
        if key in keys[:index]:
            yield invalid.invalid(here, keys, "must not contain duplicate entries")


def _key_mistakes(node: Obj, path: str) -> Iterator[FieldError]:
    """Items of sets and keyed lists always have a value, and keys too."""
    list_type, items = node.get("x-kubernetes-list-type"), node.get("items")
    if list_type not in ("set", "map") or not isinstance(items, dict):
        return
    if items.get("nullable"):
        detail = f"cannot be nullable when x-kubernetes-list-type is {list_type}"
        yield invalid.forbidden(f"{path}.items.nullable", detail)
    for key in node.get("x-kubernetes-list-map-keys") or () if list_type == "map" else ():
        below = (items.get("properties") or {}).get(key)
        if below is None:
            continue
        here, stated = (
            f"{path}.items.properties[{key}]",
            "this property is in x-kubernetes-list-map-keys, so it",
        )
        if key not in (items.get("required") or ()) and below.get("default") is None:
            yield invalid.required(
                f"{here}.default", f"{stated} must have a default or be a required property"
            )
        if below.get("nullable"):
            yield invalid.forbidden(f"{here}.nullable", f"{stated} cannot be nullable")
