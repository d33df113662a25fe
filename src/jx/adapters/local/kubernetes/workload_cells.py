"""What the columns of pods and of what makes pods show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from jx.adapters.local.kubernetes.facts import Obj
from jx.adapters.local.kubernetes.shown import (
    NONE,
    age,
    age_of,
    images_of,
    labels_text,
    selector_text,
    spec_of,
    status_of,
)


def pod(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    states = status.get("containerStatuses") or ()
    ready = sum(bool(one.get("ready")) for one in states)
    restarts = sum(one.get("restartCount", 0) for one in states)
    gates = spec.get("readinessGates") or ()
    passed = {one["type"] for one in status.get("conditions") or () if one.get("status") == "True"}
    shown_gates = f"{sum(gate['conditionType'] in passed for gate in gates)}/{len(gates)}" if gates else NONE
    return [
        f"{ready}/{len(spec.get('containers') or ())}",
        pod_reason(obj),
        _restarts(restarts, states, now),
        age_of(obj, now),
        status.get("podIP") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        shown_gates,
    ]


def _restarts(count: int, states: Sequence[Obj], now: datetime) -> str:
    ends = [((one.get("lastState") or {}).get("terminated") or {}).get("finishedAt") for one in states]
    last = max((end for end in ends if end), default="")
    return f"{count} ({age(last, now)} ago)" if count and last else str(count)


def pod_reason(pod: Obj) -> str:
    """The word that tells how a pod is."""
    status = status_of(pod)
    reason = status.get("reason") or status.get("phase") or ""
    starting = _initial_reason(pod)
    reason = starting or _running_reason(status, str(reason))
    if "deletionTimestamp" in pod["metadata"]:
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return str(reason)


def _initial_reason(pod: Obj) -> str:
    """The word while init containers run; "" once they are through."""
    status = status_of(pod)
    total = len(spec_of(pod).get("initContainers") or ())
    for index, one in enumerate(status.get("initContainerStatuses") or ()):
        state = one.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting") or {}
        if (ended and ended.get("exitCode", 0) == 0) or one.get("started"):
            continue
        if ended:
            return f"Init:{ended.get('reason') or _exit(ended)}"
        if waiting.get("reason") and waiting["reason"] != "PodInitializing":
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{total}"
    return ""


def _running_reason(status: Obj, reason: str) -> str:
    running = False
    for one in reversed(status.get("containerStatuses") or ()):
        state = one.get("state") or {}
        if why := (state.get("waiting") or {}).get("reason"):
            reason = why
        elif ended := state.get("terminated"):
            reason = ended.get("reason") or _exit(ended)
        elif one.get("ready") and state.get("running"):
            running = True
    if reason == "Completed" and running:
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
        return "Running" if ready else "NotReady"
    return reason


def _exit(ended: Obj) -> str:
    if signal := ended.get("signal"):
        return f"Signal:{signal}"
    return f"ExitCode:{ended.get('exitCode', 0)}"


def deployment(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    return [
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        age_of(obj, now),
        *images_of(spec.get("template") or {}),
        selector_text(spec.get("selector")),
    ]


def replica_set(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    counts = [spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    selector = spec.get("selector")
    shown = labels_text(selector) if obj["kind"] == "ReplicationController" else selector_text(selector)
    return [*counts, age_of(obj, now), *images_of(spec.get("template") or {}), shown]


def stateful_set(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    return [ready, age_of(obj, now), *images_of(spec.get("template") or {})]


def daemon_set(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    template = spec.get("template") or {}
    return [
        *(status.get(name, 0) for name in names),
        labels_text(spec_of(template).get("nodeSelector")),
        age_of(obj, now),
        *images_of(template),
        selector_text(spec.get("selector")),
    ]


def job(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    done, wanted = status.get("succeeded", 0), spec.get("completions")
    parallel = spec.get("parallelism") or 0
    shown = (
        f"{done}/{wanted}"
        if wanted is not None
        else f"{done}/1 of {parallel}"
        if parallel > 1
        else f"{done}/1"
    )
    start, end = status.get("startTime"), status.get("completionTime")
    took = "" if not start else age(start, datetime.fromisoformat(end.replace("Z", "+00:00")) if end else now)
    return [
        _job_state(obj),
        shown,
        took,
        age_of(obj, now),
        *images_of(spec.get("template") or {}),
        selector_text(spec.get("selector")),
    ]


def _job_state(obj: Obj) -> str:
    held = {one["type"] for one in status_of(obj).get("conditions") or () if one.get("status") == "True"}
    for condition, word in (
        ("Complete", "Complete"),
        ("Failed", "Failed"),
        ("Suspended", "Suspended"),
        ("FailureTarget", "FailureTarget"),
        ("SuccessCriteriaMet", "SuccessCriteriaMet"),
    ):
        if condition in held:
            return word
    return "Terminating" if "deletionTimestamp" in obj["metadata"] else "Running"


def cron_job(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    last = status.get("lastScheduleTime")
    template = spec_of(spec.get("jobTemplate") or {}).get("template") or {}
    return [
        spec.get("schedule", ""),
        spec.get("timeZone") or NONE,
        "True" if spec.get("suspend") else "False",
        len(status.get("active") or ()),
        age(last, now) if last else NONE,
        age_of(obj, now),
        *images_of(template),
        NONE,
    ]
