"""HTTP as the handlers see it: a call that came in, a response that goes out, bodies read and forms negotiated."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson

from jx.adapters.local.kubernetes.calls.drafts import Draft
from jx.adapters.local.kubernetes.calls.forms import JSON, YAML
from jx.adapters.local.kubernetes.calls.requests import User
from jx.adapters.local.kubernetes.errors import ApiError, NoSuchPath, bad_request, unsupported
from jx.adapters.local.kubernetes.types import bodies, protobuf
from jx.adapters.local.kubernetes.types.facts import Obj

TEXT = "text/plain; charset=utf-8"
APPLY = "application/apply-patch+yaml"
STRATEGIC_MERGE = "application/strategic-merge-patch+json"
_YAML_TYPES = frozenset({YAML, "application/x-yaml", "text/yaml"})
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_MAX_BODY = 3 * 1024 * 1024

Disconnected: TypeAlias = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Call:
    """One HTTP request, read whole."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    user: User
    body: bytes
    disconnected: Disconnected
    """Returns once the client is gone."""
    draft: Draft = field(default_factory=Draft)

    def flag(self, name: str) -> bool:
        """Whether an option is set; as the real server has it, any text but these sets it."""
        return self.query.get(name, "false").lower() not in ("false", "0")

    @property
    def is_indented(self) -> bool:
        """Whether the answer is to be easy to read."""
        return self.query.get("pretty", "") in _TRUE

    def number(self, name: str) -> int:
        """A number of the query; 0 where there is none, ApiError 400 where it is none."""
        text = self.query.get(name) or "0"
        try:
            return int(text)
        except ValueError as error:
            raise bad_request(f"strconv.ParseInt: parsing {json.dumps(text)}: invalid syntax") from error

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", JSON).partition(";")[0].strip().lower() or JSON


@dataclass(frozen=True)
class Response:
    """What goes back: a body, or a stream of chunks (`stream`), each sent as soon as it is there."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    stream: AsyncIterator[bytes] | None = None


def of_object(obj: Any, status: int = 200) -> Response:
    return Response(status, orjson.dumps(obj))


def of_error(error: ApiError, warnings: Sequence[str] = ()) -> Response:
    if isinstance(error, NoSuchPath):
        return Response(404, b"404 page not found\n", TEXT, ((b"x-content-type-options", b"nosniff"),))
    headers = Warnings(list(warnings)).headers()
    if error.status in (429, 503, 504):
        headers = (*headers, (b"retry-after", b"1"))
    return Response(error.status, orjson.dumps(error.body()), headers=headers)


def parse_body(call: Call, kind: str, *, headed: bool = False) -> Obj:
    """The object (of a kind that the path tells) in a request's body; a `headed` one must tell its kind itself.

    ApiError 400 for a malformed one, 413 for one that is too large, 415 for a form that is not read here.
    """
    if len(call.body) > _MAX_BODY:
        raise ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {_MAX_BODY}")
    if call.content_type == protobuf.MEDIA_TYPE:
        return _object(_parse_protobuf(call.body, kind), kind)
    _check_media_type(call)
    try:
        return _object(
            bodies.read_object(call.body, kind, is_yaml=call.content_type != JSON, headed=headed), kind
        )
    except bodies.Unreadable as error:
        raise bad_request(str(error)) from error


def _check_media_type(call: Call) -> None:
    if call.content_type not in (JSON, *_YAML_TYPES):
        accepted = f"application/json, application/yaml, {protobuf.MEDIA_TYPE}"
        raise unsupported(
            f"the body of the request was in an unknown format - accepted media types include: {accepted}"
        )


def parse_delete_options(call: Call) -> Obj:
    """The body of a delete, of whatever kind it says it is."""
    if len(call.body) > _MAX_BODY:
        raise ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {_MAX_BODY}")
    if call.content_type == protobuf.MEDIA_TYPE:
        return _parse_protobuf(call.body)
    _check_media_type(call)
    try:
        return bodies.read_any_object(call.body, is_yaml=call.content_type != JSON)
    except bodies.Unreadable as error:
        raise bad_request(str(error)) from error


def parse_configuration(call: Call, kind: str) -> Obj:
    """The body of a server-side apply."""
    if len(call.body) > _MAX_BODY:
        raise ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {_MAX_BODY}")
    try:
        return _object(bodies.read_configuration(call.body), kind)
    except bodies.Unreadable as error:
        raise bad_request(str(error)) from error


def parse_patch(call: Call) -> Any:
    """The body of another patch, as it stands."""
    if len(call.body) > _MAX_BODY:
        raise ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {_MAX_BODY}")
    try:
        return bodies.read_json(call.body)
    except bodies.Unreadable as error:
        prefix = "" if call.content_type == STRATEGIC_MERGE else "error decoding patch: "
        raise bad_request(f"{prefix}{error}") from error


def _parse_protobuf(body: bytes, kind: str = "") -> Obj:
    try:
        return protobuf.decode(body)
    except protobuf.Unreadable as error:
        raise bad_request(bodies.unrecognized(kind, str(error), body) if kind else str(error)) from error


def _object(parsed: Obj, kind: str) -> Obj:
    metadata = parsed.get("metadata")
    if metadata is None:
        parsed["metadata"] = {}
    elif not isinstance(metadata, dict):
        version = str(parsed.get("apiVersion") or "v1").rpartition("/")[2]
        found = bodies.json_name(metadata)
        problem = f"json: cannot unmarshal {found} into Go struct field {kind}.metadata of type v1.ObjectMeta"
        raise bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {problem}')
    return parsed


@dataclass
class Warnings:
    """Texts for the caller, sent as Warning headers."""

    texts: list[str] = field(default_factory=list)

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return tuple((b"warning", f"299 - {json.dumps(text)}".encode()) for text in dict.fromkeys(self.texts))
