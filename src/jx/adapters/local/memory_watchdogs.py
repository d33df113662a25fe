"""Watchdogs in memory: the record, and nobody who acts on it unless a test does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from jx.domain.environments.watchdog_records import parse_watch, watch_to_data
from jx.domain.environments.watchdogs import Orders, Watch
from jx.domain.errors import Stale
from jx.domain.names import EnvironmentName


class MemoryWatchdogs:
    """ports.watchdogs.Watchdogs in memory. `begin` is called with each start, as the pod's process would begin."""

    def __init__(self, begin: Callable[[Watch], None] = lambda watch: None) -> None:
        self.begin = begin
        self.started: list[Orders] = []
        self._stored: dict[EnvironmentName, Watch] = {}
        self._writes = 0

    def start(self, orders: Orders) -> Watch:
        self.started.append(orders)
        watch = self._put(Watch(orders))
        self.begin(watch)
        return watch

    def find(self, environment: EnvironmentName) -> Watch | None:
        return self._stored.get(environment)

    def remove(self, environment: EnvironmentName) -> None:
        self._stored.pop(environment, None)

    def report(self, watch: Watch) -> Watch:
        there = self._stored.get(watch.orders.environment)
        if there is None or there.version != watch.version:
            raise Stale("the watchdog's record was written by somebody else")
        return self._put(watch)

    def _put(self, watch: Watch) -> Watch:
        self._writes += 1
        stored = parse_watch(watch_to_data(watch), version=str(self._writes))
        self._stored[watch.orders.environment] = replace(stored)
        return stored
