"""Pods whose images no node has: they are played, with the states, conditions and events that real ones would show."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from jx.adapters.local.kubernetes.api import WatchEvent
from jx.adapters.local.kubernetes.controllers import environment, objects, podstatus
from jx.adapters.local.kubernetes.controllers.cluster import CONFIG_MAPS, PODS, SECRETS, Cluster, Place, which
from jx.adapters.local.kubernetes.controllers.events import Recorder
from jx.adapters.local.kubernetes.controllers.podstatus import ContainerState
from jx.adapters.local.kubernetes.types.facts import Obj

FAIL = "local.jenkins-x.io/fail"
READY_AFTER = "local.jenkins-x.io/ready-after-seconds"

Failure: TypeAlias = Literal["image-pull", "crash-loop", "never-ready", "job-failed"]
FAILURES: tuple[Failure, ...] = get_args(Failure)


@dataclass(frozen=True)
class PlaySettings:
    """How played pods behave."""

    ready_after_seconds: float = 0.2
    """From the node's taking the pod to its being ready; half of it passes before it runs."""
    failures: Mapping[str, Failure] = field(default_factory=dict)
    """Patterns of images (`*` stands for anything) and how their pods fail; a pod's annotation goes before."""
    first_restart_seconds: float = 1.0
    longest_restart_seconds: float = 300.0

    @classmethod
    def parse(cls, ready_after_seconds: float, failures: Iterable[str]) -> PlaySettings:
        """Settings as a command line gives them, with failures as IMAGE=HOW; ValueError for what is none."""
        found: dict[str, Failure] = {}
        for text in failures:
            image, _, how = text.rpartition("=")
            known = next((failure for failure in FAILURES if failure == how), None)
            if not image or known is None:
                raise ValueError(f"--fail {text}: must be IMAGE=HOW, HOW one of {', '.join(FAILURES)}")
            found[image] = known
        if ready_after_seconds < 0:
            raise ValueError(
                f"--ready-after-seconds {ready_after_seconds:g}: no pod is ready before it is there"
            )
        return cls(ready_after_seconds, found)


@dataclass
class _Performance:
    """What is remembered of a played pod while the daemon lives: which scene it is in and when the next one is due."""

    scene: int = 0
    due: float = 0.0
    restarts: int = 0


class Play:
    """Plays one pod. `is_real` tells which pods a node runs for real: those are left alone."""

    name = "play"

    def __init__(
        self,
        cluster: Cluster,
        settings: PlaySettings,
        *,
        node: str,
        is_real: Callable[[Obj], bool] = lambda _pod: False,
        allocate_ip: Callable[[], str],
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._node = node
        self._is_real = is_real
        self._allocate_ip = allocate_ip
        self._recorder = Recorder(cluster, "kubelet")
        self._performances: dict[str, _Performance] = {}

    def keys(self, event: WatchEvent) -> Iterable[Place]:
        kind = which(event)
        if kind == PODS:
            if event.type == "DELETED":
                self._performances.pop(objects.uid_of(event.obj), None)
            elif event.obj["spec"].get("nodeName") == self._node:
                yield (objects.namespace_of(event.obj), objects.name_of(event.obj))
        elif kind in (CONFIG_MAPS, SECRETS):
            for pod in self._cluster.cache.all(PODS, objects.namespace_of(event.obj)):
                if objects.status_of(pod).get("phase") == "Pending":
                    yield (objects.namespace_of(pod), objects.name_of(pod))

    def reconcile(self, namespace: str, name: str) -> float | None:
        pod = self._cluster.cache.get(PODS, namespace, name)
        if pod is None or pod["spec"].get("nodeName") != self._node or self._is_real(pod):
            return None
        if objects.is_deleting(pod):
            self._recorder.normal(pod, "Killing", "Stopping container " + _names(pod)[0])
            self._cluster.delete(PODS, pod, grace_seconds=0)
            return None
        if objects.status_of(pod).get("phase") in objects.TERMINAL_PHASES:
            return None
        performance = self._performances.setdefault(objects.uid_of(pod), _Performance())
        wait = performance.due - time.monotonic()
        if wait > 0:
            return wait
        return self._act(pod, performance)

    def _act(self, pod: Obj, performance: _Performance) -> float | None:
        failure = self._failure(pod)
        missing = self._missing(pod)
        if missing is not None:
            self._show(pod, missing, ip=missing.reason != "ContainerCreating")
            return None
        if performance.scene == 0:
            self._enter(pod)
            return self._next(performance, self._ready_after(pod) / 2)
        if failure == "image-pull":
            return self._fail_pull(pod, performance)
        if performance.scene == 1:
            self._start(pod)
            return self._next(performance, self._ready_after(pod) / 2)
        if failure in ("crash-loop", "job-failed"):
            return self._crash(pod, performance)
        if failure == "never-ready":
            self._recorder.warning(pod, "Unhealthy", "Readiness probe failed: played to fail")
            return None
        if pod["spec"].get("restartPolicy", "Always") != "Always":
            self._show(pod, _Scene(self._terminated(pod, 0)))
        elif not objects.is_ready(pod):
            self._show(pod, _Scene(podstatus.running(self._started(pod)), ready=True))
        return None

    def _next(self, performance: _Performance, seconds: float) -> float:
        performance.scene += 1
        performance.due = time.monotonic() + seconds
        return seconds

    def _ready_after(self, pod: Obj) -> float:
        text = objects.annotations_of(pod).get(READY_AFTER, "")
        try:
            return max(0.0, float(text))
        except ValueError:
            return self._settings.ready_after_seconds

    def _failure(self, pod: Obj) -> Failure | None:
        wanted = objects.annotations_of(pod).get(FAIL)
        for failure in FAILURES:
            if failure == wanted:
                return failure
        for container in pod["spec"]["containers"]:
            for pattern, failure in self._settings.failures.items():
                if fnmatch.fnmatchcase(container["image"], pattern):
                    return failure
        return None

    def _find(self, pod: Obj) -> environment.FindConfig:
        kinds = {"configmap": CONFIG_MAPS, "secret": SECRETS}
        return lambda kind, name: self._cluster.cache.get(kinds[kind], objects.namespace_of(pod), name)

    def _missing(self, pod: Obj) -> _Scene | None:
        if objects.status_of(pod).get("phase") == "Running":
            return None
        find = self._find(pod)
        volume = environment.missing_volume(pod, find)
        if volume is not None:
            text = f'MountVolume.SetUp failed for volume "{volume[0]}" : {volume[1]}'
            self._recorder.warning(pod, "FailedMount", text)
            return _Scene(podstatus.waiting("ContainerCreating"), reason="ContainerCreating")
        for container in pod["spec"]["containers"]:
            try:
                environment.environment_of(container, pod, find, ip="")
            except environment.MissingReference as error:
                self._recorder.warning(pod, "Failed", f"Error: {error}")
                return _Scene(podstatus.waiting("CreateContainerConfigError", str(error)), reason="Config")
        return None

    def _enter(self, pod: Obj) -> None:
        if objects.status_of(pod).get("phase", "Pending") == "Pending":
            self._show(pod, _Scene(podstatus.waiting("ContainerCreating")), ip=False)

    def _start(self, pod: Obj) -> None:
        if objects.status_of(pod).get("phase") == "Running":
            return
        for container in pod["spec"]["containers"]:
            name, image = container["name"], container["image"]
            field = f"spec.containers{{{name}}}"
            self._recorder.normal(pod, "Pulled", f'Successfully pulled image "{image}"', field=field)
            self._recorder.normal(pod, "Created", f"Created container: {name}", field=field)
            self._recorder.normal(pod, "Started", f"Started container {name}", field=field)
        probed = any("readinessProbe" in each for each in pod["spec"]["containers"])
        held_back = probed or self._failure(pod) is not None
        self._show(pod, _Scene(podstatus.running(self._cluster.timestamp()), ready=not held_back))

    def _fail_pull(self, pod: Obj, performance: _Performance) -> float | None:
        image = pod["spec"]["containers"][0]["image"]
        text = f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": not found'
        if performance.scene == 1:
            self._recorder.warning(pod, "Failed", f'Failed to pull image "{image}": {text}')
            self._show(pod, _Scene(podstatus.waiting("ErrImagePull", text)))
            return self._next(performance, self._ready_after(pod))
        self._recorder.normal(pod, "BackOff", f'Back-off pulling image "{image}"')
        self._show(
            pod, _Scene(podstatus.waiting("ImagePullBackOff", f'Back-off pulling image "{image}": {text}'))
        )
        return None

    def _crash(self, pod: Obj, performance: _Performance) -> float | None:
        ended = self._terminated(pod, 1)
        if pod["spec"].get("restartPolicy", "Always") == "Never":
            self._show(pod, _Scene(ended))
            return None
        settings = self._settings
        longest, first = settings.longest_restart_seconds, settings.first_restart_seconds
        patience = min(first * 2.0 ** min(performance.restarts, 16), longest)
        performance.restarts += 1
        container = pod["spec"]["containers"][0]["name"]
        text = f"Back-off restarting failed container {container} in pod {objects.name_of(pod)}"
        self._recorder.warning(pod, "BackOff", text)
        state = podstatus.waiting("CrashLoopBackOff", text)
        self._show(pod, _Scene(state, last=ended, restarts=performance.restarts))
        performance.due = time.monotonic() + patience
        return patience

    def _started(self, pod: Obj) -> str:
        for status in objects.status_of(pod).get("containerStatuses") or []:
            if "running" in (status.get("state") or {}):
                return str(status["state"]["running"]["startedAt"])
        return self._cluster.timestamp()

    def _terminated(self, pod: Obj, exit_code: int) -> Obj:
        return podstatus.terminated(
            exit_code,
            started_at=self._started(pod),
            finished_at=self._cluster.timestamp(),
            run=objects.uid_of(pod),
        )

    def _show(self, pod: Obj, scene: _Scene, *, ip: bool = True) -> None:
        address = objects.status_of(pod).get("podIP") or (self._allocate_ip() if ip else "")
        run = "" if "waiting" in scene.state and not scene.last else objects.uid_of(pod)
        mains = [
            ContainerState(
                name=container["name"],
                image=container["image"],
                state=scene.state,
                last=scene.last,
                ready=scene.ready,
                started="running" in scene.state,
                restarts=scene.restarts,
                run=f"{run}/{container['name']}" if run else "",
            )
            for container in pod["spec"]["containers"]
        ]
        init = [
            self._init_state(pod, each, done=bool(run)) for each in pod["spec"].get("initContainers") or []
        ]
        status = podstatus.status_of(pod, init, mains, ip=address, now=self._cluster.now())
        self._cluster.set_status(PODS, pod, status)

    def _init_state(self, pod: Obj, container: Obj, *, done: bool) -> ContainerState:
        sidecar = container.get("restartPolicy") == "Always"
        state = podstatus.waiting("PodInitializing")
        if done:
            state = podstatus.running(self._started(pod)) if sidecar else self._terminated(pod, 0)
        run = f"{objects.uid_of(pod)}/{container['name']}" if done else ""
        known = objects.status_of(pod).get("initContainerStatuses") or []
        before = next((each for each in known if each["name"] == container["name"]), None)
        if done and before is not None and "terminated" in (before.get("state") or {}):
            state = before["state"]
        return ContainerState(
            container["name"],
            container["image"],
            state,
            ready=done,
            started=done and sidecar,
            run=run,
            sidecar=sidecar,
        )


@dataclass(frozen=True)
class _Scene:
    """What the containers of a played pod do at one moment."""

    state: Obj
    last: Obj = field(default_factory=dict)
    ready: bool = False
    restarts: int = 0
    reason: str = ""


def _names(pod: Obj) -> list[str]:
    return [container["name"] for container in pod["spec"]["containers"]]
