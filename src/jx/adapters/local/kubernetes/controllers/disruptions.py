"""Keeps the status of PodDisruptionBudgets."""

from __future__ import annotations

from collections.abc import Iterable

from jx.adapters.local.kubernetes.api import WatchEvent
from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.controllers.cluster import BUDGETS, PODS, Cluster, Place, which
from jx.adapters.local.kubernetes.lifecycles import disruptions


class Disruptions:
    """Counts the pods of each budget."""

    name = "disruptions"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def keys(self, event: WatchEvent) -> Iterable[Place]:
        if which(event) == BUDGETS and event.type != "DELETED":
            yield (objects.namespace_of(event.obj), objects.name_of(event.obj))
        elif which(event) == PODS:
            for budget in self._cluster.cache.all(BUDGETS, objects.namespace_of(event.obj)):
                yield (objects.namespace_of(budget), objects.name_of(budget))

    def reconcile(self, namespace: str, name: str) -> float | None:
        budget = self._cluster.cache.get(BUDGETS, namespace, name)
        if budget is None:
            return None
        found = disruptions.counted(budget, self._cluster.cache.all(PODS, namespace))
        generation = budget["metadata"].get("generation", 1)
        is_enough = found["disruptionsAllowed"] > 0
        condition = {
            "type": "DisruptionAllowed",
            "status": "True" if is_enough else "False",
            "reason": "SufficientPods" if is_enough else "InsufficientPods",
            "message": "",
            "observedGeneration": generation,
        }
        before = objects.status_of(budget).get("conditions") or ()
        conditions = objects.with_condition(before, condition, self._cluster.timestamp())
        status = {**found, "observedGeneration": generation, "conditions": conditions}
        self._cluster.set_status(BUDGETS, budget, status)
        return None
