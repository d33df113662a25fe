"""Anchors and locks in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from jx.domain.applying.applying import Anchor
from jx.domain.applying.locking import Grip
from jx.domain.errors import Locked, Overtaken, Stale
from jx.domain.ledger.anchor_records import anchor_to_data, parse_anchor
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
    """ports.anchor.Locks in memory; `now` is asked at each call. Nothing that was sent is ever under way here."""

    def __init__(self, now: Callable[[], datetime] = lambda: _START) -> None:
        self._now = now
        self._held: dict[EnvironmentName, _Held] = {}
        self._tokens: Counter[EnvironmentName] = Counter()

    def acquire(
        self, environment: EnvironmentName, *, holder: str, lease: timedelta, reason: str = ""
    ) -> Grip:
        now = self._now()
        held = self._held.get(environment)
        if held and held.holder != holder and now < held.until and not reason:
            raise Locked(
                f"{held.holder} has been applying environment {environment} since {held.since:%H:%M:%S} UTC",
                hint="wait for it to end, or try again when its lease has run out",
            )
        self._tokens[environment] += 1
        self._held[environment] = _Held(holder, now, now + lease, self._tokens[environment], reason)
        taken_from = held.holder if held else ""
        return Grip(environment, holder, self._tokens[environment], taken_from=taken_from)

    def renew(self, grip: Grip, *, lease: timedelta) -> None:
        held = self._held.get(grip.environment)
        if held is None or held.token != grip.token:
            by = f"{held.holder}: {held.reason}".rstrip(": ") if held else "somebody else"
            raise Overtaken(f"{by} has taken over the lock of environment {grip.environment}")
        self._held[grip.environment] = replace(held, until=self._now() + lease)

    def release(self, grip: Grip, *, late: timedelta = timedelta()) -> None:
        held = self._held.get(grip.environment)
        if held is None or held.token != grip.token:
            return
        if late:
            self._held[grip.environment] = replace(held, until=self._now() + late)
        else:
            del self._held[grip.environment]

    def find_holder(self, environment: EnvironmentName) -> str:
        held = self._held.get(environment)
        return held.holder if held and self._now() < held.until else ""

    def enforce(self, grip: Grip) -> bool:
        """The cluster in memory does so by itself."""
        return True


@dataclass(frozen=True, slots=True)
class _Held:
    holder: str
    since: datetime
    until: datetime
    token: int
    reason: str
