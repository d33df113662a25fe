"""Values of custom resources, held to their structural schema in the real server's words."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import formats, go_patterns, invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

Node: TypeAlias = Mapping[str, Any]
"""A node of a structural schema."""

META: Final = frozenset(("apiVersion", "kind", "metadata"))
ABSENT: Final[Any] = object()
"""What an object is compared with where there was none before."""


_BITS: Final = {"int32": 32, "int64": 64}


def below(node: Node, key: str) -> Node | None:
    """The schema of a field; None where there is none, {} where all is allowed."""
    found: Node | None = (node.get("properties") or {}).get(key)
    if found is not None:
        return found
    extra = node.get("additionalProperties")
    return {"x-kubernetes-preserve-unknown-fields": True} if extra is True else extra or None


def mistakes(value: Any, node: Node, path: str, old: Any = ABSENT) -> Iterator[FieldError]:
    """All mistakes; what is as it was before may stay as wrong as it was."""
    if old is not ABSENT and _is_same(value, old):
        return
    error = _type_mistake(value, node, path)
    if error is not None:
        yield error
    if value is not None:
        yield from _combined(value, node, path)
        yield from _kind_mistakes(value, node, path, old)
    if node.get("enum") is not None and value not in node["enum"]:
        yield invalid.unsupported(path or "<nil>", value, node["enum"])
    if isinstance(value, dict):
        yield from _object_mistakes(value, node, path, old)


def _kind_mistakes(value: Any, node: Node, path: str, old: Any) -> Iterator[FieldError]:
    """What the rules for values of its own type say, even where the schema wants another."""
    if isinstance(value, str):
        yield from _string_mistakes(value, node, path)
    elif isinstance(value, list):
        yield from _list_mistakes(value, node, path, old)
    elif isinstance(value, int | float) and not isinstance(value, bool):
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
    if node.get("format") and isinstance(value, list) and not {"integer", "number"} & {*wanted}:
        return None  # as the real server has it: a format is what judges lists, and none does
    kind = ",".join(wanted)
    if node.get("format") and not isinstance(value, str | list | None):
        kind, found = node["format"], _FORMATS.get(found, "")
    return invalid.wrong_type(path, found, f'{path} in body must be of type {kind}: "{found}"')


_FORMATS = {"integer": "int64", "number": "float64"}
"""What the real server calls a value where the schema has a format."""


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
        return list(mistakes(value, part, path))

    def composite(detail: str) -> FieldError:
        return invalid.invalid("<nil>", "", f'"{path}" {detail}')

    any_of = [errors(part) for part in node.get("anyOf") or ()]
    if any_of and all(any_of):
        yield composite("must validate at least one schema (anyOf)")
        yield from any_of[0]
    one_of = [errors(part) for part in node.get("oneOf") or ()]
    if one_of and (valid := one_of.count([])) != 1:
        found = f"Found {valid} valid alternatives" if valid else "Found none valid"
        yield composite(f"must validate one and only one schema (oneOf). {found}")
        if not valid:
            yield from one_of[0]
    all_of = [errors(part) for part in node.get("allOf") or ()]
    for found_errors in all_of:
        yield from found_errors
    if any(all_of):
        yield composite(f"must validate all the schemas (allOf){'. None validated' if all(all_of) else ''}")
    if node.get("not") is not None and not errors(node["not"]):
        yield composite("must not validate the schema (not)")


def _string_mistakes(value: str, node: Node, path: str) -> Iterator[FieldError]:
    longest, shortest, pattern = node.get("maxLength"), node.get("minLength"), node.get("pattern")
    # Of these the real server tells the first one only.
    if longest is not None and len(value) > longest:
        yield invalid.too_long(path, longest)
    elif shortest is not None and len(value) < shortest:
        yield invalid.invalid(path, value, f"{path} in body should be at least {shortest} chars long")
    elif pattern and not go_patterns.searcher(pattern)(value):
        yield invalid.invalid(path, value, f"{path} in body should match '{pattern}'")
    form = node.get("format")
    if form and formats.is_known(form, node.get("type") or "") and not formats.fits(value, form):
        detail = f"{path} in body must be of type {form}: {invalid.shown(value)}"
        yield invalid.wrong_type(path, value, detail)


def _number_mistakes(value: float, node: Node, path: str) -> Iterator[FieldError]:
    yield from _range_mistakes(value, node, path)
    factor = node.get("multipleOf")
    if factor and value % factor:
        sentence = f"should be a multiple of {invalid.number(factor)}"
        yield invalid.invalid(path, value, f"{path} in body {sentence}")
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


def _range_mistakes(value: float, node: Node, path: str) -> Iterator[FieldError]:
    if node.get("type") != "integer":
        return
    form = node.get("format") if node.get("format") in _BITS else ""
    limit = 1 << (_BITS.get(form or "", 64) - 1)
    if float(value).is_integer() and -limit <= value < limit:
        return
    named = f"with format {form}" if form else "(default format)"
    detail = f"Checked value must be of type integer {named} in {path}"
    yield invalid.invalid("<nil>", "", detail)


def _list_mistakes(value: list[Any], node: Node, path: str, old: Any) -> Iterator[FieldError]:
    items = node.get("items")
    for index, item in enumerate(value) if isinstance(items, Mapping) else ():
        yield from mistakes(item, items or {}, f"{path}[{index}]", _matching(item, index, node, old))
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
        return ABSENT
    keys = node.get("x-kubernetes-list-map-keys") or ()
    for before in old:
        if isinstance(before, dict) and all(before.get(key) == item.get(key) for key in keys):
            return before
    return ABSENT


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
        inner = below(node, key)
        if inner is not None and not (node.get("x-kubernetes-embedded-resource") and key in META):
            here = f"{path}.{key}" if path else key
            yield from mistakes(value[key], inner, here, before.get(key, ABSENT))
    for key in node.get("required") or ():
        if key not in value and not (not path and key in META):
            yield invalid.required(f"{path}.{key}" if path else key)


def repeated(value: Any, node: Node, path: str) -> Iterator[FieldError]:
    """The items that stand twice in a set or under one key."""
    if isinstance(value, dict):
        for key, child in value.items():
            inner = below(node, key)
            if inner is not None:
                named = key in (node.get("properties") or {})
                here = f"{path}.{key}" if path else key
                yield from repeated(child, inner, here if named else f"{path}[{key}]")
    elif isinstance(value, list):
        yield from _repeated_items(value, node, path)
        for index, item in enumerate(value):
            yield from repeated(item, node.get("items") or {}, f"{path}[{index}]")


def _repeated_items(items: list[Any], node: Node, path: str) -> Iterator[FieldError]:
    kind = node.get("x-kubernetes-list-type")
    if kind not in ("set", "map"):
        return
    for index, item in enumerate(items if kind == "map" else ()):
        if item is not None and not isinstance(item, dict):
            yield invalid.invalid(f"{path}[{index}]", item, "must be an object for an array of list-type map")
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
