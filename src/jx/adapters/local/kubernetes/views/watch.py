"""Watches: each is a cursor over the store's changes, woken when there may be more."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from jx.adapters.local.kubernetes.calls import list_options
from jx.adapters.local.kubernetes.calls.exchange import Call
from jx.adapters.local.kubernetes.errors import ApiError, expired
from jx.adapters.local.kubernetes.registry import Served
from jx.adapters.local.kubernetes.store import Change, Collection, Expired, Stored, encode
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.views.reading import Selection, select
from jx.adapters.local.kubernetes.writes.verbs import Verbs

_BOOKMARK_SECONDS = 60.0
_INITIAL_END = "k8s.io/initial-events-end"

Shown: TypeAlias = Callable[[Stored], bytes]
"""The JSON of an object in the form that the watcher asked for."""


class Hub:
    """Wakes the watches of a collection when it changes. Changes come from any thread; watches run in one loop."""

    def __init__(self, verbs: Verbs) -> None:
        self._waiting: defaultdict[Collection, set[asyncio.Event]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closing = False
        verbs.listeners.append(self._hear)

    def enter(self, collection: Collection) -> asyncio.Event:
        self._loop = asyncio.get_running_loop()
        bell = asyncio.Event()
        self._waiting[collection].add(bell)
        return bell

    def leave(self, collection: Collection, bell: asyncio.Event) -> None:
        self._waiting[collection].discard(bell)

    def close(self) -> None:
        """End all watches."""
        self.closing = True
        for bells in self._waiting.values():
            for bell in bells:
                bell.set()

    def _hear(self, change: Change) -> None:
        if self._loop and self._waiting.get(change.collection) and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring, change.collection)

    def _ring(self, collection: Collection) -> None:
        for bell in self._waiting[collection]:
            bell.set()


@dataclass(frozen=True)
class Watch:
    """What a watch request asks for. `since` is None to begin with all objects there are."""

    served: Served
    selection: Selection
    since: int | None
    marks_initial: bool
    bookmarks: bool
    seconds: float

    @staticmethod
    def parse(call: Call, served: Served, selection: Selection) -> Watch:
        """ApiError 400/422 where the options contradict each other."""
        list_options.check_watch(call)
        version = call.query.get("resourceVersion", "")
        if version and not version.isdigit():
            text = f'strconv.ParseUint: parsing "{version}": invalid syntax'
            raise ApiError(500, "", f'resourceVersion: Invalid value: "{version}": {text}')
        since = int(version) if version not in ("", "0") else None
        if "sendInitialEvents" in call.query:
            since = None if call.flag("sendInitialEvents") else since or -1
        return Watch(
            served,
            selection,
            since,
            marks_initial=call.flag("sendInitialEvents"),
            bookmarks=call.flag("allowWatchBookmarks"),
            seconds=float(call.number("timeoutSeconds") or random.randint(1800, 3600)),
        )


async def stream(watch: Watch, verbs: Verbs, hub: Hub, call: Call, show: Shown) -> AsyncIterator[bytes]:
    """The chunks of a watch's response, until its time is over, the client is gone, or its revision is forgotten."""
    collection = watch.served.collection
    loop = asyncio.get_running_loop()
    end = loop.time() + watch.seconds
    bell = hub.enter(collection)
    gone = asyncio.ensure_future(call.disconnected())
    gone.add_done_callback(lambda _: bell.set())
    try:
        first, since = _beginning(watch, verbs, show)
        yield first
        bookmark_due = loop.time() + _BOOKMARK_SECONDS
        while not gone.done() and not hub.closing:
            bell.clear()
            try:
                changes = verbs.changes(collection, since)
            except Expired:
                yield _too_old(since, verbs.store.oldest(collection))
                return
            if changes:
                since = changes[-1].new.revision
                if chunk := b"".join(_event(watch, change, show) for change in changes):
                    yield chunk
                continue
            now = loop.time()
            if now >= end:
                return
            if now >= bookmark_due:
                bookmark_due = now + _BOOKMARK_SECONDS
                since = max(since, verbs.store.revision)
                if watch.bookmarks:
                    yield _bookmark(watch, since, show)
            await _rung(bell, min(end, bookmark_due) - now)
    finally:
        hub.leave(collection, bell)
        gone.cancel()


async def _rung(bell: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(bell.wait(), seconds)
    except TimeoutError:
        return


def _beginning(watch: Watch, verbs: Verbs, show: Shown) -> tuple[bytes, int]:
    with verbs.operation():
        revision = verbs.store.revision
        if watch.since is not None:
            return b"", revision if watch.since < 0 else watch.since
        found = select(
            verbs.store.entries(watch.served.collection, watch.selection.namespace), watch.selection
        )
    chunks = [_line("ADDED", show(stored)) for stored in found]
    if watch.marks_initial:
        chunks.append(_bookmark(watch, revision, show, {_INITIAL_END: "true"}))
    return b"".join(chunks), revision


def _event(watch: Watch, change: Change, show: Shown) -> bytes:
    selection = watch.selection
    if selection.namespace and change.key[0] != selection.namespace:
        return b""
    if not selection.is_partial:
        return _line(change.type, show(change.new))
    before = change.old is not None and selection.holds(change.old.obj)
    after = change.type != "DELETED" and selection.holds(change.new.obj)
    if not before and not after:
        return b""
    if before and after:
        return _line("MODIFIED", show(change.new))
    if after:
        return _line("ADDED", show(change.new))
    assert change.old is not None
    return _line("DELETED", show(change.new if change.type == "DELETED" else _left(change.old, change.new)))


def _left(old: Stored, new: Stored) -> Stored:
    """An object that no longer fits the selector is shown as it last did, at the revision of the change."""
    obj = {**old.obj, "metadata": {**old.obj["metadata"], "resourceVersion": str(new.revision)}}
    body = orjson.dumps({key: value for key, value in obj.items() if key not in ("kind", "apiVersion")})
    return Stored(obj, body, new.revision)


def _line(kind: str, body: bytes) -> bytes:
    return b'{"type":"' + kind.encode() + b'","object":' + body + b"}\n"


def _bookmark(watch: Watch, revision: int, show: Shown, annotations: dict[str, str] | None = None) -> bytes:
    """An event that only tells a revision: an empty object in the form that the watcher asked for."""
    resource = watch.served.resource
    metadata: Obj = {"resourceVersion": str(revision)}
    if annotations:
        metadata["annotations"] = annotations
    empty = {} if watch.served.custom else watch.served.schema.zero()
    obj = {**empty, "kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
    return _line("BOOKMARK", show(Stored(obj, encode(obj), revision)))


def _too_old(since: int, oldest: int) -> bytes:
    error = expired(f"too old resource version: {since} ({oldest})")
    return _line("ERROR", orjson.dumps(error.body()))
