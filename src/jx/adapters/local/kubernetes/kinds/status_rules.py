"""What may stand in the status of workloads. In the real server's words and order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from jx.adapters.local.kubernetes.kinds import job_rules
from jx.adapters.local.kubernetes.kinds.podspecs import specs
from jx.adapters.local.kubernetes.kinds.workload_rules import not_negative
from jx.adapters.local.kubernetes.types import internal_types
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names
from jx.adapters.local.kubernetes.words.invalid import FieldError

Rule: TypeAlias = Callable[[Obj, Obj | None], Iterator[FieldError]]

_TOTAL: Final = "cannot be greater than status.replicas"
_SYSTEM: Final = frozenset({"PodScheduled", "Ready", "Initialized"})
_UNCOUNTED: Final = "io.k8s.api.batch.v1.UncountedTerminatedPods"


def _status(obj: Obj | None) -> Obj:
    return (obj or {}).get("status") or {}


def _replicated(*keys: str, below: str = "readyReplicas") -> Rule:
    """Numbers of pods: the ones named, and those that may not be more than all, nor available more than ready."""

    def rule(obj: Obj, old: Obj | None) -> Iterator[FieldError]:
        status = _status(obj)
        yield from not_negative(status, "status", *keys)
        total, ready = status.get("replicas") or 0, status.get("readyReplicas") or 0
        for key in keys:
            if key in _PARTS and (status.get(key) or 0) > total:
                yield invalid.invalid(f"status.{key}", status[key], _TOTAL)
        available = status.get("availableReplicas") or 0
        if available > ready:
            yield invalid.invalid("status.availableReplicas", available, f"cannot be greater than {below}")
        yield from _collisions(obj, old)

    return rule


_PARTS: Final = frozenset(
    {"availableReplicas", "currentReplicas", "fullyLabeledReplicas", "readyReplicas", "updatedReplicas"}
)


def _collisions(obj: Obj, old: Obj | None) -> Iterator[FieldError]:
    after, before = (_status(one).get("collisionCount") for one in (obj, old))
    if before is not None and (after or 0) < before:
        yield invalid.invalid("status.collisionCount", after or 0, "cannot be decremented")


def _daemon_set(obj: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from not_negative(
        _status(obj),
        "status",
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    )
    yield from _collisions(obj, old)


def _pod(obj: Obj, old: Obj | None) -> Iterator[FieldError]:
    status, before, spec = _status(obj), _status(old), obj.get("spec") or {}
    for index, condition in enumerate(status.get("conditions") or ()):
        kind = condition.get("type") or ""
        for problem in names.label_key_problems(kind) if kind not in _SYSTEM else ():
            yield invalid.invalid(f"status.conditions[{index}].Type", kind, problem)
    if status.get("qosClass") != before.get("qosClass"):
        yield invalid.invalid("status.qosClass", status.get("qosClass") or "", invalid.IMMUTABLE)
    for key, containers in (("containerStatuses", "containers"), ("initContainerStatuses", "initContainers")):
        yield from _restarts(status.get(key) or [], before.get(key) or [], spec, containers, f"status.{key}")
    for key in ("podIPs", "hostIPs"):
        known = [one.get("ip") for one in before.get(key) or ()]
        addresses = [one.get("ip") or "" for one in status.get(key) or ()]
        if key == "hostIPs" and addresses and (status.get("hostIP") or "") != addresses[0]:
            yield invalid.invalid("status.hostIPs[0].ip", addresses[0], "must be equal to `hostIP`")
        for index, address in enumerate(addresses):
            if address not in known:
                yield from specs.address_mistakes(address, f"status.{key}[{index}]")


def _restarts(
    after: list[Obj], before: list[Obj], spec: Obj, containers: str, path: str
) -> Iterator[FieldError]:
    """A container that has ended stays so, unless its pod starts it again."""
    known = {one.get("name"): one for one in after}
    for index, old in enumerate(before):
        ended = (old.get("state") or {}).get("terminated")
        new = known.get(old.get("name"))
        if ended is None or new is None or (new.get("state") or {}).get("terminated") is not None:
            continue
        own: Obj = next((one for one in spec.get(containers) or () if one.get("name") == old.get("name")), {})
        if not _may_restart(own, spec, ended.get("exitCode") or 0):
            yield invalid.forbidden(
                f"{path}[{index}].state", "may not be transitioned to non-terminated state"
            )


def _may_restart(container: Obj, spec: Obj, code: int) -> bool:
    for rule in container.get("restartPolicyRules") or ():
        codes = rule.get("exitCodes") or {}
        is_listed = code in (codes.get("values") or ())
        if is_listed is (codes.get("operator") == "In"):
            return True
    policy = container.get("restartPolicy") or spec.get("restartPolicy") or ""
    return bool(policy == "Always" or (policy == "OnFailure" and code))


def _is_true(status: Obj, kind: str) -> bool:
    conditions = status.get("conditions") or ()
    return any(one.get("type") == kind and one.get("status") == "True" for one in conditions)


def _plain(path: str, detail: str) -> FieldError:
    return FieldError(path, f"Invalid value: {detail}")


def _job(obj: Obj, old: Obj | None) -> Iterator[FieldError]:
    status, before, spec = _status(obj), _status(old), obj.get("spec") or {}
    yield from not_negative(status, "status", "active", "succeeded", "failed", "ready", "terminating")
    yield from _ends(status, before)
    yield from _finish(status, before, spec)
    yield from _indexes(status, before, spec)
    yield from _contradictions(status, spec)
    yield from _reversals(status, before, spec)


def _differ(status: Obj, before: Obj, *kinds: str) -> bool:
    """Whether some of the conditions, or of the fields, are other than before."""
    return any(
        _is_true(status, kind) != _is_true(before, kind)
        if kind[:1].isupper()
        else status.get(kind) != before.get(kind)
        for kind in kinds
    )


def _ends(status: Obj, before: Obj) -> Iterator[FieldError]:
    is_complete, is_failed = _is_true(status, "Complete"), _is_true(status, "Failed")
    start, end = status.get("startTime"), status.get("completionTime")
    if is_complete and is_failed and _differ(status, before, "Complete", "Failed"):
        yield _plain("status.conditions", "cannot set Complete=True and Failed=true conditions")
    if (
        is_complete
        and _is_true(status, "FailureTarget")
        and _differ(status, before, "Complete", "FailureTarget")
    ):
        yield _plain("status.conditions", "cannot set Complete=True and FailureTarget=true conditions")
    if _differ(status, before, "Complete", "completionTime"):
        if end and not is_complete:
            detail = "cannot set completionTime when there is no Complete=True condition"
            yield invalid.invalid("status.completionTime", end, detail)
        if is_complete and not end:
            yield invalid.required("status.completionTime", "completionTime is required for Complete jobs")
    if start and end and end < start and _differ(status, before, "startTime", "completionTime"):
        yield invalid.invalid("status.completionTime", end, "must be equal to or after `startTime`")
    if (
        is_failed
        and not _is_true(status, "FailureTarget")
        and _differ(status, before, "Failed", "failedIndexes")
    ):
        detail = "cannot set Failed=True condition without the FailureTarget=true condition"
        yield _plain("status.conditions", detail)
    is_met = _is_true(status, "SuccessCriteriaMet")
    if is_complete and not is_met and _differ(status, before, "Complete", "SuccessCriteriaMet"):
        detail = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
        yield _plain("status.conditions", detail)


def _finish(status: Obj, before: Obj, spec: Obj) -> Iterator[FieldError]:
    is_finished = _is_true(status, "Complete") or _is_true(status, "Failed")
    if not is_finished:
        return
    was_finished = _is_true(before, "Complete") or _is_true(before, "Failed")
    active, terminating = status.get("active") or 0, status.get("terminating") or 0
    uncounted = status.get("uncountedTerminatedPods") or {}
    if active and (not was_finished or _differ(status, before, "active")):
        yield invalid.invalid("status.active", active, "active>0 is invalid for finished job")
    needs_start = not (spec.get("suspend") and spec.get("completions") == 0)
    if (
        not status.get("startTime")
        and needs_start
        and (not was_finished or _differ(status, before, "startTime"))
    ):
        yield invalid.required("status.startTime", "startTime is required for finished job")
    if any(uncounted.values()) and (not was_finished or _differ(status, before, "uncountedTerminatedPods")):
        shown = internal_types.printed(uncounted, _UNCOUNTED)
        yield invalid.invalid("status.uncountedTerminatedPods", shown, "must be empty for finished job")
    if terminating and (not was_finished or _differ(status, before, "terminating")):
        yield invalid.invalid("status.terminating", terminating, "terminating>0 is invalid for finished job")


def _indexes(status: Obj, before: Obj, spec: Obj) -> Iterator[FieldError]:
    completions = spec.get("completions")
    for key in ("completedIndexes", "failedIndexes"):
        value = status.get(key)
        if value is None or completions is None or not _differ(status, before, key):
            continue
        try:
            job_rules.count_indexes(value, completions)
        except ValueError as error:
            yield invalid.invalid(f"status.{key}", value, f"error parsing {key}: {error}")
    completed, failed = (
        status.get(key) if _differ(status, before, key) else None
        for key in ("completedIndexes", "failedIndexes")
    )
    if completed and spec.get("completionMode") != "Indexed":
        detail = "cannot set non-empty completedIndexes when non-indexed completion mode"
        yield invalid.invalid("status.completedIndexes", completed, detail)
    if failed is not None and spec.get("backoffLimitPerIndex") is None:
        detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        yield invalid.invalid("status.failedIndexes", failed, detail)


def _contradictions(status: Obj, spec: Obj) -> Iterator[FieldError]:
    ready, active = status.get("ready") or 0, status.get("active") or 0
    if ready > active:
        yield invalid.invalid("status.ready", ready, "cannot set more ready pods than active")
    is_met = _is_true(status, "SuccessCriteriaMet")
    for kind, shown in (("Failed", "Failed"), ("FailureTarget", "FailureTarget")):
        if is_met and _is_true(status, kind):
            detail = f"cannot set SuccessCriteriaMet=True and {shown}=true conditions"
            yield _plain("status.conditions", detail)
    if spec.get("successPolicy") is not None and not is_met and _is_true(status, "Complete"):
        detail = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"
        yield _plain("status.conditions", detail)


def _reversals(status: Obj, before: Obj, spec: Obj) -> Iterator[FieldError]:
    for kind in ("Failed", "Complete", "FailureTarget"):
        if _is_true(before, kind) and not _is_true(status, kind):
            yield _plain("status.conditions", f"cannot disable the terminal {kind}=True condition")
    if (status.get("failed") or 0) < (before.get("failed") or 0):
        yield invalid.invalid(
            "status.failed", status.get("failed") or 0, "cannot decrease the failed counter"
        )
    may_shrink = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get(
        "parallelism"
    )
    if (status.get("succeeded") or 0) < (before.get("succeeded") or 0) and not may_shrink:
        detail = "cannot decrease the succeeded counter"
        yield invalid.invalid("status.succeeded", status.get("succeeded") or 0, detail)
    end, old_end = status.get("completionTime"), before.get("completionTime")
    if end and old_end and end != old_end:
        yield invalid.invalid("status.completionTime", end, invalid.IMMUTABLE)
    start, old_start = status.get("startTime"), before.get("startTime")
    is_resuming = _is_true(before, "Suspended") and not _is_true(status, "Suspended")
    if old_start and start != old_start and not spec.get("suspend") and not is_resuming:
        detail = "field is immutable for unsuspended job once set"
        yield invalid.invalid("status.startTime", start, detail)
    if _is_true(before, "SuccessCriteriaMet") and not _is_true(status, "SuccessCriteriaMet"):
        yield _plain("status.conditions", "cannot disable the SuccessCriteriaMet=True condition")


RULES: Final[Mapping[tuple[str, str], Rule]] = MappingProxyType(
    {
        ("", "Pod"): _pod,
        ("", "ReplicationController"): _replicated(
            "replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration"
        ),
        ("apps", "DaemonSet"): _daemon_set,
        ("apps", "Deployment"): _replicated(
            "observedGeneration",
            "replicas",
            "updatedReplicas",
            "readyReplicas",
            "availableReplicas",
            "unavailableReplicas",
            "terminatingReplicas",
            "collisionCount",
        ),
        ("apps", "ReplicaSet"): _replicated(
            "replicas",
            "fullyLabeledReplicas",
            "readyReplicas",
            "availableReplicas",
            "observedGeneration",
            "terminatingReplicas",
        ),
        ("apps", "StatefulSet"): _replicated(
            "replicas",
            "readyReplicas",
            "currentReplicas",
            "updatedReplicas",
            "availableReplicas",
            "observedGeneration",
            "collisionCount",
            below="status.readyReplicas",
        ),
        ("batch", "Job"): _job,
    }
)
"""By group and kind."""
