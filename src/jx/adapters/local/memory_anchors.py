"""Anchors and locks in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from jx.domain.anchor_records import anchor_to_data, parse_anchor
from jx.domain.applying import Anchor
from jx.domain.errors import Locked, Stale
from jx.domain.names import EnvironmentName

_START = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryAnchors:
    """ports.anchor.Anchors in memory. What comes out went through the same records as in a cluster."""

    def __init__(self) -> None:
        self._stored: dict[EnvironmentName, Anchor] = {}
        self._writes = 0

    def find(self, environment: EnvironmentName) -> Anchor | None:
        return self._stored.get(environment)

    def list_all(self) -> tuple[Anchor, ...]:
        return tuple(self._stored[name] for name in sorted(self._stored))

    def save(self, anchor: Anchor) -> Anchor:
        stored = self._stored.get(anchor.environment)
        if anchor.version != (stored.version if stored else ""):
            raise Stale(f"the anchor of environment {anchor.environment} was written by somebody else")
        self._writes += 1
        saved = parse_anchor(anchor_to_data(anchor), version=str(self._writes))
        self._stored[anchor.environment] = saved
        return saved

    def remove(self, environment: EnvironmentName) -> None:
        self._stored.pop(environment, None)

    def forget_inventory(self, environment: EnvironmentName) -> None:
        """Lose the inventory, as a damaged anchor would."""
        self._writes += 1
        self._stored[environment] = replace(
            self._stored[environment], inventory=(), version=str(self._writes)
        )


class MemoryLocks:
    """ports.anchor.Locks in memory; `now` is asked at each call."""

    def __init__(self, now: Callable[[], datetime] = lambda: _START) -> None:
        self._now = now
        self._held: dict[EnvironmentName, tuple[str, datetime, datetime]] = {}

    def acquire(self, environment: EnvironmentName, *, holder: str, lease: timedelta) -> None:
        now = self._now()
        held = self._held.get(environment)
        if held and held[0] != holder and now < held[2]:
            raise Locked(
                f"{held[0]} has been applying environment {environment} since {held[1]:%H:%M:%S} UTC",
                hint="wait for it to end, or try again when its lease has run out",
            )
        since = held[1] if held and held[0] == holder else now
        self._held[environment] = (holder, since, now + lease)

    def release(self, environment: EnvironmentName, *, holder: str) -> None:
        held = self._held.get(environment)
        if held and held[0] == holder:
            del self._held[environment]
