"""Listening: servers of the world on loopback, one per folder, which say by a file that they serve."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from jx.domain.errors import Refused

_GRACE_SECONDS = 3


class AnnouncedServer(uvicorn.Server):
    """Writes its address to a file when it serves."""

    def __init__(self, config: uvicorn.Config, ready: Path, url: str) -> None:
        super().__init__(config)
        self._ready = ready
        self._url = url
        ready.unlink(missing_ok=True)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and say so."""
        await super().startup(sockets)
        draft = self._ready.with_suffix(".new")
        draft.write_text(f"{self._url}\n")
        draft.rename(self._ready)


def listen(port: int) -> socket.socket:
    """A socket on 127.0.0.1; Refused where the port is taken."""
    # asyncio turns Nagle's algorithm off only where it sees that the protocol is TCP; with it each answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise Refused(
            f"port {port} of 127.0.0.1 cannot be used: {error.strerror}", hint="choose another port"
        ) from error
    return listener


def serve(app: Any, listener: socket.socket, ready: Path) -> None:
    """Serve until SIGTERM or SIGINT; `ready` holds the address meanwhile."""
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = AnnouncedServer(config, ready, address_of(listener))

    def end(number: int, frame: object) -> None:
        server.should_exit = True

    # Uvicorn gives a signal that it took on to these when it has ended; by then it is done.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        server.run(sockets=[listener])
    finally:
        ready.unlink(missing_ok=True)


def address_of(listener: socket.socket) -> str:
    """`http://127.0.0.1:PORT`."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def only_one(folder: Path, name: str) -> Iterator[None]:
    """Be the only server on a folder, and leave the process' number in the lock for who wants to find it; Refused where there is
    another one."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(f"another {name} serves {folder} already", hint="stop that one first") from error
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(lock)
