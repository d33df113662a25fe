"""Whether a schema is structural: each value has one type, and what only narrows values says nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import go_patterns, invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

_ROOT: Final = "at the root"
_ITEM: Final = "for specified array items"
_FIELD: Final = "for specified object fields"
_META: Final = "metadata"
_UNSUPPORTED: Final = (
    "id",
    "$schema",
    "$ref",
    "patternProperties",
    "dependencies",
    "additionalItems",
    "definitions",
)
_INT_OR_STRING: Final = ({"type": "integer"}, {"type": "string"})
# What a schema that only narrows values must leave out, and how messages say so.
_NARROWING: Final[Mapping[str, str]] = {
    "type": "must be empty to be structural",
    "default": "must be undefined to be structural",
    "title": "must be empty to be structural",
    "description": "must be empty to be structural",
    "nullable": "must be false to be structural",
    "x-kubernetes-preserve-unknown-fields": "must be false to be structural",
    "x-kubernetes-embedded-resource": "must be false to be structural",
    "x-kubernetes-int-or-string": "must be false to be structural",
    "x-kubernetes-list-map-keys": "must be empty to be structural",
    "x-kubernetes-list-type": "must be undefined to be structural",
    "x-kubernetes-map-type": "must be undefined to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
}


def unreadable(node: Any) -> str:
    """Why a schema cannot be looked at as a structural one; "" where it can."""
    for key in _UNSUPPORTED:
        if node.get(key) not in (None, "", [], {}):
            return f"OpenAPIV3Schema '{key.removeprefix('$') if key == '$schema' else key}' is not supported"
    if node.get("x-kubernetes-preserve-unknown-fields") is False:
        return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined"
    if isinstance(node.get("items"), list):
        return "OpenAPIV3Schema 'items' must be a schema, but is an array"
    return next(filter(None, (unreadable(part) for _, part in _parts(node))), "")


def _parts(node: Obj) -> Iterator[tuple[str, Obj]]:
    for key in ("items", "additionalProperties", "not"):
        if isinstance(node.get(key), dict):
            yield key, node[key]
    for key in ("allOf", "anyOf", "oneOf"):
        for index, part in enumerate(node.get(key) or ()):
            yield f"{key}[{index}]", part
    for name, part in (node.get("properties") or {}).items():
        yield f"properties[{name}]", part


def mistakes(schema: Obj, path: str) -> list[FieldError]:
    """All mistakes of a readable schema, in the order of their texts."""
    found = [*_invariants(schema, _ROOT, path), *_incomplete(schema, schema, path, path)]
    return sorted(found, key=str)


def _invariants(node: Obj, level: str, path: str) -> Iterator[FieldError]:
    if node.get("type") == "array" and node.get("items") is None:
        yield invalid.required(f"{path}.items", "must be specified")
    if node.get("items") is not None:
        yield from _invariants(node["items"], _ITEM, f"{path}.items")
    for name, below in (node.get("properties") or {}).items():
        yield from _invariants(below, _FIELD, f"{path}.properties[{name}]")
    extra = node.get("additionalProperties")
    if extra is not None:
        if level == _ROOT:
            yield invalid.forbidden(f"{path}.additionalProperties", "must not be used at the root")
        if isinstance(extra, dict):
            yield from _invariants(extra, _FIELD, f"{path}.additionalProperties")
    yield from _extension_mistakes(node, path)
    yield from _narrowed(node, path, skips=_skipped(node))
    yield from _type_mistakes(node, level, path)
    yield from _resource_mistakes(node, level, path)


def _extension_mistakes(node: Obj, path: str) -> Iterator[FieldError]:
    if not node.get("x-kubernetes-int-or-string"):
        return
    for key in ("x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"):
        if node.get(key):
            detail = "must be false if x-kubernetes-int-or-string is true"
            yield invalid.invalid(f"{path}.{key}", node[key], detail)


def _type_mistakes(node: Obj, level: str, path: str) -> Iterator[FieldError]:
    kind, is_embedded = node.get("type") or "", bool(node.get("x-kubernetes-embedded-resource"))
    is_open = node.get("x-kubernetes-int-or-string") or node.get("x-kubernetes-preserve-unknown-fields")
    if is_embedded and kind != "object":
        detail = "must be object if x-kubernetes-embedded-resource is true"
        yield (
            invalid.invalid(f"{path}.type", kind, detail)
            if kind
            else invalid.required(f"{path}.type", detail)
        )
    elif not kind and not is_open:
        yield invalid.required(f"{path}.type", f"must not be empty {level}")
    if is_embedded and node.get("additionalProperties") is not None:
        detail = "must not be used if x-kubernetes-embedded-resource is set"
        yield invalid.forbidden(f"{path}.additionalProperties", detail)
    if level == _ROOT and kind and kind != "object":
        yield invalid.invalid(f"{path}.type", kind, "must be object at the root")


def _resource_mistakes(node: Obj, level: str, path: str) -> Iterator[FieldError]:
    properties = node.get("properties") or {}
    is_embedded = bool(node.get("x-kubernetes-embedded-resource"))
    is_resource = level == _ROOT or is_embedded
    for name in ("kind", "apiVersion") if is_resource else ():
        if name in properties and properties[name].get("type") != "string":
            kind = properties[name].get("type") or ""
            yield invalid.invalid(f"{path}.properties[{name}].type", kind, "must be string")
    if _META in properties:
        yield from _metadata_mistakes(
            properties[_META], f"{path}.properties[{_META}]", level, is_resource=is_resource
        )
    if is_embedded and not node.get("x-kubernetes-preserve-unknown-fields") and not properties:
        detail = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
        yield invalid.required(f"{path}.properties", detail)


def _metadata_mistakes(node: Obj, path: str, level: str, *, is_resource: bool) -> Iterator[FieldError]:
    if is_resource and node.get("type") != "object":
        yield invalid.invalid(f"{path}.type", node.get("type") or "", "must be object")
    if level != _ROOT:
        return
    rest = {
        key: value
        for key, value in node.items()
        if key not in ("type", "default") and value not in (None, [])
    }
    if rest.get("properties") and rest["properties"].keys() <= {"name", "generateName"}:
        del rest["properties"]
    if any(value not in ("", {}, False) for value in rest.values()):
        detail = (
            "must not specify anything other than name and generateName, but metadata is implicitly specified"
        )
        yield invalid.forbidden(path, detail)


def _skipped(node: Obj) -> frozenset[str]:
    """Where types may stand in a narrowing schema: two forms of int-or-string have them."""
    if _is_int_or_string(node.get("anyOf")):
        return frozenset(("anyOf",))
    first = (node.get("allOf") or [{}])[0]
    return frozenset(("allOf",)) if _is_int_or_string(first.get("anyOf")) else frozenset()


def _is_int_or_string(parts: Any) -> bool:
    return isinstance(parts, list) and tuple(parts) == _INT_OR_STRING


def _narrowed(node: Obj, path: str, *, skips: frozenset[str] = frozenset()) -> Iterator[FieldError]:
    for key in ("anyOf", "allOf", "oneOf"):
        if key == "anyOf" and key in skips:
            continue
        for index, part in enumerate(node.get(key) or ()):
            inner = frozenset(("anyOf",)) if key == "allOf" and key in skips and not index else frozenset()
            yield from _narrowing_mistakes(part, f"{path}.{key}[{index}]", skips=inner)
    if node.get("not") is not None:
        yield from _narrowing_mistakes(node["not"], f"{path}.not")
    pattern = node.get("pattern")
    if pattern and (problem := go_patterns.problem(pattern)):
        detail = f"must be a valid regular expression, but isn't: error parsing regexp: {problem}"
        yield invalid.invalid(f"{path}.pattern", pattern, detail)


def _narrowing_mistakes(node: Obj, path: str, *, skips: frozenset[str] = frozenset()) -> Iterator[FieldError]:
    yield from _narrowed(node, path, skips=skips)
    if node.get("items") is not None:
        yield from _narrowing_mistakes(node["items"], f"{path}.items")
    for name, below in (node.get("properties") or {}).items():
        yield from _narrowing_mistakes(below, f"{path}.properties[{name}]")
    if node.get("additionalProperties") not in (None, False):
        yield invalid.forbidden(f"{path}.additionalProperties", "must be undefined to be structural")
    for key, detail in _NARROWING.items():
        if node.get(key) not in (None, "", False, []):
            yield invalid.forbidden(f"{path}.{key}", detail)
    if _META in (node.get("properties") or {}):
        yield invalid.forbidden(f"{path}.properties[{_META}]", "must not be specified in a nested context")


def _incomplete(node: Obj, spine: Obj, spine_path: str, path: str) -> Iterator[FieldError]:
    """What is narrowed must also be described; `spine` is the description."""
    for key, part in _parts(node):
        if key.startswith(("not", "allOf", "anyOf", "oneOf")):
            yield from _incomplete_part(part, spine, spine_path, f"{path}.{key}")


def _incomplete_part(node: Obj, spine: Obj, spine_path: str, path: str) -> Iterator[FieldError]:
    yield from _incomplete(node, spine, spine_path, path)
    if node.get("items") is not None:
        here, there = f"{path}.items", f"{spine_path}.items"
        if spine.get("items") is None:
            yield invalid.required(there, f"because it is defined in {here}")
        else:
            yield from _incomplete_part(node["items"], spine["items"], there, here)
    for name, below in (node.get("properties") or {}).items():
        here, there = f"{path}.properties[{name}]", f"{spine_path}.properties[{name}]"
        if name in (spine.get("properties") or {}):
            yield from _incomplete_part(below, spine["properties"][name], there, here)
        else:
            yield invalid.required(there, f"because it is defined in {here}")
