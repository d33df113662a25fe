"""The daemon: `python -m jx.adapters.local.forge --dir DIR --port PORT`."""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from jx.adapters.local.forge.app import make_app
from jx.adapters.local.forge.services import open_services
from jx.adapters.local.listening import AnnouncedServer, listen
from jx.domain.errors import JxError, Refused

_GRACE_SECONDS = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    options = _parse(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        _serve(options.dir, options.port, tuple(options.host_name))
    except JxError as error:
        sys.stderr.write(f"forge: {error.message}\n" + (f"  {error.hint}\n" if error.hint else ""))
        return 1
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="jx.adapters.local.forge", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="where everything is kept")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument(
        "--host-name", action="append", default=[], help="one more name that requests may use"
    )
    return parser.parse_args(arguments)


def _serve(folder: Path, port: int, names: tuple[str, ...]) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _lock(lock, folder)
        ready = folder / "ready"
        with listen(port) as listener:
            _run(folder, listener, names, ready)
    finally:
        os.close(lock)


def _run(folder: Path, listener: socket.socket, names: tuple[str, ...], ready: Path) -> None:
    port = listener.getsockname()[1]
    services = open_services(folder, url=f"http://127.0.0.1:{port}", now=_now)
    hosts = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", *names)]
    server = AnnouncedServer(
        uvicorn.Config(
            make_app(services, _now, hosts=hosts),
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        ),
        ready,
        services.url,
    )

    def end(number: int, frame: object) -> None:
        server.should_exit = True

    # Uvicorn gives a signal that it took on to these when it has ended; by then it is done.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        server.run(sockets=[listener])
    finally:
        ready.unlink(missing_ok=True)
        services.store.close()


def _lock(descriptor: int, folder: Path) -> None:
    """Be the only one on this folder, and leave the process' number in the file for who wants to find it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Refused(f"another forge serves {folder} already", hint="stop that one first") from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


if __name__ == "__main__":
    raise SystemExit(main())
