"""Snapshots: verified states of an environment, with their values, kept in the cluster."""

from __future__ import annotations

from typing import Protocol

from jx.domain.ledger.snapshots import Snapshot
from jx.domain.names import EnvironmentName


class Snapshots(Protocol):
    """Snapshots by environment and plan digest, readable by who administers the cluster and by the watchdog alone. Calls raise
    Unavailable and Forbidden."""

    def find(self, environment: EnvironmentName, plan_digest: str) -> Snapshot | None:
        """The snapshot of the state that a plan made; None where there is none. Invalid where it is damaged."""
        ...

    def has(self, environment: EnvironmentName, plan_digest: str) -> bool:
        """Whether it is there as a whole, without reading it."""
        ...

    def save(self, snapshot: Snapshot) -> None:
        """Keep this one, too. The same again changes nothing; after a crash it is there as a whole, or not."""
        ...

    def keep_only(self, environment: EnvironmentName, plan_digest: str) -> None:
        """Forget all others of the environment; an empty digest: all."""
        ...
