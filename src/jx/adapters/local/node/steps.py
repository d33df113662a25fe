"""A pod of steps: its containers run one after the other, each once, as Tekton's do; what it needed goes when it has ended.

Such a pod has the annotation `local.jenkins-x.io/steps`. Its images are not run: a step is a process of this machine, with the
machine's programs, so it has to say what it runs. Where the image is one of ours, it is that one's program by default.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from jx.adapters.files.kept_logs import KeptPod, write_about
from jx.adapters.local.kubernetes.controllers import environment, objects
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.node import strays
from jx.adapters.local.node.containers import Container, Launch
from jx.adapters.local.node.folders import (
    PodFolder,
    inside,
    is_filled,
    make_within,
    remove_tree,
    unknown_volume,
)
from jx.adapters.local.node.images import Image
from jx.adapters.local.node.pods import Pod, Tools
from jx.adapters.local.node.step import EXITS, LOOK_SECONDS, STEPS_OVER, Step, Surround, Wish, script_file
from jx.adapters.local.node.veils import Shown, Veil

ANNOTATION = "local.jenkins-x.io/steps"
"""JSON: by the name of a container its `script`, `onError`, `timeoutSeconds`, `isSidecar`."""
CANCEL = "local.jenkins-x.io/cancel"
"""Why the steps are to end now; the pod stays."""
ROOT = "$(JX_ROOTFS)"
"""Stands, in commands, arguments, variables and scripts, for where the volumes of the step are mounted below."""
MARKER = "JX_STEPS_OF"
_HOME = "/workspace"
"""Where a step begins that does not say where."""
_GONE_AFTER = ("volumes", "root", "home", "tmp", "scripts", "serviceaccount")
_WORDS = {
    "TimeoutExceeded": "the step took longer than its time and was ended",
    "OOMKilled": "the step used more memory than its limit and was ended",
    "TooManyProcesses": "the step started too many processes and was ended",
    "DiskFull": "the step used more of the disk than there is for it and was ended",
}


def is_of_steps(pod: Obj) -> bool:
    """Whether the containers of a pod are steps."""
    return ANNOTATION in objects.annotations_of(pod)


class StepsPod(Pod):
    """Owned by the node's loop, as any pod."""

    def __init__(
        self, pod: Obj, folder: PodFolder, ip: str, tools: Tools, on_change: Callable[[], None]
    ) -> None:
        self._wishes = read_wishes(objects.annotations_of(pod)[ANNOTATION])
        super().__init__(pod, folder, ip, tools, on_change)
        self._veil: Veil | None = None
        self._begun = folder.path / "logs" / ".begun"
        self._is_cleared = False
        self._meta: Obj = pod["metadata"]
        if self._begun.exists():
            self._lose("the node was started anew while this step ran or waited")

    def about(self) -> KeptPod | None:
        """What its logs are those of; None where it belongs to no run."""
        labels, notes = self._meta.get("labels") or {}, self._meta.get("annotations") or {}
        run = labels.get("tekton.dev/pipelineRun")
        if not run:
            return None
        return KeptPod(
            run=run,
            pipeline=notes.get("jenkins.io/pipeline") or run,
            build=labels.get("build", ""),
            context=labels.get("context", ""),
            stage=labels.get("tekton.dev/pipelineTask", ""),
            steps=tuple(step.name for step in self._steps),
            ended=self._meta.get("creationTimestamp", ""),
        )

    @property
    def _steps(self) -> list[Step]:
        return [each for each in self._mains if isinstance(each, Step) and not each.wish.is_sidecar]

    @property
    def _sidecars(self) -> list[Step]:
        return [each for each in self._mains if isinstance(each, Step) and each.wish.is_sidecar]

    def _container(
        self, spec: Obj, policy: str, on_change: Callable[[], None], *, is_init: bool
    ) -> Container:
        if is_init:
            return super()._container(spec, policy, on_change, is_init=True)
        return Step(spec, self.folder, self._wishes.get(spec["name"], Wish()), on_change)

    def end_strays(self) -> None:
        """End what its steps have started, also where that has left their groups."""
        strays.kill_marked(f"{MARKER}={self._meta['uid']}")

    def _lose(self, words: str) -> None:
        self.end_strays()
        for step in (*self._steps, *self._sidecars):
            if not step.has_ended:
                step.give_up("NodeRestarted", words, code=137)

    def tend(self, pod: Obj) -> float | None:
        self._report_ends(pod)
        cancel = objects.annotations_of(pod).get(CANCEL, "")
        for step in self._steps:
            if step.has_ended:
                if not step.lets_go_on:
                    break
                continue
            if step.is_running:
                return self._watch(pod, step, cancel)
            if cancel:
                step.give_up("Cancelled", f"not begun: {cancel}")
                break
            return self._begin(pod, step)
        return self._finish(pod)

    def _watch(self, pod: Obj, step: Step, cancel: str) -> float | None:
        if cancel:
            return step.stop("Cancelled", f"ended: {cancel}", _grace(pod)) or LOOK_SECONDS
        reason = step.look()
        if not reason:
            left = step.seconds_left
            return LOOK_SECONDS if left is None else max(0.01, min(LOOK_SECONDS, left))
        grace = _grace(pod) if reason == "TimeoutExceeded" else 0.0
        return step.stop(reason, _WORDS[reason], grace) or 0.05

    def _begin(self, pod: Obj, step: Step) -> float | None:
        find = self._find(pod)
        problem = unknown_volume(pod) or (environment.missing_volume(pod, find) or ("", ""))[1]
        if problem:
            step.give_up("CreateContainerConfigError", problem)
            return self._finish(pod)
        try:
            self._furnish(pod, find)
            launch = self._prepared(pod, step)
            if launch is None:
                return self._finish(pod)
            if not self._begun.exists() and (about := self.about()) is not None:
                write_about(self._begun.parent, about)  # for a node that finds the folder and no pod any more
            self._begun.touch(mode=0o600)
            for one in self._steps:
                one.await_turn(objects.timestamp(time.time()))
            if not self._have_begun(pod, self._sidecars):
                return LOOK_SECONDS
            step.start(launch)
        except environment.MissingReference as error:
            step.give_up("CreateContainerConfigError", str(error))
            return self._finish(pod)
        except OSError as error:
            step.give_up("RunContainerError", f"it could not be started: {error}", code=128)
            return self._finish(pod)
        return LOOK_SECONDS

    def _prepared(self, pod: Obj, step: Step) -> Launch | None:
        """How it is started; None where it cannot be, which it then says."""
        image = self._tools.images.find(step.image)
        problem = self._problem(step, image)
        if problem:
            step.give_up(*problem)
            return None
        step.surround = self._surround(pod, step)
        return self._launch(pod, step, image.command if image else ())

    def _have_begun(self, pod: Obj, sidecars: list[Step]) -> bool:
        """Start what runs beside the steps: whether it is ready, or over already."""
        for sidecar in sidecars:
            if sidecar.has_ended or sidecar.is_running:
                continue
            launch = self._prepared(pod, sidecar)
            if launch is not None:
                sidecar.start(launch)
        return all(each.has_ended or each.state().ready for each in sidecars)

    def _problem(self, step: Step, image: Image | None) -> tuple[str, str] | None:
        if image is not None and not self._tools.images.has(step.image):
            return "ErrImagePull", f"there is no image {step.image} here"
        if image is None and not step.wish.script and not step.spec.get("command"):
            words = (
                f"this step names neither command nor script, and what image {step.image} runs is not known here:"
                " steps are processes of this machine"
            )
            return "CreateContainerConfigError", words
        return None

    def _launch(self, pod: Obj, container: Container, program: Any) -> Launch:
        root = str(self.folder.root(container.name))
        shown = {**container.spec, "env": [_placed(each, root) for each in container.spec.get("env") or []]}
        for key in ("command", "args"):
            if container.spec.get(key):
                shown[key] = [part.replace(ROOT, root) for part in container.spec[key]]
        place = str(container.spec.get("workingDir") or _HOME).removeprefix(ROOT)
        shown["workingDir"] = place
        assert isinstance(container, Step)
        assert container.surround is not None
        make_within(inside(self.folder.root(container.name), place), container.surround.shown.written)
        if container.wish.script:
            text = container.wish.script.replace(ROOT, root)
            path = script_file(self.folder.path / "scripts", container.name, text)
            shown["command"] = [str(path)]
        original, container.spec = container.spec, shown
        try:
            launch = super()._launch(pod, container, program)
        finally:
            container.spec = original
        mark = {MARKER: f"{objects.uid_of(pod)}"}
        return replace(launch, environment={**launch.environment, **mark})

    def _own_environment(self, pod: Obj, container: Container) -> dict[str, str]:
        own = super()._own_environment(pod, container)
        own.pop("PYTHONUNBUFFERED")
        return {**own, "HOME": str(self.folder.path / "home"), "TMPDIR": str(self.folder.path / "tmp")}

    def _surround(self, pod: Obj, step: Step) -> Surround:
        """Of the pod's folder a step sees what it needs, and no more: nothing that the node writes or follows links in."""
        if self._veil is None:
            self._veil = self._tools.find_veil()
        folder = self.folder
        mounted = {each["name"] for each in step.spec.get("volumeMounts") or []}
        volumes = [each for each in pod["spec"].get("volumes") or [] if each["name"] in mounted]
        own = [folder.path / name for name in ("home", "tmp", "scripts")]
        for each in own:
            each.mkdir(mode=0o700, exist_ok=True)
        *written, scripts = own
        written.append(folder.root(step.name))
        read = [scripts, *([folder.account] if folder.account.is_dir() else [])]
        for volume in volumes:
            place = (folder.path / "volumes" / volume["name"]).resolve()
            (read if is_filled(volume) or volume["name"] == EXITS else written).append(place)
        shown = Shown(tuple(written), tuple(read))
        return Surround(self._veil, shown, f"{MARKER}={objects.uid_of(pod)}")

    def _to_mount(self) -> list[Container]:
        """What has begun may have made links of the folders below which its volumes are mounted."""
        return [
            each
            for each in self._every()
            if not (isinstance(each, Step) and (each.has_ended or each.is_running))
        ]

    def _finish(self, pod: Obj) -> float | None:
        """After the last step: those that never had their turn are over too, and nothing is left of what they worked with."""
        for step in self._steps:
            if not step.has_ended:
                step.give_up("Skipped", "not begun, since a step before it failed")
        waits = []
        for sidecar in self._sidecars:
            if sidecar.is_running:
                waits.append(sidecar.stop(STEPS_OVER, "ended, since the steps are over", _grace(pod)))
            elif not sidecar.has_ended:
                sidecar.give_up("Skipped", "not begun", code=0)
        if any(each.is_running for each in self._sidecars):
            return min((each for each in waits if each is not None), default=0.05)
        if not self._is_cleared:
            self._is_cleared = True
            for name in _GONE_AFTER:
                remove_tree(self.folder.path / name)
        return None


def read_wishes(text: str) -> Mapping[str, Wish]:
    """What the annotation says; nothing where it says it wrongly."""
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        return {
            str(name): Wish(
                str(each.get("script") or ""),
                each.get("onError") == "continue",
                float(each["timeoutSeconds"]) if each.get("timeoutSeconds") else None,
                each.get("isSidecar") is True,
            )
            for name, each in json.loads(text).items()
        }
    return {}


def _placed(variable: Obj, root: str) -> Obj:
    return {**variable, "value": variable["value"].replace(ROOT, root)} if "value" in variable else variable


def _grace(pod: Obj) -> float:
    return float(pod["spec"].get("terminationGracePeriodSeconds", 30))
