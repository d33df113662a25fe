"""The server as one process: certificates, kubeconfig, HTTPS, and extensions that run beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from jx.adapters.local.kubernetes.api import Api


class Extension(Protocol):
    """Something that runs as long as the server does: controllers, a node."""

    def start(self) -> None:
        """Begin; called once the API answers."""

    def stop(self) -> None:
        """End and wait until ended; called before the API closes."""


def serve(
    directory: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    name: str = "jx-local",
    extensions: Sequence[Callable[[Api], Extension]] = (),
) -> None:
    """Serve until SIGTERM or SIGINT."""
    raise NotImplementedError
