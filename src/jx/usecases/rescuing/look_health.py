"""Look at the health of what an environment has applied, once."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.applying.applying import Anchor
from jx.domain.objects import health
from jx.domain.objects.health import State
from jx.ports.cluster import Cluster, Scope


@dataclass(frozen=True, slots=True)
class LookHealth:
    """Reads only; raises as the cluster does."""

    cluster: Cluster

    def __call__(self, anchor: Anchor) -> tuple[int, tuple[str, ...]]:
        """How many workloads there are to be, and which of them are not healthy and why, a line each."""
        items = {item.ref: item for item in anchor.inventory if health.is_waited_for(item.ref)}
        scopes = {Scope(item.api_version, item.ref.kind, item.ref.namespace) for item in items.values()}
        live = {one.ref: one for one in self.cluster.live(tuple(sorted(scopes, key=str)))}
        found = {ref: health.assess(live[ref].body) if ref in live else None for ref in items}
        return len(items), tuple(
            f"{ref}: {state.message if state else 'it is not there'}"
            for ref, state in found.items()
            if state is None or state.state is not State.CURRENT
        )
