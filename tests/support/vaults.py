"""Secret stores for tests: the embedded one on a port of its own, and the Vault that JX_TEST_VAULT_ADDR names."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from jx.adapters.files.clock import SystemClock
from jx.adapters.local.listening import AnnouncedServer, listen
from jx.adapters.local.vault.access import Accesses
from jx.adapters.local.vault.app import Services, make_app
from jx.adapters.local.vault.audit import Audit
from jx.adapters.local.vault.engine import Engine
from jx.adapters.local.vault.sealing import KeySource, unseal
from jx.adapters.vault.access import Token, VaultAccess
from jx.ports.clock import Clock

ROOT_TOKEN = "jx.root-of-tests"
REAL = "JX_TEST_VAULT_ADDR"


def services(folder: Path, *, passphrase: str = "", clock: Clock | None = None) -> Services:
    """What the embedded store is made of, in a folder; its key is kept beside that. Accounts are named by their tokens."""
    now = (clock or SystemClock()).now
    seal = unseal(folder, KeySource(folder.parent / "keys" / "store", passphrase))
    return Services(
        engine=Engine(folder / "secrets", seal, now),
        accesses=Accesses(folder / "access.json", ROOT_TOKEN, now),
        review=_account_of,
        audit=Audit(folder / "audit.jsonl", seal.audit_key, now),
        now=now,
    )


@contextmanager
def embedded_store(
    folder: Path, *, clock: Clock | None = None, asked: list[str] | None = None
) -> Iterator[VaultAccess]:
    """The embedded store, served. Every request that reaches it is added to `asked`, as `GET /v1/...`."""
    folder.mkdir(parents=True, exist_ok=True)
    listener = listen(0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = make_app(services(folder, clock=clock))
    if asked is not None:
        app.add_middleware(_Counted, asked=asked)
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    with _serving(AnnouncedServer(config, folder / "ready", url), listener):
        yield VaultAccess(url, Token(ROOT_TOKEN))


def real_access() -> VaultAccess | None:
    """The Vault that JX_TEST_VAULT_ADDR names, with the token of JX_TEST_VAULT_TOKEN; None without it."""
    url = os.environ.get(REAL)
    return VaultAccess(url, Token(os.environ.get("JX_TEST_VAULT_TOKEN", "root"))) if url else None


class _Counted:
    def __init__(self, app: ASGIApp, asked: list[str]) -> None:
        self._app = app
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._asked.append(f"{scope['method']} {scope['path']}")
        await self._app(scope, receive, send)


@contextmanager
def _serving(server: uvicorn.Server, listener: socket.socket) -> Iterator[None]:
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    pause = threading.Event()
    while not server.started and thread.is_alive():
        pause.wait(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def _account_of(token: str) -> tuple[str, str] | None:
    namespace, slash, name = token.partition("/")
    return (namespace, name) if slash else None
