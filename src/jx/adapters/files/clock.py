"""The clock of this machine."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """Time as this machine has it; waiting ends early once `stop` is set, by a signal handler or another thread."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        self.stop = stop or threading.Event()

    def now(self) -> datetime:
        """Now, aware, in UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> timedelta:
        """How long it is since some moment; a machine that slept did not stop it, as far as the system can tell."""
        return timedelta(seconds=time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)))

    def wait(self, duration: timedelta) -> bool:
        """Wait, or return True at once when this process was asked to end."""
        return self.stop.wait(max(duration.total_seconds(), 0.0))
