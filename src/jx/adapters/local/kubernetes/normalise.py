"""Defaults, canonical forms and rules of the built-in kinds, as the real server has them."""

from typing import Any

from jx.adapters.local.kubernetes import decoding, defaults, facts, quantities, rules
from jx.adapters.local.kubernetes.facts import Facts, Gvk, Obj, Schema
from jx.adapters.local.kubernetes.invalid import FieldError


def default(gvk: Gvk, obj: Obj) -> Obj:
    """A copy of the object in the server's form: defaults filled in, quantities canonical, no empty fields.

    Raises decoding.Malformed (HTTP 400) for a value of another type than its field's.
    """
    known = facts.load()
    schema = known.schema(gvk)
    decoding.check(gvk, obj, schema)
    made: Obj = _tidy(obj, schema, known)
    made.setdefault("metadata", {})
    _fill_structs(made, schema)
    defaults.complete(gvk[0], gvk[2], made)
    _fill_structs(made, schema)
    return made


def validate(gvk: Gvk, obj: Obj, old: Obj | None) -> list[FieldError]:
    """All mistakes of a create (`old` is None) or an update, in defaulted objects."""
    return rules.mistakes(gvk, obj, old)


def _tidy(value: Any, schema: Schema, known: Facts) -> Any:
    """A deep copy without what the server does not write: nulls, empty lists and maps, optional zero values."""
    if isinstance(value, dict):
        if schema.kind == "any":
            return {key: _tidy(child, schema, known) for key, child in value.items()}
        return _tidy_map(value, schema, known)
    if isinstance(value, list):
        return [_tidy(item, schema.item() if schema.kind == "list" else schema, known) for item in value]
    return quantities.canonical(value) if schema.ref == facts.QUANTITY else value


def _tidy_map(value: Obj, schema: Schema, known: Facts) -> Obj:
    kept: Obj = {}
    for key, child in value.items():
        below = schema.child(key)
        if child is None or below is None or known.is_left_out(schema, key, child):
            continue
        made = _tidy(child, below, known)
        is_optional = key not in schema.required and (below.kind == "list" or below.is_dictionary)
        if made or not is_optional:
            kept[key] = made
    return kept


def _fill_structs(value: Any, schema: Schema) -> None:
    """Adds the fields that an object of the type always has, as {}."""
    if isinstance(value, list) and schema.kind == "list":
        for item in value:
            _fill_structs(item, schema.item())
    elif isinstance(value, dict) and schema.kind == "map":
        for child in value.values():
            _fill_structs(child, schema.child("") or schema)
    elif isinstance(value, dict) and schema.kind == "object":
        for key in schema.fields:
            below = schema.child(key)
            if below is None:
                continue
            if key not in value and below.is_struct:
                value[key] = {}
            if key in value and below.kind in ("object", "list"):
                _fill_structs(value[key], below)
