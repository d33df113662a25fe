"""Look at health: whether what was applied to an environment does now what it says. Nobody is waited for."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain import health
from jx.domain.applying import Anchor
from jx.domain.health import State
from jx.ports.cluster import Cluster, Scope


@dataclass(frozen=True, slots=True)
class LookAtHealth:
    """Reads only."""

    cluster: Cluster

    def __call__(self, anchor: Anchor) -> tuple[str, ...]:
        """What is not healthy and why, a line each; empty where all workloads of the inventory are."""
        wanted = {item.ref: item for item in anchor.inventory if health.is_waited_for(item.ref)}
        scopes = {Scope(item.api_version, item.ref.kind, item.ref.namespace) for item in wanted.values()}
        order = tuple(sorted(scopes, key=lambda scope: (scope.api_version, scope.kind, scope.namespace)))
        live = {one.ref: one for one in self.cluster.live(order)} if order else {}
        lines = []
        for ref in wanted:
            if ref not in live:
                lines.append(f"{ref}: it is not there")
                continue
            found = health.assess(live[ref].body)
            if found.state is not State.CURRENT:
                lines.append(f"{ref}: {found.message or found.state.value}")
        return tuple(lines)
