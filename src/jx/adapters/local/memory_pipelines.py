"""ports.pipelines in memory: an engine whose runs go on as they are told to."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from queue import Empty, Queue
from time import monotonic
from typing import Any

from jx.domain.errors import NotFound
from jx.domain.runs.runs import LogLine, NewRun, Run, RunState

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_SILENCE_SECONDS = 0.2


_SAFE = re.compile(r"[A-Za-z0-9.-]+")


def _called(name: str) -> str:
    """Names that a cluster would not take are called otherwise there, and so they are here."""
    return name if _SAFE.fullmatch(name) else f"run-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


class MemoryPipelines:
    """Runs in memory. `tell` stands for what an engine would find out."""

    def __init__(self) -> None:
        self.started: list[NewRun] = []
        """All that were started, for good."""
        self._runs: dict[str, Run] = {}
        self._logs: dict[str, list[LogLine]] = {}
        self._watchers: list[Queue[Run]] = []

    def start(self, run: NewRun) -> Run:
        name = _called(run.name)
        if name not in self._runs:
            self.started.append(run)
            number = len(self.started)
            self._put(
                Run(
                    name=name,
                    pipeline=run.pipeline,
                    build=str(run.build),
                    state=RunState.PENDING,
                    context=run.context,
                    revision=run.revision,
                    author=run.author,
                    message=run.message,
                    git_url=run.git_url,
                    pull_url=run.pull_url,
                    created=_BEGIN + timedelta(seconds=number),
                )
            )
        return self._runs[name]

    def find(self, name: str) -> Run | None:
        return self._runs.get(_called(name))

    def list_all(self) -> tuple[Run, ...]:
        return tuple(sorted(self._runs.values(), key=lambda run: (run.created or _BEGIN, run.name)))

    def changes(self, *, within: timedelta) -> Iterator[Run | None]:
        queue: Queue[Run] = Queue()
        for run in self.list_all():
            queue.put(run)
        self._watchers.append(queue)
        return self._told(queue, within)

    def _told(self, queue: Queue[Run], within: timedelta) -> Iterator[Run | None]:
        end = monotonic() + within.total_seconds()
        try:
            while monotonic() < end:
                try:
                    yield queue.get(timeout=_SILENCE_SECONDS)
                except Empty:
                    yield None
        finally:
            self._watchers.remove(queue)

    def cancel(self, name: str) -> bool:
        run = self.find(name)
        if run is None:
            raise NotFound(f"there is no run {name}")
        if not run.state.is_open:
            return False
        self._put(replace(run, state=RunState.CANCELLED, words="cancelled"))
        return True

    def remove(self, name: str) -> None:
        self._runs.pop(_called(name), None)

    def logs(self, run: Run, *, follow: bool = False) -> Iterator[LogLine]:
        yield from self._logs.get(run.name, [])

    # What happens to runs

    def tell(self, name: str, state: RunState, **more: Any) -> Run:
        """A run goes on."""
        self._put(replace(self._runs[name], state=state, **more))
        return self._runs[name]

    def print(self, name: str, *lines: LogLine) -> None:
        """Its steps print."""
        self._logs.setdefault(name, []).extend(lines)

    def _put(self, run: Run) -> None:
        self._runs[run.name] = run
        for watcher in self._watchers:
            watcher.put(run)


class MemoryBuildNumbers:
    """ports.pipelines.BuildNumbers in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given: dict[str, int] = {}

    def next(self, pipeline: str, *, above: int = 0) -> int:
        with self._lock:
            self._given[pipeline] = max(self._given.get(pipeline, 0), above) + 1
            return self._given[pipeline]
