"""Reporter: where work tells what goes on."""

from __future__ import annotations

from typing import Protocol

from jx.domain.events import Event


class Reporter(Protocol):
    """Takes events. Never raises, never blocks for long."""

    def tell(self, event: Event) -> None:
        """Something happened."""
        ...
