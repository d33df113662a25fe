"""Bodies of requests as the real server reads them: JSON and YAML with Go's rules, refused in Go's words."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson
import yaml

from jx.adapters.local.kubernetes.words import json_problems

_LONGEST_SHOWN: Final = 30
_INTO_MAP: Final = "Go value of type map[string]interface {}"
_INTO_KIND: Final = (
    'Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
    'Kind string "json:\\"kind,omitempty\\"" }'
)
_NAMES: Final = {str: "string", bool: "bool", list: "array", dict: "object", int: "number", float: "number"}


class Unreadable(ValueError):
    """A body that is no object (HTTP 400)."""


def read_json(body: bytes) -> Any:
    """Any JSON; Unreadable says what Go's reader would."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unreadable(json_problems.describe(body) or str(error)) from error


def read_yaml(body: bytes) -> Any:
    """YAML as Kubernetes reads it (and JSON, which is YAML)."""
    if body.lstrip()[:1] == b"{":
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass
    try:
        return yaml.load(body, Loader=_Loader)
    except yaml.YAMLError as error:
        raise Unreadable(_yaml_problem(error)) from error


def read_object(body: bytes, kind: str, *, is_yaml: bool, headed: bool = False) -> dict[str, Any]:
    """An object of a kind that the path tells; a `headed` one must tell it itself, too."""
    try:
        return read_any_object(body, is_yaml=is_yaml, headed=headed)
    except Unreadable as error:
        raise Unreadable(unrecognized(kind, str(error), body)) from error


def unrecognized(kind: str, problem: str, body: bytes) -> str:
    """What is told of a body that is none of a kind."""
    return f"the object provided is unrecognized (must be of type {kind}): {problem} ({_shown(body)})"


def read_any_object(body: bytes, *, is_yaml: bool, headed: bool = False) -> dict[str, Any]:
    """An object that says itself of what kind it is."""
    head = "couldn't get version/kind; json parse error: "
    try:
        read = read_yaml(body) if is_yaml else read_json(body)
    except Unreadable as error:
        raise Unreadable(f"{error}" if is_yaml else f"{head}{error}") from error
    if headed and (read is None or (isinstance(read, dict) and not read.get("kind"))):
        stated = orjson.dumps(read).decode() if is_yaml else body.decode("utf-8", "replace")
        raise Unreadable(f"Object 'Kind' is missing in '{stated}'")
    if not isinstance(read, dict):
        raise Unreadable(f"{head}json: cannot unmarshal {json_name(read)} into {_INTO_KIND}")
    return read


def read_configuration(body: bytes) -> dict[str, Any]:
    """What a server-side apply sends."""
    try:
        read = read_yaml(body)
    except Unreadable as error:
        raise Unreadable(f"error decoding YAML: error converting YAML to JSON: {error}") from error
    if read is None:
        return {}
    if not isinstance(read, dict):
        problem = f"json: cannot unmarshal {json_name(read)} into {_INTO_MAP}"
        raise Unreadable(f"error decoding YAML: error unmarshaling JSON: while decoding JSON: {problem}")
    return read


def json_name(value: Any) -> str:
    """What Go calls the kind of a value from JSON."""
    return _NAMES.get(type(value), "null")


def _shown(body: bytes) -> str:
    if not body:
        return "<empty>"
    cut = body[:_LONGEST_SHOWN]
    text = cut.decode("utf-8", "replace") if body[:1] == b"{" else cut.hex()
    return text if len(body) <= _LONGEST_SHOWN else f"{text} ..."


def _yaml_problem(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError):
        return f"yaml: {error}"
    line = 0
    if error.problem_mark and error.problem_mark.line:
        line = error.problem_mark.line + isinstance(error, yaml.scanner.ScannerError)
    elif error.context_mark:
        line = error.context_mark.line
    return f"yaml: line {line}: {error.problem}" if line else f"yaml: {error.problem}"


class _Loader(yaml.CSafeLoader):
    """Scalars as Go's YAML has them: more ways to say yes, numbers with exponents, no dates, nothing to the base of 60."""

    yaml_implicit_resolvers = {}


def _resolve(tag: str, pattern: str, firsts: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(firsts))


_TRUE: Final = frozenset({"y", "yes", "true", "on"})
_resolve(
    "bool", "y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF", "yYnNtTfFoO"
)
_resolve("int", "[-+]?(?:0x[0-9a-fA-F_]+|0b[01_]+|0o?[0-7_]+|0|[1-9][0-9_]*)", "-+0123456789")
_resolve("float", r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789")
_resolve("null", "~|null|Null|NULL|", "~nN")
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^$"), [""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile("^<<$"), ["<"])


def _bool(loader: _Loader, node: yaml.ScalarNode) -> bool:
    return node.value.lower() in _TRUE


def _int(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = node.value.replace("_", "")
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")
    base = {"0x": 16, "0b": 2, "0o": 8}.get(digits[:2], 8 if digits.startswith("0") and digits != "0" else 10)
    return sign * int(digits[2:] if digits[:2] in ("0x", "0b", "0o") else digits, base)


def _float(loader: _Loader, node: yaml.ScalarNode) -> float:
    number = float(node.value.replace("_", ""))
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


_Loader.add_constructor("tag:yaml.org,2002:bool", _bool)
_Loader.add_constructor("tag:yaml.org,2002:int", _int)
_Loader.add_constructor("tag:yaml.org,2002:float", _float)
