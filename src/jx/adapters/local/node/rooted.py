"""A pod whose containers have each a root of its own, with volumes at their true paths: so pods of a Tekton that is there run.

Such a pod has an image to which `images.json` gives `files`. Its other images are not there: what its containers run are programs
of this machine, and of such images. All of its containers run at once, as on any node; Tekton's own program orders the steps.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.node import enter
from jx.adapters.local.node.containers import Container, Launch
from jx.adapters.local.node.images import Images
from jx.adapters.local.node.pods import Pod
from jx.adapters.local.node.processes import Process
from jx.adapters.local.node.veils import CLEAR, UNASKED, needs_guard, outermost, own_folders, program_path

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_MESSAGE_BYTES = 4096
_MESSAGE = "/dev/termination-log"
_OF_OTHERS = ("JX_ROOTFS", "JX_SERVICE_ACCOUNT_DIR", "TMPDIR")
"""Variables that tell other pods where in their folder things are."""
_HOMES = ("/tekton/home", "/workspace", "/tmp")
_NAMESPACES = ("--user", "--map-root-user", "--mount", "--ipc", "--pid", "--fork", "--kill-child")


def is_rooted(pod: Obj, images: Images) -> bool:
    """Whether an image of the pod has files of its own. Invalid where the list of images cannot be read."""
    every = [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]
    found = (images.find(each["image"]) for each in every)
    return any(image is not None and image.files for image in found)


class RootedContainer(Container):
    """A container whose process sees its own root, and may leave a message as it ends."""

    mounts: tuple[Obj, ...] = ()
    hidden: tuple[Path, ...] = ()
    guarded: tuple[Path, ...] = ()

    @property
    def _message(self) -> Path:
        return self._folder.path / "messages" / self.name

    def _run_process(self, launch: Launch, output: int) -> None:
        root = self._folder.root(self.name)
        for folder in (self._message.parent, root):
            folder.mkdir(mode=0o700, exist_ok=True)
        self._message.write_bytes(b"")
        told = self.spec.get("terminationMessagePath") or _MESSAGE
        described = {
            "root": str(root),
            "hidden": [str(path) for path in self.hidden],
            "shown": [str(path) for path in own_folders()],
            "guarded": [str(path) for path in outermost(self.guarded) if needs_guard(path, self.hidden)],
            "mounts": [*self.mounts, _mount(self._message, told)],
            "folder": self.spec.get("workingDir") or "/",
            "argv": [program_path("setpriv"), *CLEAR, *launch.argv],
        }
        description = self._folder.path / "roots" / f"{self.name}.json"
        description.parent.mkdir(mode=0o700, exist_ok=True)
        description.write_text(json.dumps(described))
        around = (*UNASKED, program_path("unshare"), *_NAMESPACES, "--")
        self._process = Process.start(
            [*around, sys.executable, "-I", "-S", enter.__file__, str(description)],
            environment=launch.environment,
            folder=self._folder.path,
            output=output,
            record=self._folder.record(self.name),
            on_exit=self._on_change,
        )

    def terminate(self, grace_seconds: float) -> float | None:
        """As of any container; asked is the program, and not who stands around it."""
        if self._process is not None and self._kill_at is None:
            self._process.terminate(group=True)
        return super().terminate(grace_seconds)

    def _end(self, code: int) -> None:
        super()._end(code)
        assert self._ended is not None
        with self._message.open("rb") as file:
            text = file.read(_MESSAGE_BYTES).decode(errors="replace")
        if text:
            self._ended["terminated"]["message"] = text


class RootedPod(Pod):
    """Owned by the node's loop, as any pod."""

    def _container(
        self, spec: Obj, policy: str, on_change: Callable[[], None], *, is_init: bool
    ) -> Container:
        patience = self._tools.settings.patience
        return RootedContainer(
            spec, self.folder, patience=patience, policy=policy, is_init=is_init, on_change=on_change
        )

    def tend(self, pod: Obj) -> float | None:
        """As of any pod. A container that is given another image ends: so Tekton ends sidecars."""
        named = {each["name"]: each["image"] for each in pod["spec"]["containers"]}
        grace = float(pod["spec"].get("terminationGracePeriodSeconds", 30))
        others = [each for each in self._mains if named.get(each.name, each.image) != each.image]
        waits = [super().tend(pod), *(each.terminate(grace) for each in others)]
        return min((each for each in waits if each is not None), default=None)

    def _program(self, container: Container) -> Iterable[str] | None:
        if container.spec.get("command"):
            return ()
        return super()._program(container)

    def _launch(self, pod: Obj, container: Container, program: Iterable[str]) -> Launch:
        assert isinstance(container, RootedContainer)
        container.mounts = tuple(self._mounts(container))
        container.hidden = tuple(path.resolve() for path in self._tools.settings.hidden)
        container.guarded = tuple(path.resolve() for path in self._tools.settings.guarded)
        launch = super()._launch(pod, container, program)
        values = {key: value for key, value in launch.environment.items() if key not in _OF_OTHERS}
        if values["HOME"] == str(self.folder.path):
            there = [each["target"] for each in container.mounts]
            values["HOME"] = next((each for each in _HOMES if each in there), "/tmp")
        return replace(launch, environment=values)

    def _to_mount(self) -> list[Container]:
        """Nothing below the pod's folder: each container mounts its volumes as it enters its root."""
        return []

    def _mounts(self, container: Container) -> Iterable[Obj]:
        own = container.spec.get("volumeMounts") or ()
        for each in own:
            # Only we can make a link of a volume itself, where it is a claim; who enters the root heeds those within.
            source = (self.folder.path / "volumes" / each["name"]).resolve()
            made = _mount(source, each["mountPath"], read_only=bool(each.get("readOnly")))
            yield {**made, "subPath": each.get("subPath", "")}
        if self.folder.account.is_dir() and ACCOUNT not in [each["mountPath"].rstrip("/") for each in own]:
            yield _mount(self.folder.account, ACCOUNT, read_only=True)
        image = self._tools.images.find(container.image)
        for target, folder in (image.files if image else {}).items():
            yield _mount(Path(folder), target, read_only=True)


def _mount(source: Path, target: str, *, read_only: bool = False) -> Obj:
    return {"source": str(source), "target": target, "readOnly": read_only}
