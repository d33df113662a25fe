"""One pod that runs for real: from its spec to processes, and from processes to its status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from jx.adapters.local.kubernetes.controllers import environment, objects, podstatus
from jx.adapters.local.kubernetes.controllers.events import Recorder
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.node.containers import Container, Launch, Patience
from jx.adapters.local.node.folders import Account, PodFolder
from jx.adapters.local.node.images import Images, parse_reference
from jx.adapters.local.node.probes import Surroundings
from jx.adapters.local.node.processes import Process
from jx.adapters.local.node.veils import Veil

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONFIG_AGAIN_SECONDS = 10.0
LOG_CHECK_SECONDS = 10.0


@dataclass(frozen=True)
class Settings:
    """How the node runs pods."""

    patience: Patience = field(default_factory=Patience)
    server: tuple[str, int] = ("127.0.0.1", 443)
    """Host and port of the API server, as pods are told."""
    stop_seconds: float = 10.0
    """How long all pods together may take to end when the node stops."""
    hidden: tuple[Path, ...] = ()
    """What steps of pipelines may not see."""
    guarded: tuple[Path, ...] = ()
    """What they may not change."""


@dataclass(frozen=True)
class Tools:
    """What all pods of a node share."""

    images: Images
    recorder: Recorder
    settings: Settings
    find_config: Callable[[str, str, str], Obj | None]
    """Kind ("configmap" or "secret"), namespace and name."""
    account_of: Callable[[Obj], Account | None]
    claim_folder: Callable[[Obj, str], Path]
    """Where the claim of that name is kept, for a pod that names it."""
    find_veil: Callable[[], Veil]


class Pod:
    """Owned by the node's loop. `on_change` may be called from any thread, whenever there is something to look at."""

    def __init__(
        self, pod: Obj, folder: PodFolder, ip: str, tools: Tools, on_change: Callable[[], None]
    ) -> None:
        self.ip = ip
        self.folder = folder
        self._tools = tools
        policy = pod["spec"].get("restartPolicy", "Always")
        self._init = [
            self._container(each, _init_policy(each, policy), on_change, is_init=True)
            for each in pod["spec"].get("initContainers") or []
        ]
        self._mains = [
            self._container(each, policy, on_change, is_init=False) for each in pod["spec"]["containers"]
        ]
        statuses = objects.status_of(pod)
        known = {
            each["name"]: each
            for key in ("initContainerStatuses", "containerStatuses")
            for each in statuses.get(key) or []
        }
        for container in self._every():
            if container.name in known:
                container.resume(known[container.name])

    def _container(
        self, spec: Obj, policy: str, on_change: Callable[[], None], *, is_init: bool
    ) -> Container:
        patience = self._tools.settings.patience
        return Container(
            spec, self.folder, patience=patience, policy=policy, is_init=is_init, on_change=on_change
        )

    def _every(self) -> list[Container]:
        return [*self._init, *self._mains]

    def processes(self) -> list[Process]:
        return [process for each in self._every() if (process := each.process())]

    def status(self, pod: Obj, now: float) -> Obj:
        init, mains = [each.state() for each in self._init], [each.state() for each in self._mains]
        return podstatus.status_of(pod, init, mains, ip=self.ip, now=now)

    def tend(self, pod: Obj) -> float | None:
        """Start, restart and check what is due; gives the seconds until something is due again."""
        self._report_ends(pod)
        find = self._find(pod)
        if not self.processes() and (missing := environment.missing_volume(pod, find)):
            text = f'MountVolume.SetUp failed for volume "{missing[0]}" : {missing[1]}'
            news = [each.hold("ContainerCreating", text) for each in self._every()]
            if any(news):
                self._tools.recorder.warning(pod, "FailedMount", text)
            return None
        self._furnish(pod, find)
        waits = []
        for container in self._init:
            waits.append(self._advance(pod, container))
            if not container.state().initialized:
                for main in self._mains:
                    main.hold("PodInitializing")
                break
        else:
            waits += [self._advance(pod, container) for container in self._mains]
            if not any(each.is_running or each.wants_start for each in self._mains):
                waits += [each.terminate(_grace(pod)) for each in self._init]
        return min((wait for wait in waits if wait is not None), default=None)

    def terminate(self, pod: Obj | None, grace_seconds: float) -> float | None:
        """End all containers: the seconds until the next step; None once all have ended."""
        for container in self._every():
            if pod is not None and container.is_running and not container.is_terminating:
                self._tools.recorder.normal(pod, "Killing", f"Stopping container {container.name}")
        waits = [container.terminate(grace_seconds) for container in self._every()]
        return min((wait for wait in waits if wait is not None), default=None)

    def _find(self, pod: Obj) -> environment.FindConfig:
        namespace = objects.namespace_of(pod)
        return lambda kind, name: self._tools.find_config(kind, namespace, name)

    def _furnish(self, pod: Obj, find: environment.FindConfig) -> None:
        account = self._tools.account_of(pod)
        self.folder.make()
        if account is not None:
            self.folder.write_account(account)
        self.folder.link_claims(pod, lambda name: self._tools.claim_folder(pod, name))
        self.folder.write_volumes(pod, find, ip=self.ip, account=account)
        for container in self._to_mount():
            self.folder.mount(container.spec)
        for container in self._every():
            self.folder.cap_log(container.name)

    def _to_mount(self) -> list[Container]:
        return self._every()

    def _report_ends(self, pod: Obj) -> None:
        for container in self._every():
            code = container.reap()
            if code and container.wants_start:
                text = f"Back-off restarting failed container {container.name} in pod {objects.name_of(pod)}"
                self._tools.recorder.warning(pod, "BackOff", text, field=_field(container))

    def _advance(self, pod: Obj, container: Container) -> float | None:
        recorder = self._tools.recorder
        complaint = container.take_complaint()
        if complaint:
            recorder.warning(pod, "Unhealthy", complaint, field=_field(container))
        if container.is_running:
            if container.is_alive:
                return LOG_CHECK_SECONDS
            if not container.is_terminating:
                text = f"Container {container.name} failed liveness probe, will be restarted"
                recorder.normal(pod, "Killing", text, field=_field(container))
            return container.terminate(_grace(pod))
        if not container.wants_start:
            return None
        if container.seconds_to_start:
            name = objects.name_of(pod)
            if not container.waiting_reason.startswith(("ErrImage", "ImagePull", "Create", "Run")):
                text = f"back-off restarting failed container={container.name} pod={name}"
                container.hold("CrashLoopBackOff", text)
            return container.seconds_to_start
        return self._start(pod, container)

    def _start(self, pod: Obj, container: Container) -> float | None:
        recorder, images = self._tools.recorder, self._tools.images
        program = self._program(container)
        if program is None:
            container.play()
            return None
        if images.find(container.image) is not None and not images.has(container.image):
            self._refuse_pull(pod, container)
            container.postpone()
            return container.seconds_to_start
        try:
            launch = self._launch(pod, container, program)
        except environment.MissingReference as error:
            if container.hold("CreateContainerConfigError", str(error)):
                recorder.warning(pod, "Failed", f"Error: {error}", field=_field(container))
            return CONFIG_AGAIN_SECONDS
        recorder.normal(
            pod,
            "Pulled",
            f'Container image "{container.image}" already present on machine',
            field=_field(container),
        )
        recorder.normal(pod, "Created", f"Created container: {container.name}", field=_field(container))
        try:
            container.start(launch)
        except OSError as error:
            container.hold("RunContainerError", f"{launch.argv[0]}: {error.strerror}")
            recorder.warning(pod, "Failed", f"Error: {error}", field=_field(container))
            container.postpone()
            return container.seconds_to_start
        container.waiting_reason = ""
        recorder.normal(pod, "Started", f"Started container {container.name}", field=_field(container))
        return LOG_CHECK_SECONDS

    def _program(self, container: Container) -> Iterable[str] | None:
        """What the container's image runs; None for an image that is played."""
        image = self._tools.images.find(container.image)
        return None if image is None else image.command

    def _refuse_pull(self, pod: Obj, container: Container) -> None:
        reference = parse_reference(container.image)
        text = f"manifest for {reference.name}:{reference.tag} not found"
        if container.waiting_reason in ("ErrImagePull", "ImagePullBackOff"):
            container.hold("ImagePullBackOff", f'Back-off pulling image "{container.image}": {text}')
            return
        container.hold("ErrImagePull", text)
        self._tools.recorder.warning(
            pod, "Failed", f'Failed to pull image "{container.image}": {text}', field=_field(container)
        )

    def _launch(self, pod: Obj, container: Container, program: Iterable[str]) -> Launch:
        values = environment.environment_of(container.spec, pod, self._find(pod), ip=self.ip)
        complete = {**self._own_environment(pod, container), **values}
        own_command = container.spec.get("command")
        argv = [
            *([environment.expand(part, values) for part in own_command] if own_command else program),
            *(environment.expand(part, values) for part in container.spec.get("args") or []),
        ]
        ports = {
            port["name"]: int(port["containerPort"])
            for port in container.spec.get("ports") or []
            if port.get("name")
        }
        folder = self.folder.path
        if container.spec.get("workingDir"):
            inside = self.folder.root(container.name) / container.spec["workingDir"].lstrip("/")
            folder = inside if inside.is_dir() else folder
        return Launch(tuple(argv), complete, Surroundings(self.ip, ports, complete, folder))

    def _own_environment(self, pod: Obj, container: Container) -> dict[str, str]:
        host, port = self._tools.settings.server
        root = self.folder.root(container.name)
        own = {
            "PATH": f"{Path(sys.executable).parent}:{_PATH}",
            "HOME": str(self.folder.path),
            "HOSTNAME": pod["spec"].get("hostname") or objects.name_of(pod),
            "LANG": "C.UTF-8",
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": str(port),
            "JX_ROOTFS": str(root),
            "PYTHONUNBUFFERED": "1",
        }
        if any(
            mount["mountPath"].rstrip("/") == "/tmp" for mount in container.spec.get("volumeMounts") or []
        ):
            own["TMPDIR"] = str(root / "tmp")
        if self.folder.account.is_dir():
            own["JX_SERVICE_ACCOUNT_DIR"] = str(self.folder.account)
        if "PYTHONPATH" in os.environ:  # how this very program was found
            own["PYTHONPATH"] = os.environ["PYTHONPATH"]
        return own


def _init_policy(spec: Obj, pod_policy: str) -> str:
    if spec.get("restartPolicy") == "Always":
        return "Always"
    return "Never" if pod_policy == "Never" else "OnFailure"


def _grace(pod: Obj) -> float:
    return float(pod["spec"].get("terminationGracePeriodSeconds", 30))


def _field(container: Container) -> str:
    return f"spec.{'initContainers' if container.is_init else 'containers'}{{{container.name}}}"
