"""What the columns of pods show: one word for how a pod is, made of the states of all its containers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.views.shown import NONE, age, age_of, spec_of, status_of

_GATED = "SchedulingGated"
_OVER = {
    "Succeeded": "The pod has completed successfully.",
    "Failed": "The pod failed.",
}


@dataclass
class _Look:
    """What is known of a pod while its containers are looked at."""

    reason: str
    ready: int = 0
    restarts: int = 0
    ends: list[str] = field(default_factory=list)


def pod(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    look = _look(obj)
    gates = spec.get("readinessGates") or ()
    passed = {one["type"] for one in status.get("conditions") or () if one.get("status") == "True"}
    shown_gates = f"{sum(gate['conditionType'] in passed for gate in gates)}/{len(gates)}" if gates else NONE
    total = len(spec.get("containers") or ()) + len(_sidecars(spec))
    last = max(look.ends, default="")
    return [
        f"{look.ready}/{total}",
        look.reason,
        f"{look.restarts} ({age(last, now)} ago)" if look.restarts and last else str(look.restarts),
        age_of(obj, now),
        status.get("podIP") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        shown_gates,
    ]


def conditions(obj: Obj) -> list[Obj]:
    """What a row says of a pod that is over."""
    phase = status_of(obj).get("phase") or ""
    if phase not in _OVER:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": _OVER[phase]}]


def pod_reason(obj: Obj) -> str:
    """The word that tells how a pod is."""
    return _look(obj).reason


def _look(obj: Obj) -> _Look:
    spec, status = spec_of(obj), status_of(obj)
    look = _Look(str(status.get("reason") or status.get("phase") or ""))
    held = status.get("conditions") or ()
    if any(one["type"] == "PodScheduled" and one.get("reason") == _GATED for one in held):
        look.reason = _GATED
    starting = _starting(look, spec, status)
    if not starting or _is_true(held, "Initialized"):
        sidecars = [
            one for one in status.get("initContainerStatuses") or () if one.get("name") in _sidecars(spec)
        ]
        look.restarts, look.ends = 0, []
        _count(look, sidecars)
        _running(look, status)
    if "deletionTimestamp" in obj["metadata"]:
        if status.get("reason") == "NodeLost":
            look.reason = "Unknown"
        elif status.get("phase") not in _OVER:
            look.reason = "Terminating"
    return look


def _sidecars(spec: Obj) -> set[str]:
    return {one["name"] for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"}


def _is_true(conditions: Iterable[Obj], kind: str) -> bool:
    return any(one["type"] == kind and one.get("status") == "True" for one in conditions)


def _count(look: _Look, states: Iterable[Obj]) -> None:
    for one in states:
        look.restarts += one.get("restartCount", 0)
        ended = (one.get("lastState") or {}).get("terminated") or {}
        if ended.get("finishedAt"):
            look.ends.append(ended["finishedAt"])


def _starting(look: _Look, spec: Obj, status: Obj) -> bool:
    """Whether init containers still run; their reason then."""
    total, sidecars = len(spec.get("initContainers") or ()), _sidecars(spec)
    for index, one in enumerate(status.get("initContainerStatuses") or ()):
        _count(look, [one])
        state = one.get("state") or {}
        ended, waiting = state.get("terminated"), (state.get("waiting") or {}).get("reason") or ""
        if ended is not None and not ended.get("exitCode"):
            continue
        if one.get("name") in sidecars and one.get("started"):
            look.ready += bool(one.get("ready"))
            continue
        if ended is not None:
            look.reason = f"Init:{ended.get('reason') or _exit(ended)}"
        elif waiting and waiting != "PodInitializing":
            look.reason = f"Init:{waiting}"
        else:
            look.reason = f"Init:{index}/{total}"
        return True
    return False


def _running(look: _Look, status: Obj) -> None:
    runs, failure = False, ""
    for one in reversed(status.get("containerStatuses") or ()):
        _count(look, [one])
        state = one.get("state") or {}
        ended = state.get("terminated")
        if why := (state.get("waiting") or {}).get("reason"):
            look.reason = why
        elif ended is not None:
            look.reason = ended.get("reason") or _exit(ended)
            failure = look.reason if ended.get("exitCode") else failure
        elif one.get("ready") and state.get("running") is not None:
            runs = True
            look.ready += 1
    if look.reason != "Completed":
        return
    if runs and _is_true(status.get("conditions") or (), "Ready"):
        look.reason = "Running"
    elif failure or runs:
        look.reason = failure or "NotReady"


def _exit(ended: Obj) -> str:
    if signal := ended.get("signal"):
        return f"Signal:{signal}"
    return f"ExitCode:{ended.get('exitCode', 0)}"
