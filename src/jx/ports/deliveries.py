"""Deliveries: events to the platform's own webhook receiver, as a forge sends them."""

from __future__ import annotations

from typing import Protocol


class Deliveries(Protocol):
    """The public route of one platform. No message holds the key that signs."""

    def deliver(self, event: str, body: bytes) -> None:
        """Send an event, signed with the platform's key, to the address that the forges were told. Unavailable where nothing
        answers there, Failed where it is not accepted, NotFound where the platform has no such address."""
        ...
