"""Activities and signals in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from queue import Empty, Queue
from time import monotonic

from jx.domain.events import Event
from jx.domain.runs.activities import Activity

_OLDEST = datetime.min.replace(tzinfo=UTC)


class MemoryActivities:
    """ports.activities.Activities in memory. `watch` ends when `close` is called."""

    def __init__(self) -> None:
        self._stored: dict[str, Activity] = {}
        self._watchers: list[Queue[Activity | None]] = []

    def save(self, activity: Activity) -> None:
        if self._stored.get(activity.name) == activity:
            return
        self._stored[activity.name] = activity
        for watcher in self._watchers:
            watcher.put(activity)

    def remove(self, name: str) -> None:
        self._stored.pop(name, None)

    def list_all(self) -> tuple[Activity, ...]:
        return tuple(sorted(self._stored.values(), key=lambda one: (one.started or _OLDEST, one.name)))

    def watch(self) -> Iterator[Activity]:
        queue: Queue[Activity | None] = Queue()
        self._watchers.append(queue)
        try:
            yield from self.list_all()
            while (activity := queue.get()) is not None:
                yield activity
        finally:
            self._watchers.remove(queue)

    def close(self) -> None:
        """End all watches."""
        for watcher in self._watchers:
            watcher.put(None)


class MemorySignals:
    """ports.signals.Signals in memory."""

    def __init__(self) -> None:
        self._listeners: list[Queue[str]] = []

    def tell(self, key: str) -> None:
        for listener in self._listeners:
            listener.put(key)

    def listen(self, *, within: timedelta) -> Iterator[str]:
        queue: Queue[str] = Queue()
        self._listeners.append(queue)
        return self._heard(queue, within)

    def _heard(self, queue: Queue[str], within: timedelta) -> Iterator[str]:
        deadline = monotonic() + within.total_seconds()
        try:
            while True:
                yield queue.get(timeout=max(0.0, deadline - monotonic()))
        except Empty:
            return
        finally:
            self._listeners.remove(queue)


class MemoryReporter:
    """ports.reporter.Reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        self.events.append(event)

    @property
    def text(self) -> str:
        """Everything that was told, a line each, facts included."""
        return "\n".join(f"{event.level}: {event.message} {event.facts}" for event in self.events)
