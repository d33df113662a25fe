"""A worker thread with a queue in which doubled keys are one, and a heap of keys that are due later."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)

FIRST_RETRY_SECONDS = 0.02
LONGEST_RETRY_SECONDS = 10.0


class Loop(Generic[K]):
    """Works on keys one after the other; a key that is added while it waits is worked on once.

    `work` may return the seconds after which the key is due again. Where it raises, the key is tried again, later
    each time. `add` and `add_after` may be called from any thread, before `start` and after `stop` too.
    """

    def __init__(self, name: str, work: Callable[[K], float | None]) -> None:
        self._name = name
        self._work = work
        self._changed = threading.Condition()
        self._queue: dict[K, None] = {}  # an ordered set
        self._due: dict[K, float] = {}
        self._timers: list[tuple[float, int, K]] = []
        self._count = 0
        self._failures: dict[K, int] = {}
        self._stopping = False
        self._thread: threading.Thread | None = None

    def add(self, key: K) -> None:
        """Look at this key as soon as possible."""
        with self._changed:
            self._queue.setdefault(key)
            self._changed.notify()

    def add_after(self, key: K, seconds: float) -> None:
        """Look at this key in so many seconds; of several times for one key the earliest counts."""
        if seconds <= 0:
            self.add(key)
            return
        due = time.monotonic() + seconds
        with self._changed:
            if self._due.get(key, due + 1) <= due:
                return
            self._due[key] = due
            self._count += 1
            heapq.heappush(self._timers, (due, self._count, key))
            self._changed.notify()

    def start(self) -> None:
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the key at work, then end; what is queued is dropped."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (key := self._next()) is not None:
            try:
                again = self._work(key)
            except Exception as error:  # noqa: BLE001 - one object's trouble must not end the loop for all others
                self._retry(key, error)
            else:
                self._failures.pop(key, None)
                if again is not None:
                    self.add_after(key, again)

    def _retry(self, key: K, error: Exception) -> None:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        if failures >= 3:  # the first ones are most often lost races
            logger.warning("%s: %s: %s", self._name, key, error, exc_info=failures == 3)
        self.add_after(key, min(FIRST_RETRY_SECONDS * 2**failures, LONGEST_RETRY_SECONDS))

    def _next(self) -> K | None:
        with self._changed:
            while not self._stopping:
                self._move_due()
                if self._queue:
                    key = next(iter(self._queue))
                    del self._queue[key]
                    return key
                self._changed.wait(self._timers[0][0] - time.monotonic() if self._timers else None)
        return None

    def _move_due(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            due, _, key = heapq.heappop(self._timers)
            if self._due.get(key) == due:
                del self._due[key]
                self._queue.setdefault(key)
