"""Health: whether an object does what it says, by the rules of kstatus and what common custom resources agree on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jx.domain.objects.manifests import Body, ObjectRef, api_group


class State(StrEnum):
    """kstatus's words."""

    CURRENT = "Current"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    TERMINATING = "Terminating"


@dataclass(frozen=True, slots=True)
class Health:
    """Where an object is on its way, and what it waits for."""

    state: State
    message: str = ""


WAITED_FOR = frozenset(
    {
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("apps", "DaemonSet"),
        ("apps", "ReplicaSet"),
        ("batch", "Job"),
        ("", "Pod"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "APIService"),
        ("vault.banzaicloud.com", "Vault"),
    }
)
"""Kinds whose health an apply waits for."""

_BROKEN_WAITS = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)


def is_waited_for(ref: ObjectRef) -> bool:
    """Whether an apply waits for this object's health."""
    return (ref.group, ref.kind) in WAITED_FOR


def assess(body: Body) -> Health:
    """The health of a live object. Kinds without a status are healthy when they are there."""
    if (body.get("metadata") or {}).get("deletionTimestamp"):
        return Health(State.TERMINATING, "is being deleted")
    stale = _generation_lag(body)
    if stale:
        return stale
    kind = (api_group(str(body.get("apiVersion", ""))), str(body.get("kind", "")))
    return _RULES.get(kind, _custom)(body)


def _generation_lag(body: Body) -> Health | None:
    generation = (body.get("metadata") or {}).get("generation")
    observed = _status(body).get("observedGeneration")
    if isinstance(generation, int) and isinstance(observed, int) and observed < generation:
        return Health(
            State.IN_PROGRESS, f"its controller has seen generation {observed}, the newest is {generation}"
        )
    return None


def _deployment(body: Body) -> Health:
    status = _status(body)
    wanted = _wanted(body)
    progressing = _condition(body, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Health(State.FAILED, _text(progressing) or "progress deadline exceeded")
    failure = _condition(body, "ReplicaFailure")
    if failure.get("status") == "True":
        return Health(State.IN_PROGRESS, _text(failure))
    if "observedGeneration" not in status:
        return Health(State.IN_PROGRESS, "its controller has not seen it yet")
    updated, total = _number(status, "updatedReplicas"), _number(status, "replicas")
    if updated < wanted:
        return Health(State.IN_PROGRESS, f"{updated} of {wanted} replicas are updated")
    if total > updated:
        return Health(State.IN_PROGRESS, f"{total - updated} old replicas are still there")
    ready = min(_number(status, "availableReplicas"), _number(status, "readyReplicas"))
    if ready < wanted:
        return Health(State.IN_PROGRESS, f"{ready} of {wanted} replicas are ready")
    return Health(State.CURRENT, f"{ready} of {wanted} replicas are ready")


def _stateful_set(body: Body) -> Health:
    status, wanted = _status(body), _wanted(body)
    if "observedGeneration" not in status and wanted:
        return Health(State.IN_PROGRESS, "its controller has not seen it yet")
    ready = _number(status, "readyReplicas")
    if ready < wanted:
        return Health(State.IN_PROGRESS, f"{ready} of {wanted} replicas are ready")
    strategy = (body.get("spec") or {}).get("updateStrategy") or {}
    partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    if strategy.get("type") != "OnDelete" and not partition:
        current, new = status.get("currentRevision"), status.get("updateRevision")
        if current != new and _number(status, "updatedReplicas") < wanted:
            return Health(
                State.IN_PROGRESS, f"{_number(status, 'updatedReplicas')} of {wanted} replicas are updated"
            )
    return Health(State.CURRENT, f"{ready} of {wanted} replicas are ready")


def _daemon_set(body: Body) -> Health:
    status = _status(body)
    if "desiredNumberScheduled" not in status:
        return Health(State.IN_PROGRESS, "its controller has not seen it yet")
    wanted = _number(status, "desiredNumberScheduled")
    for field, what in (
        ("updatedNumberScheduled", "updated"),
        ("numberAvailable", "available"),
        ("numberReady", "ready"),
    ):
        if _number(status, field) < wanted:
            return Health(State.IN_PROGRESS, f"{_number(status, field)} of {wanted} pods are {what}")
    return Health(State.CURRENT, f"{wanted} of {wanted} pods are ready")


def _replica_set(body: Body) -> Health:
    wanted, ready = _wanted(body), _number(_status(body), "readyReplicas")
    if ready < wanted:
        return Health(State.IN_PROGRESS, f"{ready} of {wanted} replicas are ready")
    return Health(State.CURRENT)


def _pod(body: Body) -> Health:
    status = _status(body)
    phase = status.get("phase")
    if phase == "Succeeded":
        return Health(State.CURRENT, "it ran to its end")
    if phase == "Failed":
        return Health(State.FAILED, str(status.get("message") or status.get("reason") or "it failed"))
    broken = find_broken_container(body)
    if broken:
        return Health(State.FAILED, broken)
    if _condition(body, "Ready").get("status") == "True":
        return Health(State.CURRENT, "it is ready")
    scheduled = _condition(body, "PodScheduled")
    if scheduled.get("status") == "False":
        return Health(State.IN_PROGRESS, _text(scheduled) or "it is not scheduled")
    return Health(State.IN_PROGRESS, f"it is not ready ({phase or 'no phase yet'})")


def find_broken_container(pod: Body) -> str:
    """What a container of a pod is stuck with, in words; empty where none is."""
    status = _status(pod)
    for entry in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        waiting = (entry.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _BROKEN_WAITS:
            detail = f": {waiting['message']}" if waiting.get("message") else ""
            return f"container {entry.get('name')}: {waiting['reason']}{detail}"
    return ""


def _job(body: Body) -> Health:
    failed = _condition(body, "Failed")
    if failed.get("status") == "True":
        return Health(State.FAILED, _text(failed) or "the job failed")
    if _condition(body, "Complete").get("status") == "True":
        return Health(State.CURRENT, "the job is complete")
    if (body.get("spec") or {}).get("suspend"):
        return Health(State.CURRENT, "the job is suspended")
    if not _status(body).get("startTime"):
        return Health(State.IN_PROGRESS, "the job has not started")
    # kstatus: a job that runs is current; a person who waits for an apply means its end.
    return Health(State.IN_PROGRESS, f"the job runs ({_number(_status(body), 'active')} active)")


def _definition(body: Body) -> Health:
    names = _condition(body, "NamesAccepted")
    if names.get("status") == "False":
        return Health(State.FAILED, _text(names) or "its names are taken")
    established = _condition(body, "Established")
    if established.get("status") == "True":
        return Health(State.CURRENT, "it is established")
    return Health(State.IN_PROGRESS, _text(established) or "it is not established yet")


def _api_service(body: Body) -> Health:
    available = _condition(body, "Available")
    if available.get("status") == "True":
        return Health(State.CURRENT, "it is available")
    return Health(State.IN_PROGRESS, _text(available) or "it is not available yet")


def _claim(body: Body) -> Health:
    phase = _status(body).get("phase")
    if phase == "Bound":
        return Health(State.CURRENT, "it is bound")
    return Health(State.FAILED if phase == "Lost" else State.IN_PROGRESS, f"it is {phase or 'not bound'}")


def _service(body: Body) -> Health:
    spec = body.get("spec") or {}
    if spec.get("type") == "LoadBalancer" and not spec.get("clusterIP"):
        return Health(State.IN_PROGRESS, "it has no address yet")
    return Health(State.CURRENT)


def _vault(body: Body) -> Health:
    """Of the bank-vaults operator: it is of use once it is unsealed. The operator says so of sealed and new ones alike."""
    healthy = _condition(body, "Healthy")
    if healthy.get("status") == "True":
        return Health(State.CURRENT, "it is unsealed")
    if not healthy:
        return Health(State.IN_PROGRESS, "its operator has not seen it yet")
    if healthy.get("error"):
        return Health(State.IN_PROGRESS, f"it cannot be reached: {healthy['error']}")
    return Health(State.IN_PROGRESS, "it is sealed, or not initialized yet; its pod's unsealer does both")


def _custom(body: Body) -> Health:
    """What most custom resources agree on: Stalled, Reconciling, and Ready or Available."""
    stalled = _condition(body, "Stalled")
    if stalled.get("status") == "True":
        return Health(State.FAILED, _text(stalled))
    reconciling = _condition(body, "Reconciling")
    if reconciling.get("status") == "True":
        return Health(State.IN_PROGRESS, _text(reconciling))
    for name in ("Ready", "Available", "Succeeded"):
        found = _condition(body, name)
        if found.get("status") in {"False", "Unknown"}:
            return Health(State.IN_PROGRESS, _text(found) or f"it is not {name.lower()}")
    return Health(State.CURRENT)


_RULES: Mapping[tuple[str, str], Callable[[Body], Health]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "ReplicaSet"): _replica_set,
    ("", "Pod"): _pod,
    ("batch", "Job"): _job,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io", "APIService"): _api_service,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Service"): _service,
    ("vault.banzaicloud.com", "Vault"): _vault,
}


def _status(body: Body) -> Mapping[str, Any]:
    return body.get("status") or {}


def _wanted(body: Body) -> int:
    replicas = (body.get("spec") or {}).get("replicas")
    return replicas if isinstance(replicas, int) else 1


def _number(status: Mapping[str, Any], field: str) -> int:
    value = status.get(field)
    return value if isinstance(value, int) else 0


def _condition(body: Body, kind: str) -> Mapping[str, Any]:
    conditions = _status(body).get("conditions")
    if not isinstance(conditions, list):
        return {}
    return next((c for c in conditions if isinstance(c, Mapping) and c.get("type") == kind), {})


def _text(condition: Mapping[str, Any]) -> str:
    return str(condition.get("message") or condition.get("reason") or "")
