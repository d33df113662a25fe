"""Defaults, canonical forms and rules of the built-in kinds, as the real server has them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jx.adapters.local.kubernetes.kinds import defaults, rules
from jx.adapters.local.kubernetes.types import decoding, facts
from jx.adapters.local.kubernetes.types.facts import Facts, Gvk, Obj, Schema
from jx.adapters.local.kubernetes.words import quantities
from jx.adapters.local.kubernetes.words.invalid import FieldError


def default(gvk: Gvk, obj: Obj) -> Obj:
    """A copy of the object in the server's form: defaults filled in, quantities canonical, no empty fields.

    Raises decoding.Malformed (HTTP 400) for a value of another type than its field's.
    """
    known = facts.load()
    schema = known.schema(gvk)
    decoding.check(gvk, obj, schema)
    made: Obj = _tidy(obj, schema, known)
    made.setdefault("metadata", {})
    _fill(made, schema, None)
    defaults.complete(gvk[0], gvk[2], made)
    _fill(made, schema, known)
    return made


def settle(gvk: Gvk, obj: Obj) -> Obj:
    """The object as the store gives it back: an empty list that its kind always writes is nothing there.

    Who wrote the empty list owns it all the same, so this comes after the managers. Looks at the object and its spec only.
    """
    known = facts.load()
    schema = known.schema(gvk)
    made = _without_empty(obj, known.always(schema.ref))
    below = schema.child("spec")
    spec = made.get("spec")
    if below is None or not isinstance(spec, dict):
        return made
    settled = _without_empty(spec, known.always(below.ref))
    return made if settled is spec else {**made, "spec": settled}


def _without_empty(obj: Obj, always: Mapping[str, Any]) -> Obj:
    empty = [key for key in always if obj.get(key) == []]
    return {**obj, **dict.fromkeys(empty)} if empty else obj


def validate(gvk: Gvk, obj: Obj, old: Obj | None, subresource: str = "") -> list[FieldError]:
    """All mistakes of a create (`old` is None) or an update, in defaulted objects."""
    return rules.mistakes(gvk, obj, old, subresource)


def tidied(value: Obj, schema: Schema) -> Obj:
    """A deep copy of a part of an object without what the server does not write."""
    made: Obj = _tidy(value, schema, facts.load())
    return made


def _tidy(value: Any, schema: Schema, known: Facts) -> Any:
    """A deep copy without what the server does not write: unknown fields, empty lists and maps, optional zero values."""
    if type(value) is schema.plain:
        return value
    if isinstance(value, dict):
        if schema.kind == "any":
            return {key: _tidy(child, schema, known) for key, child in value.items()}
        return _tidy_map(value, schema, known) if schema.kind == "map" else _tidy_object(value, schema, known)
    if isinstance(value, list):
        below = schema.item() if schema.kind == "list" else schema
        return [_tidy(_zero(below) if item is None else item, below, known) for item in value]
    return quantities.canonical(value) if schema.ref == facts.QUANTITY else _text(value, schema)


def _tidy_map(value: Obj, schema: Schema, known: Facts) -> Obj:
    """A map with the author's keys: a null becomes the empty value of its type."""
    made = {}
    below = schema.child("") or schema
    for key, child in value.items():
        made[key] = _tidy(_zero(below) if child is None else child, below, known)
    return made


def _tidy_object(value: Obj, schema: Schema, known: Facts) -> Obj:
    kept: Obj = {}
    for key, child in value.items():
        below = schema.child(key)
        if child is None or below is None:
            continue
        if type(child) is below.plain and child:
            kept[key] = child
            continue
        if not isinstance(child, dict | list):
            if not known.is_left_out(schema, key, child):
                kept[key] = _tidy(child, below, known)
            continue
        made = _tidy(child, below, known)
        if made or not (below.kind == "list" or below.is_dictionary) or key in known.always(schema.ref):
            kept[key] = made
    return kept


def _zero(schema: Schema) -> Any:
    """What a null stands for where a value has to be."""
    if schema.ref == facts.QUANTITY:
        return "0"
    if schema.kind == "scalar":
        return {"integer": 0, "number": 0, "boolean": False}.get(schema.scalar, "")
    return {} if schema.kind in ("object", "map") else None


def _text(value: Any, schema: Schema) -> Any:
    """Base64 in one line, times in UTC: with microseconds or none."""
    if schema.format == "date-time" and isinstance(value, str):
        return _time(value, "microseconds" if schema.ref == facts.MICRO_TIME else "seconds")
    if schema.format == "byte" and isinstance(value, str) and ("\n" in value or "\r" in value):
        return value.replace("\n", "").replace("\r", "")
    return value


def _time(text: str, exactness: str) -> str:
    if text.endswith("Z") and len(text) == (27 if exactness == "microseconds" else 20):
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=exactness) + "Z"


def _fill(value: Any, schema: Schema, known: Facts | None) -> None:
    """Adds the structs that an object of the type always has; with facts also the scalars and lists that it always has."""
    if isinstance(value, list) and schema.kind == "list":
        for item in value:
            _fill(item, schema.item(), known)
    elif isinstance(value, dict) and schema.kind == "map":
        for child in value.values():
            _fill(child, schema.child("") or schema, known)
    elif isinstance(value, dict) and schema.kind == "object":
        _fill_object(value, schema, known)


def _fill_object(value: Obj, schema: Schema, known: Facts | None) -> None:
    for key, _ in schema.structs:
        if key not in value:
            value[key] = {}
    for key, child in value.items():
        if isinstance(child, dict | list) and (below := schema.child(key)):
            _fill(child, below, known)
    if known:
        for key, zero in known.always(schema.ref).items():
            value.setdefault(key, zero)
