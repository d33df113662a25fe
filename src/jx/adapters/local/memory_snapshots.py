"""Snapshots in memory."""

from __future__ import annotations

import json

from jx.domain.names import EnvironmentName
from jx.domain.snapshots import Snapshot, parse_snapshot, snapshot_to_data


class MemorySnapshots:
    """ports.snapshots.Snapshots in memory. What comes out went through the same data as in a cluster."""

    def __init__(self) -> None:
        self._stored: dict[EnvironmentName, str] = {}

    def find(self, environment: EnvironmentName) -> Snapshot | None:
        text = self._stored.get(environment)
        return parse_snapshot(json.loads(text)) if text else None

    def save(self, snapshot: Snapshot) -> None:
        self._stored[snapshot.environment] = json.dumps(snapshot_to_data(snapshot))

    def remove(self, environment: EnvironmentName) -> None:
        self._stored.pop(environment, None)
