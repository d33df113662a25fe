"""Values as Go prints them, for messages that are to be the real server's."""

from __future__ import annotations

import json
from typing import Any

_TYPES = {
    str: "string",
    bool: "bool",
    dict: "map[string]interface {}",
    list: "[]interface {}",
    int: "int64",
    float: "float64",
}


def plain(value: Any) -> str:
    """As `%v` prints it: `map[a:1 b:[x y]]`."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{plain(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(plain(item) for item in value) + "]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)


def syntax(value: Any) -> str:
    """As `%#v` prints it: `map[string]interface {}{"a":1}`."""
    if isinstance(value, dict):
        inner = ", ".join(
            f"{json.dumps(key, ensure_ascii=False)}:{syntax(value[key])}" for key in sorted(value)
        )
        return f"map[string]interface {{}}{{{inner}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(syntax(item) for item in value)}}}"
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return plain(value)


def quoted(text: str) -> str:
    """As `%q` prints a text."""
    return json.dumps(text, ensure_ascii=False)


def type_name(value: Any) -> str:
    """The type that a value from JSON has."""
    return "<nil>" if value is None else _TYPES[type(value)]
