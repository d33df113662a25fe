"""Watching: several lists that stay up to date, followed by one loop over their sockets.

A watch that ends is opened again where it stopped; one that the server no longer remembers is listed again. So what comes out is
level-triggered: an object as it is now, perhaps more than once, never a promise of each change.
"""

from __future__ import annotations

import contextlib
import selectors
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from jx.adapters.kubernetes.api import Api, Json, Resource
from jx.adapters.kubernetes.streams import LineStream
from jx.domain.errors import NotFound, Stale, Unavailable

_SILENCE_SECONDS = 1.0
_RETRY_SECONDS = 1.0
_SERVER_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Target:
    """What to watch: a kind, in a namespace (empty: everywhere), and one object only where `name` is given."""

    resource: Resource
    namespace: str = ""
    name: str = ""

    @property
    def query(self) -> dict[str, str]:
        return {"fieldSelector": f"metadata.name={self.name}"} if self.name else {}


@dataclass(frozen=True, slots=True)
class Change:
    """An object as it is now, or as it was last where `is_deleted`."""

    target: Target
    body: Json
    is_deleted: bool = False


class _Watch:
    """One target: where it stands, and its open answer if there is one."""

    def __init__(self, api: Api, target: Target) -> None:
        self.target = target
        self.retry_at = 0.0
        self.stream: LineStream | None = None
        self._api = api
        self._version = ""

    def relist(self) -> list[Change]:
        try:
            items, version = self._api.list_pages(
                self.target.resource, self.target.namespace, query=self.target.query
            )
        except NotFound:  # the kind is gone, so are its objects
            items, version = [], "0"
        self._version = version
        return [Change(self.target, item) for item in items]

    def open(self) -> list[Change]:
        """Open the answer; what a new list gave, where one was needed."""
        found = [] if self._version else self.relist()
        query = {
            **self.target.query,
            "resourceVersion": self._version,
            "timeoutSeconds": str(_SERVER_SECONDS),
        }
        try:
            self.stream = self._api.watch(self.target.resource, self.target.namespace, query)
        except Stale:
            self._version = ""
        except (NotFound, Unavailable):
            pass
        # A server that ends each watch at once is asked once a second.
        self.retry_at = time.monotonic() + _RETRY_SECONDS
        return found

    def read(self) -> list[Change]:
        """What the open answer has told by now."""
        if self.stream is None:
            return []
        changes = []
        for line in self.stream.read():
            try:
                event = orjson.loads(line)
            except orjson.JSONDecodeError:
                event = {"type": "ERROR"}
            change = self._event(event)
            if change is not None:
                changes.append(change)
        return changes

    def _event(self, event: dict[str, Any]) -> Change | None:
        body = event.get("object") or {}
        if event.get("type") == "ERROR":  # mostly 410: list again
            self._version = ""
            return None
        self._version = str(body.get("metadata", {}).get("resourceVersion") or self._version)
        if event.get("type") == "BOOKMARK":
            return None
        body.setdefault("apiVersion", self.target.resource.api_version)
        body.setdefault("kind", self.target.resource.kind)
        return Change(self.target, body, event.get("type") == "DELETED")

    @property
    def is_over(self) -> bool:
        return self.stream is not None and (self.stream.has_ended or not self._version)

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()
            self.stream = None


class Watching:
    """Lists at once when it is made (raising what a list raises); `changes` then gives what was there and what changes."""

    def __init__(self, api: Api, targets: Sequence[Target]) -> None:
        self._watches = [_Watch(api, target) for target in targets]
        self._first = [change for watch in self._watches for change in watch.relist()]

    def changes(self, *, within: timedelta | None = None) -> Iterator[Change | None]:
        """The objects now, then each as it changes; None for about a second of silence. Ends after `within`, never by itself.
        An API that cannot be reached is silence. Raises Forbidden."""
        end = time.monotonic() + within.total_seconds() if within is not None else float("inf")
        first, self._first = self._first, []
        yield from first
        with contextlib.ExitStack() as stack:
            selector = stack.enter_context(selectors.DefaultSelector())
            for watch in self._watches:
                stack.callback(watch.close)
            while time.monotonic() < end:
                heard = False
                for change in self._round(selector, end):
                    heard = True
                    yield change
                if not heard:
                    yield None

    def _round(self, selector: selectors.BaseSelector, end: float) -> Iterator[Change]:
        """One wait of at most a second, and what came of it."""
        for watch in self._watches:
            if watch.stream is None and watch.retry_at <= time.monotonic():
                try:
                    yield from watch.open()
                except Unavailable:
                    watch.retry_at = time.monotonic() + _RETRY_SECONDS
                if watch.stream is not None:
                    selector.register(watch.stream, selectors.EVENT_READ, watch)
        is_ready = any(watch.stream is not None and watch.stream.has_buffered for watch in self._watches)
        left = max(min(_SILENCE_SECONDS, end - time.monotonic()), 0.0)
        selector.select(0.0 if is_ready else left)
        for watch in self._watches:
            yield from watch.read()
            if watch.stream is not None and watch.is_over:
                selector.unregister(watch.stream)
                watch.close()
