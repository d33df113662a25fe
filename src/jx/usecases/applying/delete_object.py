"""Delete an object as it was decided on. Shared by all that deletes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from jx.domain.applying.applying import Step
from jx.domain.errors import Stale
from jx.domain.objects.manifests import Body
from jx.ports.cluster import Cluster, Scope

_LOOKS = 3
"""How often an object that changes while it is deleted is looked at again."""


@dataclass(frozen=True, slots=True)
class DeleteObject:
    """A workload's status changes all the time: the same object with another version is looked at again, and deleted if it is
    still ours."""

    cluster: Cluster

    def __call__(self, step: Step, *, is_ours: Callable[[Body], bool]) -> None:
        """Delete; gone already is done. Stale where another object took its place, or it is not ours any more."""
        for _ in range(_LOOKS):
            try:
                return self.cluster.delete(step)
            except Stale:
                found = self.cluster.live((Scope(step.api_version, step.ref.kind, step.ref.namespace),))
                live = next((one for one in found if one.ref == step.ref), None)
                if live is None:
                    return None
                if live.uid != step.uid or not is_ours(live.body):
                    raise
                step = replace(step, resource_version=live.resource_version)
        return self.cluster.delete(step)
