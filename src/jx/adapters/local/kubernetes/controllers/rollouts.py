"""How many replicas each ReplicaSet of a Deployment gets, and what the Deployment's status says; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.types.facts import Obj

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class Scale:
    """One ReplicaSet's new number of replicas."""

    replica_set: Obj
    replicas: int


def desired(deployment: Obj) -> int:
    return int(deployment["spec"].get("replicas", 1))


def size(replica_set: Obj) -> int:
    return int(replica_set["spec"].get("replicas", 0))


def available(replica_set: Obj) -> int:
    return int(objects.status_of(replica_set).get("availableReplicas", 0))


def is_recreate(deployment: Obj) -> bool:
    return bool((deployment["spec"].get("strategy") or {}).get("type") == "Recreate")


def limits(deployment: Obj) -> tuple[int, int]:
    """maxSurge and maxUnavailable as numbers; never both zero, or nothing would ever move."""
    if is_recreate(deployment):
        return 0, desired(deployment)
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    total = desired(deployment)
    surge = objects.resolve_share(rolling.get("maxSurge", "25%"), total, round_up=True)
    unavailable = objects.resolve_share(rolling.get("maxUnavailable", "25%"), total, round_up=False)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def has_template(replica_set: Obj, deployment: Obj) -> bool:
    """Whether this set makes the pods that the deployment wants now."""
    made = objects.without_labels(replica_set["spec"]["template"], HASH_LABEL)
    return made == objects.without_labels(deployment["spec"]["template"], HASH_LABEL)


def revision(obj: Obj) -> int:
    return int(objects.annotations_of(obj).get(REVISION, "0") or 0)


def plan_rolling(deployment: Obj, new: Obj, old: Sequence[Obj]) -> list[Scale]:
    """One step of a rolling update: first the new set up as far as allowed, else old sets down as far as allowed."""
    total = desired(deployment)
    surge, unavailable = limits(deployment)
    everything = size(new) + sum(size(each) for each in old)
    if size(new) > total:
        return [Scale(new, total)]
    room = total + surge - everything
    if size(new) < total and room > 0:
        return [Scale(new, min(total, size(new) + room))]
    return _plan_scale_down(old, new, everything=everything, least=total - unavailable)


def _plan_scale_down(old: Sequence[Obj], new: Obj, *, everything: int, least: int) -> list[Scale]:
    spare = everything - least - (size(new) - available(new))
    if spare <= 0:
        return []
    wanted = {objects.uid_of(each): size(each) for each in old}
    oldest_first = sorted(old, key=objects.created_at)
    for each in oldest_first:  # what is broken goes first: it serves nobody
        broken = min(spare, max(0, size(each) - available(each)))
        wanted[objects.uid_of(each)] -= broken
        spare -= broken
    healthy = available(new) + sum(min(wanted[objects.uid_of(each)], available(each)) for each in old) - least
    for each in oldest_first:
        gone = min(wanted[objects.uid_of(each)], max(0, healthy))
        wanted[objects.uid_of(each)] -= gone
        healthy -= gone
    return [
        Scale(each, wanted[objects.uid_of(each)])
        for each in oldest_first
        if wanted[objects.uid_of(each)] != size(each)
    ]


def counts(deployment: Obj, new: Obj | None, old: Sequence[Obj]) -> Obj:
    """The numbers of the status; zero is left out for most, as the real one does."""
    every = [*old, *([new] if new else [])]
    total = sum(int(objects.status_of(each).get("replicas", 0)) for each in every)
    up = sum(available(each) for each in every)
    numbers = {
        "replicas": total,
        "updatedReplicas": int(objects.status_of(new).get("replicas", 0)) if new else 0,
        "readyReplicas": sum(int(objects.status_of(each).get("readyReplicas", 0)) for each in every),
        "availableReplicas": up,
        "unavailableReplicas": max(0, max(sum(size(each) for each in every), desired(deployment)) - up),
    }
    terminating = sum(int(objects.status_of(each).get("terminatingReplicas", 0)) for each in every)
    return {**{key: value for key, value in numbers.items() if value}, "terminatingReplicas": terminating}


def is_complete(deployment: Obj, status: Obj) -> bool:
    wanted = desired(deployment)
    return all(status.get(key, 0) == wanted for key in ("replicas", "updatedReplicas", "availableReplicas"))


def has_progressed(before: Obj, after: Obj) -> bool:
    """Whether a later status is nearer to the end than an earlier one."""

    def outdated(status: Obj) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    return outdated(after) < outdated(before) or any(
        after.get(key, 0) > before.get(key, 0)
        for key in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )


def available_condition(deployment: Obj, status: Obj, now: str) -> Obj:
    _, unavailable = limits(deployment)
    if status.get("availableReplicas", 0) >= desired(deployment) - unavailable:
        return _condition(
            "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", now
        )
    return _condition(
        "Available",
        "False",
        "MinimumReplicasUnavailable",
        "Deployment does not have minimum availability.",
        now,
    )


def progressing_condition(deployment: Obj, new: Obj, status: Obj, *, is_new: bool, now: float) -> Obj | None:
    """What to say about the rollout now; None to leave what was said."""
    set_name = objects.name_of(new)
    stamp = objects.timestamp(now)
    said = objects.condition_of(deployment, "Progressing")
    if is_complete(deployment, status):
        if said is not None and said.get("reason") == "NewReplicaSetAvailable" and not is_new:
            return None
        message = f'ReplicaSet "{set_name}" has successfully progressed.'
        return _condition("Progressing", "True", "NewReplicaSetAvailable", message, stamp)
    if is_new:
        return _condition(
            "Progressing", "True", "NewReplicaSetCreated", f'Created new replica set "{set_name}"', stamp
        )
    if said is None:
        return _condition(
            "Progressing", "True", "FoundNewReplicaSet", f'Found new replica set "{set_name}"', stamp
        )
    if said.get("reason") == "NewReplicaSetAvailable" and status.get("replicas") == status.get(
        "updatedReplicas"
    ):
        return None
    if has_progressed(objects.status_of(deployment), status):
        return _condition(
            "Progressing", "True", "ReplicaSetUpdated", f'ReplicaSet "{set_name}" is progressing.', stamp
        )
    if seconds_to_deadline(deployment, now) <= 0 and said.get("reason") != "ProgressDeadlineExceeded":
        message = f'ReplicaSet "{set_name}" has timed out progressing.'
        return _condition("Progressing", "False", "ProgressDeadlineExceeded", message, stamp)
    return None


def seconds_to_deadline(deployment: Obj, now: float) -> float:
    """Until the rollout counts as stuck."""
    said = objects.condition_of(deployment, "Progressing") or {}
    limit = deployment["spec"].get("progressDeadlineSeconds", 600)
    return objects.seconds_of(said.get("lastUpdateTime")) + float(limit) - now if said else float(limit)


def _condition(kind: str, status: str, reason: str, message: str, now: str) -> Obj:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastUpdateTime": now}
