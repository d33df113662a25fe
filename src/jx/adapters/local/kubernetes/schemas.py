"""Structural schemas of custom resources: pruning, defaulting, validation; unknown fields of any type."""

import copy
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from jx.adapters.local.kubernetes import formats, invalid
from jx.adapters.local.kubernetes.facts import Obj, Schema
from jx.adapters.local.kubernetes.invalid import FieldError

__all__ = ["CrdValidator", "FieldError", "unknown_fields"]

Node: TypeAlias = Mapping[str, Any]

_META: Final = frozenset(("apiVersion", "kind", "metadata"))
_ABSENT: Final = object()


class CrdValidator:
    """One version's structural schema of a CustomResourceDefinition."""

    def __init__(self, open_api_v3_schema: Obj) -> None:
        self._root: Obj = {**open_api_v3_schema, "x-kubernetes-embedded-resource": True}

    def prune(self, obj: Obj) -> Obj:
        """The object without the fields that the schema does not name."""
        pruned: Obj = _pruned(obj, self._root)
        return pruned

    def default(self, obj: Obj, *, keeps_nulls: bool = False) -> Obj:
        """The object with the schema's defaults filled in, and without nulls that the schema does not allow."""
        made: Obj = _defaulted(copy.deepcopy(obj), self._root)
        return made if keeps_nulls else _without_nulls(made, self._root)

    def validate(self, obj: Obj, old: Obj | None = None) -> list[FieldError]:
        """All mistakes; what an update does not touch may stay as wrong as it was."""
        before = {key: value for key, value in (old or {}).items() if key not in _META}
        after = {key: value for key, value in obj.items() if key not in _META}
        errors = list(_mistakes(after, self._root, "", before if old is not None else _ABSENT))
        if old is None or not list(_repeated(before, self._root, "")):
            errors += _repeated(after, self._root, "")
        return errors


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
            below = schema.child(key)
            if below is None:
                yield here
            elif isinstance(child, dict | list):
                yield from _unknown(child, below, here)


def _below(node: Node, key: str) -> Node | None:
    """The schema of a field; None where there is none, {} where all is allowed."""
    found: Node | None = (node.get("properties") or {}).get(key)
    if found is not None:
        return found
    extra = node.get("additionalProperties")
    return {"x-kubernetes-preserve-unknown-fields": True} if extra is True else extra or None


def _pruned(value: Any, node: Node) -> Any:
    keeps = node.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(value, list):
        items = node.get("items")
        return value if items is None and keeps else [_pruned(item, items or {}) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, child in value.items():
        if node.get("x-kubernetes-embedded-resource") and key in _META:
            kept[key] = child
            continue
        below = _below(node, key)
        if below is not None:
            kept[key] = _pruned(child, below)
        elif keeps:
            kept[key] = child
    return kept


def _defaulted(value: Any, node: Node) -> Any:
    if isinstance(value, list):
        items = node.get("items") or {}
        return [_defaulted(_or_default(item, items), items) for item in value]
    if not isinstance(value, dict):
        return value
    for key, below in (node.get("properties") or {}).items():
        if "default" in below and (key not in value or (value[key] is None and not below.get("nullable"))):
            value[key] = copy.deepcopy(below["default"])
    return {
        key: child if (below := _below(node, key)) is None else _defaulted(_or_default(child, below), below)
        for key, child in value.items()
    }


def _or_default(value: Any, node: Node) -> Any:
    replaced = value is None and not node.get("nullable") and "default" in node
    return copy.deepcopy(node["default"]) if replaced else value


def _without_nulls(value: Any, node: Node) -> Any:
    if isinstance(value, list):
        return [_without_nulls(item, node.get("items") or {}) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, child in value.items():
        below = _below(node, key)
        if child is None and below is not None and not below.get("nullable"):
            continue
        kept[key] = child if below is None else _without_nulls(child, below)
    return kept


def _mistakes(value: Any, node: Node, path: str, old: Any = _ABSENT) -> Iterator[FieldError]:
    if old is not _ABSENT and _is_same(value, old):
        return
    error = _type_mistake(value, node, path)
    if error is not None:
        yield error
        return
    if value is None:
        return
    yield from _combined(value, node, path)
    if node.get("enum") is not None and value not in node["enum"]:
        yield invalid.unsupported(path or "<nil>", value, node["enum"])
    if isinstance(value, str):
        yield from _string_mistakes(value, node, path)
    elif isinstance(value, list):
        yield from _list_mistakes(value, node, path, old)
    elif isinstance(value, dict):
        yield from _object_mistakes(value, node, path, old)
    elif not isinstance(value, bool):
        yield from _number_mistakes(value, node, path)


def _is_same(value: Any, old: Any) -> bool:
    return bool(value == old) and isinstance(value, bool) is isinstance(old, bool)


def _type_mistake(value: Any, node: Node, path: str) -> FieldError | None:
    wanted = ["integer", "string"] if node.get("x-kubernetes-int-or-string") else [node.get("type") or ""]
    if wanted == [""] or (value is None and node.get("nullable")):
        return None
    found = _type_of(value)
    if found in wanted or (found == "integer" and "number" in wanted):
        return None
    if found == "number" and "integer" in wanted and float(value).is_integer():
        return None
    kind = ",".join(wanted)
    return invalid.wrong_type(path, found, f'{path} in body must be of type {kind}: "{found}"')


def _type_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _combined(value: Any, node: Node, path: str) -> Iterator[FieldError]:
    def errors(part: Node) -> list[FieldError]:
        return list(_mistakes(value, part, path))

    def composite(detail: str) -> FieldError:
        return invalid.invalid("<nil>", "", f'"{path}" {detail}')

    any_of = [errors(part) for part in node.get("anyOf") or ()]
    if any_of and all(any_of):
        yield composite("must validate at least one schema (anyOf)")
        yield from min(any_of, key=len)
    one_of = [errors(part) for part in node.get("oneOf") or ()]
    if one_of and (valid := one_of.count([])) != 1:
        found = f"Found {valid} valid alternatives" if valid else "Found none valid"
        yield composite(f"must validate one and only one schema (oneOf). {found}")
        if not valid:
            yield from min(one_of, key=len)
    all_of = [errors(part) for part in node.get("allOf") or ()]
    for found_errors in all_of:
        yield from found_errors
    if any(all_of):
        yield composite(f"must validate all the schemas (allOf){'. None validated' if all(all_of) else ''}")
    if node.get("not") is not None and not errors(node["not"]):
        yield composite("must not validate the schema (not)")


def _string_mistakes(value: str, node: Node, path: str) -> Iterator[FieldError]:
    limit = node.get("maxLength")
    if limit is not None and len(value) > limit:
        yield invalid.too_long(path, limit)
    limit = node.get("minLength")
    if limit is not None and len(value) < limit:
        yield invalid.invalid(path, value, f"{path} in body should be at least {limit} chars long")
    pattern = node.get("pattern")
    if pattern and not _compiled(pattern)(value):
        yield invalid.invalid(path, value, f"{path} in body should match '{pattern}'")
    form = node.get("format")
    if form and not formats.fits(value, form):
        detail = f"{path} in body must be of type {form}: {invalid.shown(value)}"
        yield invalid.wrong_type(path, value, detail)


def _compiled(pattern: str) -> Callable[[str], object]:
    """Go's patterns are nearly Python's; one that Python cannot read matches all."""
    translated = pattern.replace(r"\z", r"\Z").replace("[[:alnum:]]", "[0-9A-Za-z]")
    try:
        return re.compile(translated).search
    except re.error:
        return lambda text: text is not None


def _number_mistakes(value: float, node: Node, path: str) -> Iterator[FieldError]:
    for key, exclusive, words, breaks in (
        ("maximum", "exclusiveMaximum", "less than", operator.gt),
        ("minimum", "exclusiveMinimum", "greater than", operator.lt),
    ):
        bound = node.get(key)
        if bound is None:
            continue
        bound = int(bound) if isinstance(value, int) else float(bound)
        strict = bool(node.get(exclusive))
        if breaks(value, bound) or (strict and value == bound):
            sentence = f"should be {words} {'' if strict else 'or equal to '}{invalid.number(bound)}"
            yield invalid.invalid(path, value, f"{path} in body {sentence}")
    factor = node.get("multipleOf")
    if factor and value % factor:
        sentence = f"should be a multiple of {invalid.number(factor)}"
        yield invalid.invalid(path, value, f"{path} in body {sentence}")


def _list_mistakes(value: list[Any], node: Node, path: str, old: Any) -> Iterator[FieldError]:
    items = node.get("items")
    for index, item in enumerate(value) if isinstance(items, Mapping) else ():
        yield from _mistakes(item, items or {}, f"{path}[{index}]", _matching(item, index, node, old))
    limit = node.get("minItems")
    if limit is not None and len(value) < limit:
        yield invalid.invalid(path, len(value), f"{path} in body should have at least {limit} items")
    limit = node.get("maxItems")
    if limit is not None and len(value) > limit:
        yield invalid.too_many(path, len(value), limit)
    if node.get("uniqueItems") and any(item in value[:index] for index, item in enumerate(value)):
        yield invalid.invalid(path, value, f"{path} in body shouldn't contain duplicates")


def _matching(item: Any, index: int, node: Node, old: Any) -> Any:
    """The old item that an item of a keyed list was; items of other lists have no history."""
    if not isinstance(old, list) or node.get("x-kubernetes-list-type") != "map" or not isinstance(item, dict):
        return _ABSENT
    keys = node.get("x-kubernetes-list-map-keys") or ()
    for before in old:
        if isinstance(before, dict) and all(before.get(key) == item.get(key) for key in keys):
            return before
    return _ABSENT


def _object_mistakes(value: Obj, node: Node, path: str, old: Any) -> Iterator[FieldError]:
    limit = node.get("minProperties")
    if limit is not None and len(value) < limit:
        yield invalid.invalid(path, len(value), f"{path} in body should have at least {limit} properties")
    limit = node.get("maxProperties")
    if limit is not None and len(value) > limit:
        yield invalid.too_many(path, len(value), limit)
    before = old if isinstance(old, dict) else {}
    known = node.get("properties") or {}
    for key in (*(key for key in known if key in value), *(key for key in value if key not in known)):
        below = _below(node, key)
        if below is not None and not (node.get("x-kubernetes-embedded-resource") and key in _META):
            here = f"{path}.{key}" if path else key
            yield from _mistakes(value[key], below, here, before.get(key, _ABSENT))
    for key in node.get("required") or ():
        if key not in value and not (not path and key in _META):
            yield invalid.required(f"{path}.{key}" if path else key)


def _repeated(value: Any, node: Node, path: str) -> Iterator[FieldError]:
    """The items that stand twice in a set or under one key."""
    if isinstance(value, dict):
        for key, child in value.items():
            below = _below(node, key)
            if below is not None:
                named = key in (node.get("properties") or {})
                here = f"{path}.{key}" if path else key
                yield from _repeated(child, below, here if named else f"{path}[{key}]")
    elif isinstance(value, list):
        yield from _repeated_items(value, node, path)
        for index, item in enumerate(value):
            yield from _repeated(item, node.get("items") or {}, f"{path}[{index}]")


def _repeated_items(items: list[Any], node: Node, path: str) -> Iterator[FieldError]:
    kind = node.get("x-kubernetes-list-type")
    if kind not in ("set", "map"):
        return
    keys = node.get("x-kubernetes-list-map-keys") or ()
    seen: dict[str, int] = {}
    for index, item in enumerate(items):
        identity = item
        if kind == "map" and isinstance(item, dict):
            identity = {key: item[key] for key in keys if key in item}
        shown = invalid.shown(identity)
        seen[shown] = seen.get(shown, 0) + 1
        if seen[shown] == 2:
            yield invalid.duplicate(f"{path}[{index}]", identity)
