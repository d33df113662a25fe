"""Mistakes in fields, in the real server's words."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

IMMUTABLE: Final = "field is immutable"
_OF_NULL: Final = "Invalid value: null"


class Printed(str):
    """A value that already has the form in which messages show it."""

    __slots__ = ()


@dataclass(frozen=True)
class FieldError:
    """One wrong field; `str()` is the real server's sentence, the parts are a Status' cause."""

    path: str
    message: str
    reason: str = "FieldValueInvalid"

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def invalid(path: str, value: Any, detail: str, reason: str = "FieldValueInvalid") -> FieldError:
    """A value that breaks a rule."""
    return FieldError(path, f"Invalid value: {shown(value)}" + (f": {detail}" if detail else ""), reason)


def wrong_type(path: str, value: Any, detail: str) -> FieldError:
    """A value of another type than the field's."""
    return invalid(path, value, detail, "FieldValueTypeInvalid")


def required(path: str, detail: str = "") -> FieldError:
    """A value that is missing."""
    return FieldError(path, "Required value" + (f": {detail}" if detail else ""), "FieldValueRequired")


def unsupported(path: str, value: Any, supported: Iterable[Any]) -> FieldError:
    """A value outside a closed list."""
    listed = ", ".join(_quoted(one if isinstance(one, str) else json.dumps(one)) for one in supported)
    return FieldError(
        path, f"Unsupported value: {shown(value)}: supported values: {listed}", "FieldValueNotSupported"
    )


def forbidden(path: str, detail: str) -> FieldError:
    """A value that may not stand there now."""
    return FieldError(path, f"Forbidden: {detail}", "FieldValueForbidden")


def duplicate(path: str, value: Any) -> FieldError:
    """A value that must be unique and is not."""
    return FieldError(path, f"Duplicate value: {shown(value)}", "FieldValueDuplicate")


def not_found(path: str, value: Any) -> FieldError:
    """A value that names what is not there."""
    return FieldError(path, f"Not found: {shown(value)}", "FieldValueNotFound")


def too_long(path: str, limit: int) -> FieldError:
    """A text above its limit in bytes."""
    unit = "byte" if limit == 1 else "bytes"
    return FieldError(path, f"Too long: may not be more than {limit} {unit}", "FieldValueTooLong")


def too_many(path: str, count: int, limit: int) -> FieldError:
    """A list above its limit."""
    unit = "item" if limit == 1 else "items"
    return FieldError(path, f"Too many: {count}: must have at most {limit} {unit}", "FieldValueTooMany")


class Struct(dict[str, Any]):
    """What the real server keeps in a type of its own: printed in the order of its fields, not of the alphabet."""


def shown(value: Any) -> str:
    """A value as messages print it."""
    if isinstance(value, Printed):
        return str(value)
    return _quoted(value) if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    if isinstance(value, dict):
        keys = value if isinstance(value, Struct) else sorted(value)
        return "{" + ",".join(f"{_json(key)}:{_json(value[key])}" for key in keys) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_json, value)) + "]"
    text = json.dumps(value, ensure_ascii=False)
    for character in "<>&" if isinstance(value, str) else "":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def as_sent(error: FieldError, obj: dict[str, Any]) -> FieldError:
    """The error with an empty map where the caller sent one: the server keeps none, but shows it."""
    found: Any = obj
    for key in error.path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    if found != {} or not error.message.startswith(_OF_NULL):
        return error
    return FieldError(error.path, error.message.replace(_OF_NULL, "Invalid value: {}", 1), error.reason)


def number(value: float) -> str:
    """A number as Go prints it: whole ones without a point, large floats with an exponent."""
    if isinstance(value, int):
        return str(value)
    digits, _, exponent = f"{value!r}".partition("e")
    if exponent:
        return f"{digits}e{int(exponent):+03d}"
    if abs(value) >= 1e6 or (value and abs(value) < 1e-4):
        mantissa, _, power = f"{value:.16e}".partition("e")
        mantissa = f"{float(mantissa):.15g}"
        return f"{mantissa}e{int(power):+03d}"
    return digits.removesuffix(".0")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
