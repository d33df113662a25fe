"""PodDisruptionBudgets: how many pods of a kind may go at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jx.adapters.local.kubernetes import selectors
from jx.adapters.local.kubernetes.errors import ApiError
from jx.adapters.local.kubernetes.facts import Obj
from jx.adapters.local.kubernetes.store import Collection, Store

BUDGETS: Final[Collection] = ("policy", "poddisruptionbudgets")
_PODS: Final[Collection] = ("", "pods")
_REFUSAL: Final = "Cannot evict pod as it would violate the pod's disruption budget."


def check_eviction(store: Store, pod: Obj) -> None:
    """429 where a budget does not let a pod go now."""
    namespace = pod["metadata"]["namespace"]
    if not _is_healthy(pod):
        return
    for stored in store.entries(BUDGETS, namespace):
        budget = stored.obj
        if not _selects(budget, pod):
            continue
        found = counted(budget, [one.obj for one in store.entries(_PODS, namespace)])
        if found["disruptionsAllowed"] < 1:
            name, needed, healthy = (
                budget["metadata"]["name"],
                found["desiredHealthy"],
                found["currentHealthy"],
            )
            why = f"The disruption budget {name} needs {needed} healthy pods and has {healthy} currently"
            raise ApiError(
                429, "TooManyRequests", _REFUSAL, {"causes": [{"reason": "DisruptionBudget", "message": why}]}
            )


def counted(budget: Obj, pods: Sequence[Obj]) -> Obj:
    """The numbers of a budget's status, given the pods of its namespace."""
    spec = budget.get("spec") or {}
    chosen = [
        pod
        for pod in pods
        if _selects(budget, pod) and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
    ]
    expected, healthy = len(chosen), sum(_is_healthy(pod) for pod in chosen)
    if spec.get("maxUnavailable") is not None:
        desired = max(0, expected - _share(spec["maxUnavailable"], expected))
    else:
        desired = _share(spec.get("minAvailable", 1), expected)
    return {
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "disruptionsAllowed": max(0, healthy - desired) if expected else 0,
        "expectedPods": expected,
    }


def _selects(budget: Obj, pod: Obj) -> bool:
    selector = (budget.get("spec") or {}).get("selector")
    labels = pod["metadata"].get("labels") or {}
    return selector is not None and selectors.matches_label_selector(selector, labels)


def _is_healthy(pod: Obj) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    is_ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return is_ready and "deletionTimestamp" not in pod["metadata"]


def _share(value: int | str, total: int) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return -(-int(value[:-1]) * total // 100)
    return int(value)
