"""The status of a pod from what its containers do, as a kubelet puts it together; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.types.facts import Obj


@dataclass(frozen=True)
class ContainerState:
    """What one container does: `state` and `last` hold one of waiting, running, terminated."""

    name: str
    image: str
    state: Obj
    last: Obj = field(default_factory=dict)
    ready: bool = False
    started: bool = False
    restarts: int = 0
    run: str = ""
    """Tells one run of the container from the next; empty before the first."""
    sidecar: bool = False
    """An init container that goes on running beside the main ones."""

    @property
    def exit_code(self) -> int | None:
        """Of the run that is over, if the container does not run now."""
        if "running" in self.state:
            return None
        ended = self.state.get("terminated") or self.last.get("terminated")
        return None if ended is None else int(ended["exitCode"])

    @property
    def initialized(self) -> bool:
        """Whether, as an init container, it lets the next one begin."""
        if self.sidecar:
            return self.started
        return "terminated" in self.state and self.exit_code == 0

    def as_status(self) -> Obj:
        status: Obj = {
            "name": self.name,
            "state": self.state,
            "lastState": self.last,
            "ready": self.ready,
            "restartCount": self.restarts,
            "image": self.image,
            "imageID": image_id(self.image) if self.run else "",
            "started": self.started,
        }
        return {**status, "containerID": f"jx://{self.run}"} if self.run else status


def image_id(image: str) -> str:
    return f"{image.partition('@')[0]}@sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def waiting(reason: str, message: str = "") -> Obj:
    return {"waiting": {"reason": reason, "message": message} if message else {"reason": reason}}


def running(started_at: str) -> Obj:
    return {"running": {"startedAt": started_at}}


def terminated(exit_code: int, *, started_at: str, finished_at: str, run: str, message: str = "") -> Obj:
    """The end of a run; an exit code above 128 tells the signal."""
    ended: Obj = {
        "exitCode": exit_code,
        "reason": "Completed" if exit_code == 0 else "Error",
        "startedAt": started_at,
        "finishedAt": finished_at,
        "containerID": f"jx://{run}",
    }
    if message:
        ended["message"] = message
    return {"terminated": ended}


def phase_of(pod: Obj, init: Sequence[ContainerState], mains: Sequence[ContainerState]) -> str:
    policy = pod["spec"].get("restartPolicy", "Always")
    if any(not each.initialized for each in init):
        failed = any(each.exit_code not in (None, 0) for each in init)
        return "Failed" if failed and policy == "Never" else "Pending"
    never_ran = [each for each in mains if "waiting" in each.state and each.exit_code is None]
    if never_ran:
        return "Pending"
    if any("running" in each.state for each in mains) or policy == "Always":
        return "Running"
    if all(each.exit_code == 0 for each in mains):
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def status_of(
    pod: Obj, init: Sequence[ContainerState], mains: Sequence[ContainerState], *, ip: str, now: float
) -> Obj:
    """The whole status of a pod that is bound to a node; an empty `ip` where it has none yet."""
    stamp = objects.timestamp(now)
    before = objects.status_of(pod)
    phase = phase_of(pod, init, mains)
    conditions: list[Obj] = before.get("conditions") or []
    for condition in _conditions(pod, phase, init, mains, has_ip=bool(ip)):
        conditions = _settled(conditions, condition, stamp)
    status: Obj = {
        **{key: before[key] for key in ("qosClass", "nominatedNodeName", "resize") if key in before},
        "phase": phase,
        "conditions": conditions,
        "hostIP": "127.0.0.1",
        "hostIPs": [{"ip": "127.0.0.1"}],
        "startTime": before.get("startTime", stamp),
        "containerStatuses": [each.as_status() for each in mains],
    }
    if "observedGeneration" in before:
        status["observedGeneration"] = before["observedGeneration"]
    if init:
        status["initContainerStatuses"] = [each.as_status() for each in init]
    if ip:
        status.update(podIP=ip, podIPs=[{"ip": ip}])
    return status


def _conditions(
    pod: Obj, phase: str, init: Sequence[ContainerState], mains: Sequence[ContainerState], *, has_ip: bool
) -> list[Obj]:
    over = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase)
    unfinished = [each.name for each in init if not each.initialized]
    unready = [each.name for each in mains if not each.ready]
    initialized: Obj = {"type": "Initialized", "status": "True"}
    if unfinished:
        initialized.update(
            status="False",
            reason="ContainersNotInitialized",
            message=f"containers with incomplete status: [{' '.join(unfinished)}]",
        )
    elif phase == "Succeeded":
        initialized["reason"] = "PodCompleted"
    ready: Obj = {"status": "True"}
    if over:
        ready = {"status": "False", "reason": over}
    elif unready:
        message = f"containers with unready status: [{' '.join(unready)}]"
        ready = {"status": "False", "reason": "ContainersNotReady", "message": message}
    scheduled = {"type": "PodScheduled", "status": "True"}
    sandbox = {"type": "PodReadyToStartContainers", "status": str(has_ip and not over)}
    whole = ready if ready["status"] == "False" else _gates(pod)
    return [
        sandbox,
        initialized,
        {"type": "Ready", **whole},
        {"type": "ContainersReady", **ready},
        scheduled,
    ]


def _gates(pod: Obj) -> Obj:
    closed = [
        gate["conditionType"]
        for gate in pod["spec"].get("readinessGates") or []
        if not objects.has_condition(pod, gate["conditionType"])
    ]
    if not closed:
        return {"status": "True"}
    message = f'corresponding condition of pod readiness gate "{closed[0]}" does not exist.'
    return {"status": "False", "reason": "ReadinessGatesNotReady", "message": message}


def _settled(conditions: list[Obj], new: Obj, now: str) -> list[Obj]:
    """With this condition; one that says the same stays as it is, with its times."""
    old = next((each for each in conditions if each["type"] == new["type"]), None)
    if old is not None and all(old.get(key) == new.get(key) for key in ("status", "reason", "message")):
        return conditions
    return objects.with_condition(conditions, {"lastProbeTime": None, **new}, now)
