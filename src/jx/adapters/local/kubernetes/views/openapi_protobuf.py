"""The OpenAPI document of version 2 as protobuf: the only form in which Go clients read it.

Numbers are those of the message types of the OpenAPI v2 protobuf schema; only what our documents contain is written.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import orjson

from jx.adapters.local.kubernetes.types.facts import Obj

MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

_METHODS = MappingProxyType({"get": 2, "put": 3, "post": 4, "delete": 5, "options": 6, "head": 7, "patch": 8})
_TEXTS = MappingProxyType({"$ref": 1, "format": 2, "title": 3, "description": 4, "pattern": 13})
_DOUBLES = MappingProxyType({"multipleOf": 6, "maximum": 7, "minimum": 9})
_FLAGS = MappingProxyType({"exclusiveMaximum": 8, "exclusiveMinimum": 10, "uniqueItems": 16, "readOnly": 27})
_COUNTS = MappingProxyType(
    {
        "maxLength": 11,
        "minLength": 12,
        "maxItems": 14,
        "minItems": 15,
        "maxProperties": 17,
        "minProperties": 18,
    }
)


def encode(document: Obj) -> bytes:
    """A document as `OpenApi.v2` makes it."""
    info = _text(1, document["info"]["title"]) + _text(2, document["info"]["version"])
    paths = b"".join(_named(2, path, _path(item)) for path, item in document["paths"].items())
    definitions = b"".join(_named(1, name, _schema(one)) for name, one in document["definitions"].items())
    return _text(1, document["swagger"]) + _part(2, info) + _part(8, paths) + _part(9, definitions)


def _path(item: Obj) -> bytes:
    return b"".join(_part(_METHODS[method], _operation(operation)) for method, operation in item.items())


def _operation(operation: Obj) -> bytes:
    parameters = (_part(1, _part(2, _part(3, _query(one)))) for one in operation.get("parameters", ()))
    responses = b"".join(
        _named(1, code, _part(1, _response(one))) for code, one in operation["responses"].items()
    )
    return (
        _all(7, (one.encode() for one in operation.get("consumes", ())))
        + _all(8, parameters)
        + _part(9, responses)
        + _extensions(13, operation)
    )


def _query(parameter: Obj) -> bytes:
    return (
        _text(2, parameter["in"])
        + _text(4, parameter["name"])
        + _text(6, parameter["type"])
        + _flag(20, parameter.get("uniqueItems", False))
    )


def _response(response: Obj) -> bytes:
    return _text(1, response["description"]) + _part(2, _part(1, _schema(response["schema"])))


def _schema(schema: Obj) -> bytes:
    made = [_text(number, schema[name]) for name, number in _TEXTS.items() if name in schema]
    if "default" in schema:
        made.append(_part(5, _any(schema["default"])))
    made += [_double(number, schema[name]) for name, number in _DOUBLES.items() if name in schema]
    made += [_flag(number, schema[name]) for name, number in _FLAGS.items() if name in schema]
    made += [_count(number, schema[name]) for name, number in _COUNTS.items() if name in schema]
    made.append(_all(19, (name.encode() for name in schema.get("required") or ())))
    made.append(_all(20, (_any(value) for value in schema.get("enum") or ())))
    others = schema.get("additionalProperties")
    if isinstance(others, Mapping):
        made.append(_part(21, _part(1, _schema(dict(others)))))
    elif others is not None:
        made.append(_part(21, _varint(2 << 3) + _varint(int(others))))
    if isinstance(schema.get("type"), str):
        made.append(_part(22, _text(1, schema["type"])))
    if isinstance(schema.get("items"), Mapping):
        made.append(_part(23, _part(1, _schema(schema["items"]))))
    made.append(_all(24, (_schema(one) for one in schema.get("allOf") or ())))
    if properties := schema.get("properties"):
        made.append(_part(25, b"".join(_named(1, name, _schema(one)) for name, one in properties.items())))
    made.append(_extensions(31, schema))
    return b"".join(made)


def _extensions(number: int, node: Obj) -> bytes:
    return b"".join(
        _named(number, name, _any(value)) for name, value in node.items() if name.startswith("x-")
    )


def _any(value: Any) -> bytes:
    # JSON is YAML.
    return _text(2, orjson.dumps(value).decode())


def _named(number: int, name: str, value: bytes) -> bytes:
    return _part(number, _text(1, name) + _part(2, value))


def _all(number: int, values: Iterable[bytes]) -> bytes:
    return b"".join(_part(number, value) for value in values)


def _text(number: int, value: str) -> bytes:
    return _part(number, value.encode())


def _part(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _flag(number: int, value: bool) -> bytes:  # noqa: FBT001 - a field's value
    return _varint(number << 3) + b"\x01" if value else b""


def _count(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _double(number: int, value: float) -> bytes:
    return _varint(number << 3 | 1) + struct.pack("<d", value)


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)
