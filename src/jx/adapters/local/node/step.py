"""One step of a pod of steps: a container whose process runs behind a veil, with limits, and whose output is kept."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jx.adapters.local.kubernetes.controllers import environment, objects, podstatus
from jx.adapters.local.kubernetes.controllers.podstatus import ContainerState
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.node import strays
from jx.adapters.local.node.containers import Container, Launch, Patience
from jx.adapters.local.node.folders import PodFolder
from jx.adapters.local.node.outputs import Output
from jx.adapters.local.node.processes import Process
from jx.adapters.local.node.veils import Shown, Veil

LOOK_SECONDS = 0.5
RESERVE_BYTES = 64 * 1024 * 1024
"""Of the disk, for everything else on it: a step that leaves less than this is ended."""
RESERVE_FILES = 1024
"""Likewise of what a disk can hold by number."""
PROCESSES_AT_MOST = 2048
STEPS_OVER = "StepsOver"
"""Why a sidecar ends that did what it was for."""
_DRAIN_SECONDS = 2.0
_FIRST_TO_END = 500
"""Added to what the kernel holds against a process when there is no memory: 1000 is the most."""
_INTERNAL = 3
"""Type of what a termination message says besides results."""


@dataclass(frozen=True)
class Wish:
    """What a pod of steps says of one step beyond its container."""

    script: str = ""
    goes_on: bool = False
    """After a failure, the next step begins all the same."""
    timeout_seconds: float | None = None
    is_sidecar: bool = False
    """It runs beside the steps, and is ended with the last of them."""


@dataclass(frozen=True)
class Surround:
    """What is around a step: its veil, what of the hidden folders is its own, and what names its processes."""

    veil: Veil
    shown: Shown
    marker: str


class Step(Container):
    """A container that waits for its turn; shown as running meanwhile, as Tekton's steps are. Never started twice."""

    def __init__(self, spec: Obj, folder: PodFolder, wish: Wish, on_change: Callable[[], None]) -> None:
        super().__init__(
            spec, folder, patience=Patience(), policy="Never", is_init=False, on_change=on_change
        )
        self.wish = wish
        self.notify = on_change
        self.surround: Surround | None = None
        self._output: Output | None = None
        self._ended_at: float | None = None
        self._why = ""
        self._waits_since = ""

    def resume(self, status: Obj) -> None:
        """What ended has ended. What was under way when the node ended, is over, and began when it did."""
        state = status.get("state") or {}
        terminated = state.get("terminated")
        if status.get("started"):
            self._started_at = (state.get("running") or {}).get("startedAt", "")
        if terminated:
            self._ended, self._waiting = {"terminated": terminated}, {}

    @property
    def has_ended(self) -> bool:
        return self._ended is not None

    @property
    def seconds_left(self) -> float | None:
        """Until its time is up."""
        seconds = self.wish.timeout_seconds
        return None if seconds is None else self._started + seconds - time.monotonic()

    @property
    def lets_go_on(self) -> bool:
        """Whether, having ended, it lets the next step begin."""
        return self._ended is not None and self._ended["terminated"]["exitCode"] == 0

    def await_turn(self, since: str) -> None:
        """Shown as running from this time on, until it does or is skipped."""
        self._waits_since = since
        self._waiting = {}

    def give_up(self, reason: str, words: str, *, code: int = 1) -> None:
        """It ends without having begun, or after nobody knows what."""
        now = objects.timestamp(time.time())
        self._ended = podstatus.terminated(
            code,
            started_at=self._started_at or now,
            finished_at=now,
            run=self._run,
            message=_message([], Reason=reason),
        )
        self._waiting = {}
        self._say(words)

    def stop(self, reason: str, words: str, grace_seconds: float) -> float | None:
        """Ask it to end, and end it after its grace; its end tells why. The seconds until then, None once it has ended."""
        if self._process is None:
            return None
        if not self._why:
            self._why = reason
            self._say(words)
        return self.terminate(grace_seconds)

    def terminate(self, grace_seconds: float) -> float | None:
        """As of any container; asked are all processes of the step."""
        if self._process is not None and self._kill_at is None:
            self._process.terminate(group=True)
        return super().terminate(grace_seconds)

    def look(self) -> str:
        """The reason for which it has to end now; empty for none."""
        if self._process is None or self._process.exit_code is not None:
            return ""
        now, limits = time.monotonic(), (self.spec.get("resources") or {}).get("limits") or {}
        if self.wish.timeout_seconds is not None and now - self._started >= self.wish.timeout_seconds:
            return "TimeoutExceeded"
        usage = strays.usage_of(self._process.pid)
        memory = environment.quantity(str(limits.get("memory") or "0"))
        if memory and usage.bytes > memory:
            return "OOMKilled"
        if usage.processes > PROCESSES_AT_MOST:
            return "TooManyProcesses"
        if strays.is_full(self._folder.path, RESERVE_BYTES, RESERVE_FILES):
            return "DiskFull"
        room = environment.quantity(str(limits.get("ephemeral-storage") or "0"))
        return "DiskFull" if room and strays.folder_bytes(self._own_folders()) > room else ""

    def reap(self) -> int | None:
        """As of any container, once all that it printed is kept: what it left behind is ended before that."""
        code = self._process.exit_code if self._process else None
        if code is None:
            return None
        if self._ended_at is None:
            self._ended_at = time.monotonic()
            if self.surround is not None and self.surround.veil.kind == "none":
                strays.kill_marked(self.surround.marker)
        if self._output and not self._output.is_over and time.monotonic() - self._ended_at < _DRAIN_SECONDS:
            return None
        self._end(code)
        return code

    def state(self) -> ContainerState:
        found = super().state()
        if self.is_running or self._ended is not None or not self._waits_since:
            return found
        waits = podstatus.running(self._waits_since)
        return ContainerState(self.name, self.image, waits, run="", started=False)

    def _run_process(self, launch: Launch, output: int) -> None:
        assert self.surround is not None
        kept = Output(self._folder.log(self.name), self.notify)
        around = self.surround
        argv = around.veil.wrap([*self._limits(), *launch.argv], around.shown)
        try:
            self._process = Process.start(
                argv,
                environment=launch.environment,
                folder=launch.surroundings.folder,
                output=kept.writer,
                record=self._folder.record(self.name),
                on_exit=self.notify,
            )
        finally:
            kept.close_writer()
        self._output = kept

    def _limits(self) -> list[str]:
        """Limits of each process, where this machine can set them: what all of them use is looked at besides. Where the machine's
        memory ends, the steps are to end first."""
        first = shutil.which("choom")
        words = [first, "-n", str(_FIRST_TO_END), "--"] if first else []
        memory = ((self.spec.get("resources") or {}).get("limits") or {}).get("memory")
        program = shutil.which("prlimit")
        if not memory or program is None:
            return words
        return [*words, program, f"--data={int(environment.quantity(str(memory)))}", "--core=0", "--"]

    def _end(self, code: int) -> None:
        reason = self._why
        if self.wish.is_sidecar and reason == STEPS_OVER:
            code = 0
        elif reason == "OOMKilled":
            code = 128 + signal.SIGKILL
        elif reason and code == 0:
            code = 1
        super()._end(code)
        assert self._ended is not None
        ended = self._ended["terminated"]
        said: dict[str, str] = {}
        if self.wish.is_sidecar:
            return
        self._write_exit(code)
        if reason == "OOMKilled":
            ended["reason"] = reason
        elif reason:
            said["Reason"] = reason
        elif code and self.wish.goes_on:
            ended |= {"exitCode": 0, "reason": "Completed"}
            said |= {"ExitCode": str(code), "Reason": "Continued"}
        ended["message"] = _message(_results(self._folder.path / "volumes" / RESULTS), **said)
        if len(ended["message"].encode()) > _MESSAGE_BYTES:
            ended |= {"exitCode": ended["exitCode"] or 1, "reason": "Error"}
            ended["message"] = _message([], **{**said, "Reason": "ResultsTooLarge"})
            self._say(
                f"the results of this task are more than {_MESSAGE_BYTES} bytes together; keep them in a workspace"
            )

    def _write_exit(self, code: int) -> None:
        """For the steps after it, where these have asked for that; none of them can write there."""
        exits = self._folder.path / "volumes" / EXITS
        if exits.is_dir():
            (exits / self.name).mkdir(mode=0o700, exist_ok=True)
            (exits / self.name / "exitCode").write_text(str(code))

    def _own_folders(self) -> list[Path]:
        return [self._folder.path / name for name in ("volumes", "home", "tmp", "root")]

    def _say(self, words: str) -> None:
        """In the log of the step, where whoever wonders looks first."""
        try:
            with self._folder.log(self.name).open("a") as log:
                log.write(f"[{words}]\n")
        except OSError:
            return


RESULTS = "tekton-internal-results"
"""The volume in which steps leave results, each a file."""
EXITS = "tekton-internal-steps"
"""The volume in which steps find how those before them ended."""
_MESSAGE_BYTES = 4096
"""What a container may say at its end: all results together, as on a cluster."""


def _results(folder: Path) -> list[dict[str, Any]]:
    """The results that are there; where they are too much, only so many that it is seen."""
    found, left = [], _MESSAGE_BYTES
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if left >= 0 and path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                text = file.read(_MESSAGE_BYTES + 1).decode(errors="replace")
            found.append({"key": path.name, "value": text, "type": 1})
            left -= len(path.name) + len(text)
    return found


def _message(results: list[dict[str, Any]], **said: str) -> str:
    internal = [{"key": key, "value": value, "type": _INTERNAL} for key, value in said.items()]
    return json.dumps([*results, *internal])


def script_file(folder: Path, name: str, script: str) -> Path:
    """The file of a step's script, which begins as a plain shell's where it does not say of what it is one."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / name
    text = script if script.startswith("#!") else f"#!/bin/sh\nset -e\n{script}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return path
