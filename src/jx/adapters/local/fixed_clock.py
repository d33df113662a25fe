"""A clock that stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)


class FixedClock:
    """ports.clock.Clock for tests and rehearsals. Waiting moves it; `stop` makes every wait end at once."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._is_stopped = False

    def now(self) -> datetime:
        return self._now

    def elapsed(self) -> timedelta:
        return self._now - START

    def wait(self, duration: timedelta) -> bool:
        if not self._is_stopped:
            self._now += duration
        return self._is_stopped

    def move(self, duration: timedelta) -> None:
        """Let time pass."""
        self._now += duration

    def stop(self) -> None:
        """Ask whoever waits to end."""
        self._is_stopped = True
