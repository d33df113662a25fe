"""Reads the protobuf bodies that typed clients (and half of kubectl) send; answers go out as JSON, which they take too."""

from __future__ import annotations

import base64
import gzip
import importlib.resources
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeAlias

import orjson

from jx.adapters.local.kubernetes.types.facts import Obj

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"

Message: TypeAlias = dict[str, tuple[str, str, str]]
"""By field number: the name in JSON ("" where the fields belong to the parent), the type, the mode."""

_MAGIC = b"k8s\x00"
_META = "apimachinery.pkg.apis.meta.v1."
_RAW = frozenset({_META + "FieldsV1", "apimachinery.pkg.runtime.RawExtension"})
_TIMES = {_META + "Time": False, _META + "MicroTime": True}
_QUANTITY = "apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "apimachinery.pkg.util.intstr.IntOrString"
_SCALARS = frozenset({"string", "bytes", "bool", "int32", "int64", "uint32", "uint64", "double"})


class Unreadable(ValueError):
    """Bytes that are no Kubernetes object in protobuf."""


def decode(body: bytes) -> Obj:
    """The object of a body. Raises Unreadable."""
    if not body.startswith(_MAGIC):
        raise Unreadable(
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        )
    try:
        return _unwrapped(body[len(_MAGIC) :])
    except Unreadable:
        raise
    except (IndexError, TypeError, AttributeError, OverflowError, ValueError, struct.error) as error:
        raise Unreadable(f"the message is damaged: {error}") from error


def _unwrapped(raw: bytes) -> Obj:
    outer = dict(_fields(raw))
    names = dict(_fields(outer.get(1, b"")))
    api_version, kind = names.get(1, b"").decode(), names.get(2, b"").decode()
    message = _message_of(api_version, kind)
    if message is None:
        raise Unreadable(f'no kind "{kind}" is registered for version "{api_version}" in protobuf')
    return {"kind": kind, "apiVersion": api_version, **_object(message, outer.get(2, b""))}


@lru_cache(maxsize=1)
def _table() -> dict[str, Message]:
    packed = importlib.resources.files(__package__).joinpath("messages.json.gz").read_bytes()
    table: dict[str, Message] = orjson.loads(gzip.decompress(packed))
    return table


def _message_of(api_version: str, kind: str) -> str | None:
    group, _, version = api_version.rpartition("/")
    package = group.partition(".")[0] or "core"
    candidates = [f"api.{package}.{version}.{kind}", f"{_META}{kind}"]
    return next((name for name in candidates if name in _table()), None)


def _object(name: str, raw: bytes) -> Obj:
    message = _table().get(name, {})
    obj: Obj = {}
    for number, value in _fields(raw):
        field = message.get(str(number))
        if field is None:
            continue
        key, kind, mode = field
        if mode == "list":
            obj.setdefault(key, []).extend(_items(kind, value))
        elif mode == "map":
            pair = dict(_fields(value))
            obj.setdefault(key, {})[pair.get(1, b"").decode()] = _value(kind, pair.get(2, b""))
        elif key == "" and kind not in _SCALARS:
            obj |= _object(kind, value)
        else:
            _put(obj, field, _value(kind, value))
    return obj


def _put(obj: Obj, field: tuple[str, str, str], value: Any) -> None:
    """Go sends what is no pointer even when it is zero, and does not write such a zero in JSON."""
    key, kind, mode = field
    is_zero = value is None or (kind in _SCALARS and not value)
    if not is_zero or (value is not None and mode in ("pointer", "always")):
        obj[key] = value


def _items(kind: str, value: Any) -> list[Any]:
    if isinstance(value, bytes) and kind in ("int32", "int64", "uint32", "uint64", "bool"):
        return [_value(kind, number) for number in _packed(value)]
    return [_value(kind, value)]


def _value(kind: str, value: Any) -> Any:
    if kind in _SCALARS:
        return _scalar(kind, value)
    if kind in _TIMES:
        return _time(value, exact=_TIMES[kind])
    if kind in _RAW:
        raw = dict(_fields(value)).get(1, b"")
        return orjson.loads(raw) if raw else None
    if kind == _QUANTITY:
        return dict(_fields(value)).get(1, b"").decode()
    if kind == _INT_OR_STRING:
        parts = dict(_fields(value))
        return parts.get(3, b"").decode() if parts.get(1) else _signed(parts.get(2, 0))
    made = _object(kind, value)
    return made.get("items", []) if _is_named_list(kind) else made


@lru_cache(maxsize=256)
def _is_named_list(kind: str) -> bool:
    """Named lists (as of extra values of users) are messages of one list of plain values; with other values it is an object."""
    fields = list(_table().get(kind, {}).values())
    return len(fields) == 1 and fields[0][0] == "items" and fields[0][1] in _SCALARS


def _scalar(kind: str, value: Any) -> Any:
    match kind:
        case "string":
            return value.decode() if value else ""
        case "bytes":
            return base64.b64encode(value or b"").decode()
        case "bool":
            return bool(value)
        case "double":
            return struct.unpack("<d", value)[0]
        case _:
            return _signed(value or 0)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _time(raw: bytes, *, exact: bool) -> str | None:
    parts = dict(_fields(raw))
    seconds, nanos = _signed(parts.get(1, 0)), parts.get(2, 0)
    # Go's zero time is the year 1; it stands for none.
    if not parts or seconds <= -62135596800:
        return None
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{nanos // 1000:06d}Z" if exact else f"{moment}Z"


def _fields(raw: bytes) -> Iterator[tuple[int, Any]]:
    position = 0
    while position < len(raw):
        tag, position = _varint(raw, position)
        match tag & 7:
            case 0:
                value, position = _varint(raw, position)
                yield tag >> 3, value
            case 1:
                yield tag >> 3, raw[position : position + 8]
                position += 8
            case 2:
                length, position = _varint(raw, position)
                if position + length > len(raw):
                    raise IndexError("a field ends after the message")
                yield tag >> 3, raw[position : position + length]
                position += length
            case 5:
                yield tag >> 3, raw[position : position + 4]
                position += 4
            case kind:
                raise IndexError(f"wire type {kind}")


def _packed(raw: bytes) -> Iterator[int]:
    position = 0
    while position < len(raw):
        value, position = _varint(raw, position)
        yield value


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
