"""What the real server says of values that do not fit, where it fills its types with maps and lists itself.

It does so with the result of a strategic merge patch; everything else it reads from JSON (`decoding`).
"""

from __future__ import annotations

from typing import Any

from jx.adapters.local.kubernetes.types import decoding
from jx.adapters.local.kubernetes.types.facts import Schema

_GO = {bool: "bool", int: "int64", float: "float64", str: "string", list: "slice", dict: "map"}
_NAMES = {"boolean": "bool", "number": "float64", "string": "string"}


def problem(value: Any, schema: Schema) -> str:
    """Why a value does not fit its type; empty where it does."""
    if value is None or schema.kind == "any":
        return ""
    if schema.kind == "scalar":
        return _scalar_problem(value, schema)
    if schema.kind == "list":
        if not isinstance(value, list):
            return f"cannot restore slice from {_GO[type(value)]}"
        return next(filter(None, (problem(item, schema.item()) for item in value)), "")
    if not isinstance(value, dict):
        kind = "struct from:" if schema.kind == "object" else "map from"
        return f"cannot restore {kind} {_GO[type(value)]}"
    fields = ((child, schema.child(key)) for key, child in value.items())
    return next(filter(None, (problem(child, below) for child, below in fields if below)), "")


def _scalar_problem(value: Any, schema: Schema) -> str:
    if decoding.reads_itself(schema):
        return decoding.own_problem(value, schema)
    if schema.format == "byte":
        return _bytes_problem(value, schema)
    wanted = _NAMES.get(schema.scalar) or schema.format or "int64"
    found = _GO[type(value)]
    if (found, wanted) == ("int64", "string"):
        return f"cannot convert {found} to {wanted}"
    if found == "float64" and wanted.startswith("int"):
        return "" if value.is_integer() else f"cannot convert {found} to {wanted}"
    fits = found == wanted or (found == "int64" and wanted != "bool")
    return "" if fits else f"unrecognized type: {wanted}"


def _bytes_problem(value: Any, schema: Schema) -> str:
    if not isinstance(value, str):
        return "" if isinstance(value, list) else f"cannot restore slice from {_GO[type(value)]}"
    wrong = decoding.own_problem(value, schema)
    return f"error decoding from json: {wrong}" if wrong else ""
