"""Lists that are given out in parts, each part with a token that leads to the next."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from jx.adapters.local.kubernetes.errors import ApiError, bad_request, expired
from jx.adapters.local.kubernetes.store import Stored
from jx.adapters.local.kubernetes.words import json_problems

_KEPT_LISTS: Final = 64
_VERSION: Final = "meta.k8s.io/v1"


@dataclass(frozen=True)
class Page:
    """A part of a list; `token` leads to the next part, "" on the last one."""

    entries: Sequence[Stored]
    revision: int
    token: str = ""
    remaining: int | None = None


class Pages:
    """Lists that are given out in parts. The rest of a list is kept, so that all its parts show the same revision."""

    def __init__(self) -> None:
        self._lists: OrderedDict[str, tuple[list[Stored], int, bool]] = OrderedDict()

    def first(self, entries: list[Stored], revision: int, limit: int, *, is_partial: bool) -> Page:
        if limit <= 0 or len(entries) <= limit:
            return Page(entries, revision)
        name = secrets.token_hex(8)
        self._lists[name] = (entries, revision, is_partial)
        while len(self._lists) > _KEPT_LISTS:
            self._lists.popitem(last=False)
        return self._page(name, 0, limit)

    def following(self, token: str, limit: int) -> Page:
        """The part that a token leads to; 410 where the list is no longer kept, 400 for what is no token."""
        name, _, start = _read(token).get("start", "").partition("/")
        if name not in self._lists or not start.isdigit():
            raise _too_old()
        return self._page(name, int(start), limit)

    def _page(self, name: str, start: int, limit: int) -> Page:
        entries, revision, is_partial = self._lists[name]
        end = start + limit if limit > 0 else len(entries)
        if end >= len(entries):
            return Page(entries[start:], revision)
        token = orjson.dumps({"v": _VERSION, "rv": revision, "start": f"{name}/{end}"})
        text = base64.urlsafe_b64encode(token).decode().rstrip("=")
        return Page(entries[start:end], revision, text, None if is_partial else len(entries) - end)


def _read(token: str) -> dict[str, Any]:
    try:
        body = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
    except (binascii.Error, ValueError) as error:
        raise _invalid(f"illegal base64 data at input byte {len(token) // 4 * 4}") from error
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _invalid(_problem(body)) from error
    if not isinstance(read, dict) or read.get("v") != _VERSION:
        version = read.get("v") or "" if isinstance(read, dict) else ""
        raise _invalid(f"server does not recognize this encoded version {version}")
    start = str(read.get("start") or "")
    if not start:
        raise _invalid(f"encoded start key empty (version {_VERSION})")
    if ".." in start.split("/"):
        raise _invalid(start)
    return read


def _problem(body: bytes) -> str:
    """Where JSON cannot even begin, Go shows the byte."""
    if body[:1] >= b"\x80":
        return f"invalid character '\\u{body[0]:04x}' looking for beginning of value"
    return json_problems.describe(body) or "unexpected end of JSON input"


def _invalid(why: str) -> ApiError:
    return bad_request(f"invalid continue token: continue key is not valid: {why}")


def _too_old() -> ApiError:
    return expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list"
        " without the continue parameter, or use the continue token in this response to retrieve the remainder of the"
        " results. Continuing with the provided token results in an inconsistent list - objects that were created,"
        " modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )
