"""Watches over the wire: lines however they are cut, silence, ends, forgotten versions."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.kubernetes import Reply, ScriptedServer, Seen, status

from jx.adapters.kubernetes.api import CONFIG_MAPS, Api
from jx.adapters.kubernetes.streams import Chunks
from jx.adapters.kubernetes.watching import Target, Watching
from jx.domain.errors import Forbidden

Serve = Callable[..., tuple[ScriptedServer, Api]]


def event(kind: str, name: str, version: str) -> bytes:
    body = {"metadata": {"name": name, "resourceVersion": version}}
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"


def listing(version: str, *names: str) -> Reply:
    items: list[dict[str, Any]] = [{"metadata": {"name": name, "resourceVersion": "1"}} for name in names]
    return Reply(body={"items": items, "metadata": {"resourceVersion": version}})


def names(api: Api, seconds: float = 0.3) -> list[str]:
    watching = Watching(api, [Target(CONFIG_MAPS, "jx")])
    found = watching.changes(within=timedelta(seconds=seconds))
    return [f"{'-' if c.is_deleted else ''}{c.body['metadata']['name']}" for c in found if c is not None]


def test_what_is_there_comes_first_and_then_what_changes(serve: Serve) -> None:
    whole = event("ADDED", "b", "6") + event("BOOKMARK", "", "7") + event("DELETED", "a", "8")
    cut = tuple(whole[i : i + 7] for i in range(0, len(whole), 7))
    hold = threading.Event()

    def answer(seen: Seen) -> Reply:
        return Reply(pieces=cut, hold=hold) if "watch=1" in seen.path else listing("5", "a")

    server, api = serve(answer)
    try:
        assert names(api) == ["a", "b", "-a"]
    finally:
        hold.set()
    assert "resourceVersion=5" in server.seen[1].path


def test_silence_is_told_about_once_a_second(serve: Serve) -> None:
    hold = threading.Event()

    def answer(seen: Seen) -> Reply:
        return Reply(pieces=(), hold=hold) if "watch=1" in seen.path else listing("5")

    _, api = serve(answer)
    silence = Watching(api, [Target(CONFIG_MAPS, "jx")]).changes(within=timedelta(seconds=1.2))
    try:
        assert list(silence) == [None, None]
    finally:
        hold.set()


def test_a_watch_that_ends_goes_on_where_it_stopped(serve: Serve) -> None:
    answers = iter([(event("ADDED", "b", "6"),), (event("ADDED", "c", "7"),)])
    hold = threading.Event()

    def answer(seen: Seen) -> Reply:
        if "watch=1" not in seen.path:
            return listing("5", "a")
        pieces = next(answers, None)
        return Reply(pieces=pieces or (), hold=None if pieces else hold)

    server, api = serve(answer)
    try:
        assert names(api, 1.3) == ["a", "b", "c"]
    finally:
        hold.set()
    assert "resourceVersion=6" in server.seen[2].path


def test_a_version_that_the_server_forgot_is_listed_again(serve: Serve) -> None:
    gone = json.dumps({"type": "ERROR", "object": {"kind": "Status", "code": 410}}).encode() + b"\n"
    lists = iter([listing("5", "a"), listing("9", "a", "b")])
    watches = iter([Reply(pieces=(gone,))])
    hold = threading.Event()

    def answer(seen: Seen) -> Reply:
        if "watch=1" not in seen.path:
            return next(lists)
        return next(watches, Reply(pieces=(), hold=hold))

    _, api = serve(answer)
    try:
        assert names(api, 1.3) == ["a", "a", "b"]
    finally:
        hold.set()


def test_a_watch_without_the_right_is_an_error_not_silence(serve: Serve) -> None:
    message = 'configmaps is forbidden: User "ann" cannot watch resource "configmaps" in API group "" in the namespace "jx"'

    def answer(seen: Seen) -> Reply:
        return status(403, "Forbidden", message) if "watch=1" in seen.path else listing("5")

    _, api = serve(answer)
    with pytest.raises(Forbidden, match="ann may not watch configmaps in namespace jx"):
        names(api)


def test_stopping_early_closes_the_connection(serve: Serve) -> None:
    hold = threading.Event()

    def answer(seen: Seen) -> Reply:
        return Reply(pieces=(), hold=hold) if "watch=1" in seen.path else listing("5", "a", "b")

    _, api = serve(answer)
    changes = Watching(api, [Target(CONFIG_MAPS, "jx")]).changes(within=timedelta(seconds=9))
    first = next(changes)
    changes.close()  # type: ignore[attr-defined]  # a generator, seen as an iterator
    hold.set()
    assert first is not None


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.integers(1, 9))
def test_chunks_are_put_together_however_they_are_cut(chunks: list[bytes], size: int) -> None:
    wire = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    decoder = Chunks()
    out = b"".join(decoder.feed(wire[i : i + size]) for i in range(0, len(wire), size))
    assert out == b"".join(chunks)
    assert decoder.has_ended
