"""Serving an application until the process is asked to end."""

from __future__ import annotations

import threading
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from jx.domain.errors import Usage
from jx.server.webhooks import health_routes


def parse_bind(text: str) -> tuple[str, int]:
    """`host:port`, or Usage."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise Usage(f"--bind takes host:port, not {text!r}")
    return host.strip("[]"), int(port)


def serve(app: Starlette, bind: str) -> None:
    """Serve in this thread until SIGTERM or SIGINT."""
    host, port = parse_bind(bind)
    uvicorn.Server(_config(app, host, port)).run()


class Background:
    """Health pages beside other work."""

    def __init__(self, bind: str, is_ready: Callable[[], bool]) -> None:
        host, port = parse_bind(bind)
        self._server = uvicorn.Server(_config(Starlette(routes=health_routes(is_ready)), host, port))
        self._thread = threading.Thread(target=self._server.run, name="health", daemon=True)

    def __enter__(self) -> Background:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=5)


def _config(app: Starlette, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False, lifespan="off")
