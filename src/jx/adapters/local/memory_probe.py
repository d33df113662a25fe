"""A probe of a cluster that is as its maker says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jx.domain.errors import JxError
from jx.domain.platforms.preflight import ClusterLook, Right

LOOK = ClusterLook("https://cluster.example.com", "cluster", "ann", "v1.36.0", None, nodes=1)


@dataclass
class MemoryProbe:
    """ports.probe.Probe in memory; `error` is what every call ends in."""

    found: ClusterLook = LOOK
    denied: frozenset[Right] = frozenset()
    phases: Mapping[str, str] = field(default_factory=dict)
    error: JxError | None = None

    def look(self) -> ClusterLook:
        if self.error:
            raise self.error
        return self.found

    def is_allowed(self, right: Right) -> bool:
        if self.error:
            raise self.error
        return right not in self.denied

    def find_phase(self, namespace: str) -> str:
        if self.error:
            raise self.error
        return self.phases.get(namespace, "")
