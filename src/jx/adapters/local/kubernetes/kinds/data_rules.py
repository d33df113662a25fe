"""The rules of ConfigMaps and Secrets."""

import base64
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from jx.adapters.local.kubernetes.types import bodies
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, json_problems, names
from jx.adapters.local.kubernetes.words.invalid import FieldError

_LIMIT: Final = 1024 * 1024
_ACCOUNT: Final = "kubernetes.io/service-account.name"
_REDACTED: Final = "<secret contents redacted>"
_KEYS_OF_TYPE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
        "kubernetes.io/dockercfg": (".dockercfg",),
        "kubernetes.io/tls": ("tls.crt", "tls.key"),
        "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    }
)


def secret(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a Secret."""
    data, kind = obj.get("data") or {}, obj.get("type", "")
    yield from _key_mistakes(data, "data")
    if sum(map(_length, data.values())) > _LIMIT:
        yield invalid.too_long("data", _LIMIT)
    for key in _KEYS_OF_TYPE.get(kind, ()):
        if key not in data:
            yield invalid.required(f"data[{key}]")
        elif key.startswith(".docker"):
            yield from _json_mistakes(base64.b64decode(data[key]), f"data[{key}]")
    if kind == "kubernetes.io/basic-auth" and not data.keys() & {"username", "password"}:
        yield invalid.required("data[username]")
        yield invalid.required("data[password]")
    annotations = obj["metadata"].get("annotations") or {}
    if kind == "kubernetes.io/service-account-token" and not annotations.get(_ACCOUNT):
        yield invalid.required(f"metadata.annotations[{_ACCOUNT}]")


def _json_mistakes(text: bytes, path: str) -> Iterator[FieldError]:
    try:
        read = bodies.read_json(text)
    except bodies.Unreadable:
        yield invalid.invalid(path, _REDACTED, json_problems.describe(text))
        return
    if read is not None and not isinstance(read, dict):
        found = bodies.json_name(read)
        detail = f"json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
        yield invalid.invalid(path, _REDACTED, detail)


def config_map(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a ConfigMap."""
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    yield from _key_mistakes(data, "data")
    for key in sorted(data.keys() & binary.keys()):
        yield invalid.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    yield from _key_mistakes(binary, "binaryData")
    if sum(len(value.encode()) for value in data.values()) + sum(map(_length, binary.values())) > _LIMIT:
        yield invalid.too_long("[]", _LIMIT)


def _length(encoded: str) -> int:
    """The bytes of a base64 text."""
    return len(encoded) // 4 * 3 - encoded[-2:].count("=")


def _key_mistakes(data: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for key in sorted(data):
        for problem in names.config_key_problems(key):
            yield invalid.invalid(f"{path}[{key}]", key, problem)
