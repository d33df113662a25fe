"""A scripted API server for the tests of this folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.kubernetes import Authority, QuickClock, Reply, ScriptedServer, Seen

from jx.adapters.kubernetes.access import Anonymous, Auth
from jx.adapters.kubernetes.api import Api

Serve = Callable[..., tuple[ScriptedServer, Api]]


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority.make()


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


@pytest.fixture
def serve(authority: Authority, tmp_path: Path, clock: QuickClock) -> Iterator[Serve]:
    """Start a server with an answering function (and an `Auth`); gives it and an `Api` of it."""
    with contextlib.ExitStack() as stack:

        def start(
            answer: Callable[[Seen], Reply], auth: Auth = Anonymous(), **more: object
        ) -> tuple[ScriptedServer, Api]:
            server = stack.enter_context(ScriptedServer(authority, tmp_path, answer))
            api = Api.connect(server.access(auth, **more), clock)
            stack.callback(api.close)
            return server, api

        yield start
