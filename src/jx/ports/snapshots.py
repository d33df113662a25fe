"""Snapshots: the last verified state of an environment, with its values, kept in the cluster."""

from __future__ import annotations

from typing import Protocol

from jx.domain.names import EnvironmentName
from jx.domain.snapshots import Snapshot


class Snapshots(Protocol):
    """One snapshot per environment, readable by who administers the cluster and by the watchdog alone. Calls raise Unavailable
    and Forbidden."""

    def find(self, environment: EnvironmentName) -> Snapshot | None:
        """The snapshot; None where there is none. Invalid where it is damaged."""
        ...

    def save(self, snapshot: Snapshot) -> None:
        """Keep this one in place of the one before: after a crash one of the two is there, whole."""
        ...

    def remove(self, environment: EnvironmentName) -> None:
        """Forget it; none there is done."""
        ...
