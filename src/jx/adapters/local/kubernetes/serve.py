"""The server as one process: certificates, kubeconfig, HTTPS, and extensions that run beside it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from jx.adapters.local.kubernetes.access import kubeconfig
from jx.adapters.local.kubernetes.api import Api
from jx.adapters.local.kubernetes.app import create_app
from jx.adapters.local.kubernetes.audit import AuditLog
from jx.adapters.local.kubernetes.lifecycles import furniture

_COLLECT_SECONDS = 300.0
_YOUNG_OBJECTS = 5_000
_NEVER = 1_000_000_000
_STATUS_LINE = b"HTTP/1."
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Extension(Protocol):
    """Something that runs as long as the server does: controllers, a node."""

    def start(self) -> None:
        """Begin; called once the API answers."""

    def stop(self) -> None:
        """End and wait until ended; called before the API closes."""


class Server:
    """An API and its HTTPS server in a thread, for a process that does more than serve."""

    def __init__(
        self,
        directory: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        name: str = "jx-local",
        namespace: str = "jx",
        audit_log: Path | None = None,
    ) -> None:
        """Open the API and take the port (0: any free one); ValueError for an address that is not loopback. With `audit_log`, all
        that is asked of it is added to that file."""
        if host not in _LOOPBACK:
            raise ValueError(f"the embedded API listens on loopback addresses only, not on {host}")
        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"https://{host}:{self.port}"
        self.kubeconfig = directory / "admin.kubeconfig"
        try:
            self._audit = AuditLog(audit_log) if audit_log else None
            self.api = Api.open(directory)
        except BaseException:
            self._socket.close()
            raise
        furniture.announce(self.api.verbs, host, self.port)
        kubeconfig.write(self.kubeconfig, self.api.pki, server=self.url, name=name, namespace=namespace)
        self._app = create_app(self.api, self._audit)
        self._server = _Uvicorn(_config(self._app, self.api.pki.folder))
        self._thread = threading.Thread(target=self._run, name="kubernetes-api", daemon=True)

    def start(self) -> None:
        """Begin to answer; returns once it does."""
        self._thread.start()
        self._server.is_up.wait()
        if not self._server.started:
            self._thread.join()
            raise RuntimeError(f"the API server on {self.url} did not start")

    def stop(self) -> None:
        """End all watches, then the server, then close the store."""
        self._server.should_exit = True
        self._thread.join()
        self.api.close()
        if self._audit:
            self._audit.close()

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        self._server.hub = self._app.hub
        try:
            with asyncio.Runner() as runner:
                runner.run(self._server.serve(sockets=[self._socket]))
        finally:
            self._socket.close()
            self._server.is_up.set()


def serve(  # noqa: PLR0913 - what a user may set
    directory: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    name: str = "jx-local",
    namespace: str = "jx",
    audit_log: Path | None = None,
    extensions: Sequence[Callable[[Api], Extension]] = (),
    stopped: threading.Event | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT (or until `stopped` is set by the caller, who then handles signals himself)."""
    end = stopped or _ended_by_signals()
    with _memory_settled():
        server = Server(directory, host=host, port=port, name=name, namespace=namespace, audit_log=audit_log)
    running: list[Extension] = []
    with server:
        try:
            for make in extensions:
                extension = make(server.api)
                extension.start()
                running.append(extension)
            while not end.wait(_COLLECT_SECONDS):
                gc.collect()
        finally:
            for extension in reversed(running):
                extension.stop()


@contextlib.contextmanager
def _memory_settled() -> Iterator[None]:
    """Leave what is loaded once and for all out of Python's search for cycles.

    Looking through all stored objects takes as long as many requests do, so it waits for a timer; what is young is
    looked at as ever.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(_YOUNG_OBJECTS, 20, _NEVER)
        gc.enable()


class _PeerProtocol(HttpToolsProtocol):
    """Tells the application which client certificate a connection was made with."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(cast("asyncio.Transport", _HeadKeeper(transport, self.loop)))
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self.app_state = {**self.app_state, "client_certificate": tls.getpeercert()}
        _transports(self.server_state).add(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        _transports(self.server_state).discard(self.transport)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End an idle connection at once: a peer that only waits does not answer the end of TLS."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            self.transport.abort()
        else:
            super().shutdown()


class _HeadKeeper:
    """A transport that sends the head of an answer together with what follows: one record, one packet, one wakeup of the peer."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_STATUS_LINE):
            self._head = data
            self._loop.call_soon(self._send_head)
            return
        self._transport.write(data)

    def close(self) -> None:
        self._send_head()
        self._transport.close()

    def _send_head(self) -> None:
        """What follows does not always follow at once."""
        head, self._head = self._head, b""
        if head and not self._transport.is_closing():
            self._transport.write(head)


def _transports(state: ServerState) -> set[asyncio.Transport]:
    """The open transports of a server, which uvicorn itself does not keep."""
    transports: set[asyncio.Transport] = state.__dict__.setdefault("transports", set())
    return transports


class _Uvicorn(uvicorn.Server):
    """Leaves signals to the process, says when it is up, and ends watches before it waits for them."""

    hub: Any = None

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.hub is not None:
            self.hub.close()
        await super().shutdown(sockets)
        # A peer that is gone never answers the end of TLS; waiting for it would leave its socket open.
        for transport in tuple(_transports(self.server_state)):
            transport.abort()
        await asyncio.sleep(0)


def _config(app: Any, pki: Path) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_PeerProtocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=120,
        timeout_graceful_shutdown=3,
        ssl_certfile=str(pki / "server.crt"),
        ssl_keyfile=str(pki / "server.key"),
        ssl_ca_certs=str(pki / "ca.crt"),
        ssl_cert_reqs=ssl.CERT_OPTIONAL,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where it sees that the protocol is TCP; with it each answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _ended_by_signals() -> threading.Event:
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    return end
