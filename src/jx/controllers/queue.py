"""A queue of keys: doubled keys become one, a key in work is not handed out again, a failed one comes back later."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

_FIRST_DELAY = timedelta(seconds=1)
_LONGEST_DELAY = timedelta(minutes=2)


class KeyQueue:
    """Keys that wait to be looked at. One worker per key at a time; `now` gives the time."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._changed = threading.Condition()
        self._waiting: dict[str, None] = {}
        self._in_work: set[str] = set()
        self._again: set[str] = set()
        self._later: list[tuple[datetime, str]] = []
        self._failures: dict[str, int] = {}
        self._closed = False

    def add(self, key: str) -> None:
        """Look at this key soon. Told while it is in work, it is looked at once more afterwards."""
        with self._changed:
            if key in self._in_work:
                self._again.add(key)
            else:
                self._waiting.setdefault(key)
            self._changed.notify()

    def add_later(self, key: str, delay: timedelta) -> None:
        """Look at this key after a while."""
        with self._changed:
            heapq.heappush(self._later, (self._now() + delay, key))
            self._changed.notify()

    def take(self, *, within: timedelta) -> str | None:
        """The next key, or None when none is due in that time or the queue is closed."""
        deadline = self._now() + within
        with self._changed:
            while not self._closed:
                self._move_due()
                if self._waiting:
                    key = next(iter(self._waiting))
                    del self._waiting[key]
                    self._in_work.add(key)
                    return key
                left = min([deadline, *(due for due, _ in self._later[:1])]) - self._now()
                if deadline <= self._now():
                    return None
                self._changed.wait(max(left.total_seconds(), 0.001))
        return None

    def done(self, key: str) -> None:
        """The work on a key succeeded."""
        with self._changed:
            self._failures.pop(key, None)
            self._finish(key)

    def failed(self, key: str) -> timedelta:
        """The work on a key failed; it comes back after this delay, which doubles each time up to two minutes."""
        with self._changed:
            count = self._failures.get(key, 0)
            self._failures[key] = count + 1
            delay = min(_FIRST_DELAY * (1 << min(count, 10)), _LONGEST_DELAY)
            heapq.heappush(self._later, (self._now() + delay, key))
            self._finish(key)
            return delay

    def close(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _finish(self, key: str) -> None:
        self._in_work.discard(key)
        if key in self._again:
            self._again.discard(key)
            self._waiting.setdefault(key)
        self._changed.notify()

    def _move_due(self) -> None:
        while self._later and self._later[0][0] <= self._now():
            _, key = heapq.heappop(self._later)
            if key in self._in_work:
                self._again.add(key)
            else:
                self._waiting.setdefault(key)
