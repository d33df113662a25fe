"""Deliveries in memory: straight to whoever receives them."""

from __future__ import annotations

from collections.abc import Callable

from jx.domain.errors import JxError


class MemoryDeliveries:
    """ports.deliveries.Deliveries in memory. `fault`, if set, is raised by every call, as a broken route would."""

    def __init__(self, receive: Callable[[str, bytes], None] = lambda event, body: None) -> None:
        self.fault: JxError | None = None
        self.delivered: list[tuple[str, bytes]] = []
        self._receive = receive

    def deliver(self, event: str, body: bytes) -> None:
        if self.fault:
            raise self.fault
        self.delivered.append((event, body))
        self._receive(event, body)
