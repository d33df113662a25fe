"""PodDisruptionBudgets: how many pods of a kind may go at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jx.adapters.local.kubernetes.errors import ApiError
from jx.adapters.local.kubernetes.store import Collection, Store
from jx.adapters.local.kubernetes.types import selectors
from jx.adapters.local.kubernetes.types.facts import Obj

BUDGETS: Final[Collection] = ("policy", "poddisruptionbudgets")
_PODS: Final[Collection] = ("", "pods")
_REFUSAL: Final = "Cannot evict pod as it would violate the pod's disruption budget."
_TOO_MANY: Final = (
    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
)


def spent(store: Store, pod: Obj, now: str) -> Obj | None:
    """The budget of a pod that goes now, its status one less; None without any, ApiError 429 where it stays."""
    if _goes_freely(pod):
        return None
    meta = pod["metadata"]
    found = [one.obj for one in store.entries(BUDGETS, meta["namespace"]) if _selects(one.obj, pod)]
    if len(found) > 1:
        raise ApiError(500, "", _TOO_MANY)
    if not found or _may_go_unready(found[0], pod):
        return None
    budget = found[0]
    status = budget.get("status") or {}
    name = budget["metadata"]["name"]
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        why = f"The disruption budget {name} is still being processed by the server."
        raise _refused(why, {"retryAfterSeconds": 10})
    if not status.get("disruptionsAllowed"):
        raise _refused(_why_not(name, status), {})
    gone = {**(status.get("disruptedPods") or {}), meta["name"]: now}
    status = {**status, "disruptionsAllowed": status["disruptionsAllowed"] - 1, "disruptedPods": gone}
    return {**budget, "status": status}


def _goes_freely(pod: Obj) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or "deletionTimestamp" in pod["metadata"]


def _may_go_unready(budget: Obj, pod: Obj) -> bool:
    """Whether a pod that is not ready counts for nothing."""
    if _is_ready(pod):
        return False
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    return bool(status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0) > 0)


def _why_not(name: str, status: Obj) -> str:
    healthy, needed = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    if healthy <= needed:
        return f"The disruption budget {name} needs {needed} healthy pods and has {healthy} currently"
    failed = [
        one
        for one in status.get("conditions") or ()
        if one["type"] == "DisruptionAllowed"
        and one["status"] == "False"
        and one.get("reason") == "SyncFailed"
    ]
    reason = f" (SyncFailed): {failed[0].get('message', '')}" if failed else ""
    return f"The disruption budget {name} does not allow evicting pods currently{reason}"


def _refused(why: str, details: Obj) -> ApiError:
    causes = [{"reason": "DisruptionBudget", "message": why}]
    return ApiError(429, "TooManyRequests", _REFUSAL, {"causes": causes, **details})


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
    return _is_ready(pod) and "deletionTimestamp" not in pod["metadata"]


def _is_ready(pod: Obj) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _share(value: int | str, total: int) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return -(-int(value[:-1]) * total // 100)
    return int(value)
