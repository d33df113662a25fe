"""Clock: what time it is, and waiting for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Time. Tests have one that they move."""

    def now(self) -> datetime:
        """Now, aware, in UTC."""
        ...

    def elapsed(self) -> timedelta:
        """How long it is since some moment: never goes back or jumps, and goes on while this machine sleeps."""
        ...

    def wait(self, duration: timedelta) -> bool:
        """Wait, or return True at once when this process was asked to end."""
        ...
