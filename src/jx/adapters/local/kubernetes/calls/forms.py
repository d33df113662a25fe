"""The forms in which callers can have answers: JSON or YAML, whole objects, their metadata only, or Tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import yaml

from jx.adapters.local.kubernetes.errors import ApiError
from jx.adapters.local.kubernetes.types.facts import Gvk

JSON: Final = "application/json"
YAML: Final = "application/yaml"
_PROTOBUF: Final = "application/vnd.kubernetes.protobuf"
_GIVEN: Final = f"{JSON}, {YAML}, {_PROTOBUF}"
_STREAM: Final = ";stream=watch"
_LIST: Final = "PartialObjectMetadataList"
_OBJECT: Final = "PartialObjectMetadata"
_VERSIONS: Final = ("v1", "v1beta1")
# Words that other readers of YAML take for something else than text.
_NO_TEXT: Final = re.compile(r"[yYnN]|[yY]es|YES|[nN]o|NO|[oO]n|ON|[oO]ff|OFF")


@dataclass(frozen=True)
class Form:
    """How the caller wants to have objects: as they are, as Table, or their metadata only."""

    kind: str = ""
    version: str = "v1"
    is_yaml: bool = False


def negotiate(accept: str, *, plain: bool = False, routed: bool = True, streams: bool = False) -> Form:
    """The best acceptable form of an Accept header; ApiError 406 where there is none.

    `plain` answers have no other form than their own; `routed` ones are refused before anybody looks at
    forms; what may also come as a stream (`streams`) is told then.
    """
    if not accept or accept in ("*/*", JSON):
        return Form()
    if routed and not any(media in accept for media in (JSON, YAML, _PROTOBUF, "*/*")):
        more = f", {JSON}{_STREAM}, {_PROTOBUF}{_STREAM}" if streams else ""
        text = f"406: Not Acceptable\n\nAvailable representations: {_GIVEN}{more}"
        raise ApiError(406, "NotAcceptable", text, {})
    for media, options in _entries(accept):
        is_yaml = media == YAML
        if media not in ("*/*", "application/*", JSON, YAML):
            continue
        kind, version = options.get("as", ""), options.get("v", "v1")
        if not kind:
            return Form(is_yaml=is_yaml)
        is_known = kind in ("Table", _OBJECT, _LIST) and options.get("g", "meta.k8s.io") == "meta.k8s.io"
        if is_known and version in _VERSIONS and not plain:
            return Form(kind, version, is_yaml=is_yaml)
    raise ApiError(406, "NotAcceptable", f"only the following media types are accepted: {_GIVEN}")


def _entries(accept: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The media types with their parameters, the most wanted first."""
    found = []
    for entry in accept.split(","):
        media, *parameters = (part.strip() for part in entry.split(";"))
        found.append((media, dict(part.partition("=")[::2] for part in parameters)))
    yield from sorted(found, key=lambda one: -_quality(one[1].get("q", "1")))


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


def check_kind(form: Form, gvk: Gvk, *, is_custom: bool, is_list: bool) -> None:
    """ApiError 406 where one object is asked for as a list, or a list as one object."""
    if form.kind != (_OBJECT if is_list else _LIST):
        return
    group, _, kind = gvk
    package = group.partition(".")[0] or "core"
    named = f"{package}.{kind}{'List' if is_list else ''}"
    if is_custom:
        named = f"unstructured.Unstructured{'List' if is_list else ''}"
    what = "is a list" if is_list else "is not a list"
    text = f"you requested {form.kind}, but the requested object {what} (*{named})"
    raise ApiError(406, "NotAcceptable", text)


def encoded(form: Form, body: bytes, *, indented: bool = False) -> tuple[bytes, str]:
    """A JSON body in the form that was asked for."""
    if form.is_yaml:
        return yaml.dump(
            orjson.loads(body), Dumper=_Dumper, default_flow_style=False, width=_WIDE
        ).encode(), YAML
    if indented:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2), JSON
    return body, JSON


_WIDE: Final = 1 << 20


class _Dumper(yaml.SafeDumper):
    """YAML as Go writes it."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _tag(dumper: _Dumper, text: str) -> str:
    """What YAML takes a plain text for."""
    found: str = dumper.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return found


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None
    if "\n" in text:
        style = "|"
    elif _NO_TEXT.fullmatch(text) or _tag(dumper, text) != _STRING:
        style = '"'
    return dumper.represent_scalar(_STRING, text, style=style)


_STRING: Final = "tag:yaml.org,2002:str"
_Dumper.add_representer(str, _text)
