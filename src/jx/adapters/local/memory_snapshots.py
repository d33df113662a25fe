"""Snapshots in memory."""

from __future__ import annotations

import json

from jx.domain.ledger.snapshots import Snapshot, parse_snapshot, snapshot_to_data
from jx.domain.names import EnvironmentName


class MemorySnapshots:
    """ports.snapshots.Snapshots in memory. What comes out went through the same data as in a cluster."""

    def __init__(self) -> None:
        self._stored: dict[tuple[EnvironmentName, str], str] = {}

    def find(self, environment: EnvironmentName, plan_digest: str) -> Snapshot | None:
        text = self._stored.get((environment, plan_digest))
        return parse_snapshot(json.loads(text)) if text else None

    def has(self, environment: EnvironmentName, plan_digest: str) -> bool:
        return (environment, plan_digest) in self._stored

    def save(self, snapshot: Snapshot) -> None:
        self._stored[snapshot.environment, snapshot.plan_digest] = json.dumps(snapshot_to_data(snapshot))

    def keep_only(self, environment: EnvironmentName, plan_digest: str) -> None:
        kept = (environment, plan_digest)
        self._stored = {
            key: text for key, text in self._stored.items() if key[0] != environment or key == kept
        }
