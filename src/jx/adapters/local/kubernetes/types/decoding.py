"""Reads objects as strictly as the real server's decoder: a value of another type than its field's is refused."""

import base64
import binascii
import re
from typing import Any, Final

from jx.adapters.local.kubernetes.types import facts
from jx.adapters.local.kubernetes.types.bodies import json_name
from jx.adapters.local.kubernetes.types.facts import Gvk, Obj, Schema
from jx.adapters.local.kubernetes.words import quantities

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[-+]\d\d:\d\d)")


class Malformed(ValueError):
    """An object that cannot be decoded (HTTP 400); the message is the real server's, `problem` its last part."""

    def __init__(self, kind: str, version: str, wanted: str, problem: str) -> None:
        self.problem = problem
        super().__init__(f'{kind} in version "{version}" cannot be handled as a {wanted}: {problem}')


def check(gvk: Gvk, obj: Obj, schema: Schema) -> None:
    """Raises Malformed at the first value that does not fit its field."""
    _, version, kind = gvk
    problem = _problem(obj, schema, kind, "")
    if problem:
        raise Malformed(kind, version, kind, problem)


def problem_of(obj: Obj, definition: str) -> str:
    """What is wrong with a value of a type that is no kind; empty where nothing is."""
    schema = facts.load().definition(definition)
    return _problem(obj, schema, _struct_name(schema), "")


def metadata_problem(obj: Obj, kind: str) -> str:
    """What does not fit in the metadata of an object; empty where all does."""
    return _problem(obj.get("metadata"), facts.load().definition(facts.OBJECT_META), kind, "")


def check_kind(gvk: Gvk, obj: Obj) -> None:
    """Raises Malformed for an object of another kind or version, and for metadata that do not fit their type."""
    group, version, kind = gvk
    api_version, found = obj.get("apiVersion") or "", obj.get("kind") or ""
    if found == kind and api_version == (f"{group}/{version}" if group else version):
        schema = facts.load().definition(facts.OBJECT_META)
        if problem := _problem(obj.get("metadata"), schema, kind, "metadata"):
            raise Malformed(kind, version, kind, problem)
        return
    group, _, version = api_version.rpartition("/")
    if facts.load().definition_name((group, version, found)) is None:
        problem = f'no kind "{found}" is registered for version "{api_version}" in scheme "pkg/runtime/scheme.go:111"'
    else:
        package = gvk[0].partition(".")[0] or "core"
        problem = f"converting ({version}.{found}) to ({package}.{kind}): unknown conversion"
    raise Malformed(found, version, kind, problem)


def reads_itself(schema: Schema) -> bool:
    """Whether a value's type reads its own JSON."""
    return schema.ref == facts.QUANTITY or schema.int_or_string or schema.format == "date-time"


def own_problem(value: Any, schema: Schema) -> str:
    """Why a value does not fit its type, where that type reads it by itself; empty where it does."""
    if schema.ref == facts.QUANTITY:
        return _quantity_problem(value)
    fitting = str | int if schema.int_or_string else str
    if isinstance(value, bool) or not isinstance(value, fitting):
        kind = "int32" if schema.int_or_string else "string"
        return f"json: cannot unmarshal {_found(value)} into Go value of type {kind}"
    return _text_problem(value, schema.format)


def _problem(value: Any, schema: Schema, struct: str, path: str) -> str:
    if value is None or schema.kind == "any":
        return ""
    if schema.kind == "scalar":
        return _scalar_problem(value, schema, struct, path)
    if schema.kind == "list":
        if not isinstance(value, list):
            return _mismatch(value, schema, struct, path)
        return next(filter(None, (_problem(item, schema.item(), struct, path) for item in value)), "")
    if not isinstance(value, dict):
        return _mismatch(value, schema, struct, path)
    inner = _struct_name(schema) if schema.kind == "object" else struct
    for key, child in value.items():
        below = schema.child(key)
        if below is None or type(child) is below.plain:
            continue
        here = f"{path}.{key}" if path else key
        problem = _problem(child, below, inner, here if schema.kind == "object" else path)
        if problem:
            return problem
    return ""


def _scalar_problem(value: Any, schema: Schema, struct: str, path: str) -> str:
    if schema.ref == facts.QUANTITY:
        return _quantity_problem(value)
    if schema.int_or_string:
        fits = isinstance(value, str | int) and not isinstance(value, bool)
    elif schema.scalar == "string":
        fits = isinstance(value, str)
    elif schema.scalar == "boolean":
        fits = isinstance(value, bool)
    else:
        whole = (
            schema.scalar == "number"
            or isinstance(value, int)
            or (isinstance(value, float) and value.is_integer())
        )
        fits = isinstance(value, int | float) and not isinstance(value, bool) and whole
    if not fits:
        return _mismatch(value, schema, struct, path)
    if schema.ref == facts.MICRO_TIME:
        return _micro_time_problem(value)
    return _text_problem(value, schema.format)


def _quantity_problem(value: Any) -> str:
    try:
        quantities.parse(value)
    except ValueError as error:
        return str(error)
    return ""


def _text_problem(value: Any, form: str) -> str:
    if form == "byte":
        try:
            base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
        except (binascii.Error, ValueError):
            at = next(
                (i for i, c in enumerate(value) if not re.fullmatch(r"[A-Za-z0-9+/=\r\n]", c)),
                len(value) // 4 * 4,
            )
            return f"illegal base64 data at input byte {at}"
    if form == "date-time" and not _TIME.fullmatch(value):
        return f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" as "2006"'
    return ""


def _micro_time_problem(value: str) -> str:
    if not _TIME.fullmatch(value):
        rest, wanted = value, "2006"
    else:
        rest, wanted = value[19:], ".000000"
        if re.match(r"\.\d{6}", rest):
            rest, wanted = rest[7:], "Z07:00"
            if rest[:1] not in set("0123456789"):
                return ""
    return (
        f'parsing time "{value}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "{rest}" as "{wanted}"'
    )


def _mismatch(value: Any, schema: Schema, struct: str, path: str) -> str:
    found = _found(value)
    kind = "types.UID" if path.rpartition(".")[2] == "uid" else _go_type(schema)
    return f"json: cannot unmarshal {found} into Go struct field {struct}.{path} of type {kind}"


def _found(value: Any) -> str:
    return f"number {value}" if isinstance(value, float) else json_name(value)


def _go_type(schema: Schema) -> str:
    if schema.kind == "list":
        return f"[]{_go_type(schema.item())}"
    if schema.kind == "object":
        return f"v1.{_struct_name(schema)}"
    if schema.kind == "map":
        below = schema.child("")
        return f"map[string]{_go_type(below) if below else 'string'}"
    if schema.int_or_string:
        return "intstr.IntOrString"
    if schema.format == "byte":
        return "[]uint8"
    names = {"boolean": "bool", "number": "float64", "integer": schema.format or "int64"}
    return names.get(schema.scalar, "string")


def _struct_name(schema: Schema) -> str:
    return schema.ref.rpartition(".")[2]
