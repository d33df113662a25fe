"""Watchdogs: processes beside the platform that outlive whatever an apply does to it."""

from __future__ import annotations

from typing import Protocol

from jx.domain.environments.watchdogs import Orders, Watch
from jx.domain.names import EnvironmentName


class Watchdogs(Protocol):
    """One watchdog per environment. Calls raise Unavailable, Forbidden, Refused (admission)."""

    def start(self, orders: Orders) -> Watch:
        """Put the orders in place of those before, and start a watchdog that reads them: with the image of the controllers, on
        their node, under an account of its own. NotFound where no controllers run. It has not reported anything yet."""
        ...

    def find(self, environment: EnvironmentName) -> Watch | None:
        """The record of the watchdog that was started last; None where there never was one."""
        ...

    def remove(self, environment: EnvironmentName) -> None:
        """End the watchdog, whatever it is at, and take its rights away; none there is done."""
        ...

    def report(self, watch: Watch) -> Watch:
        """Write the record anew, by the watchdog itself: compare-and-swap. Stale where there are other orders by now."""
        ...
