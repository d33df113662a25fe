"""Listening: sockets on loopback, and servers that say by a file that they serve."""

from __future__ import annotations

import socket
from pathlib import Path

import uvicorn

from jx.domain.errors import Refused


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
