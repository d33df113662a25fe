"""One container of a real pod: its process, run after run, and what can be said about it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jx.adapters.local.kubernetes.controllers import objects, podstatus
from jx.adapters.local.kubernetes.controllers.podstatus import ContainerState
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.node.folders import PodFolder
from jx.adapters.local.node.probes import Prober, Surroundings
from jx.adapters.local.node.processes import Process, open_log

_KILLED = 137


@dataclass(frozen=True)
class Patience:
    """How long to wait before a container is started again."""

    first_seconds: float = 1.0
    longest_seconds: float = 30.0
    forgiven_after_seconds: float = 600.0
    """A run that lasted this long clears what was before it."""


@dataclass(frozen=True)
class Launch:
    """Everything that a run of a container begins with."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    surroundings: Surroundings


class Container:
    """Owned by the node's loop: only that thread calls it. `on_change` may be called from any thread."""

    def __init__(
        self,
        spec: Obj,
        folder: PodFolder,
        *,
        patience: Patience,
        policy: str,
        is_init: bool,
        on_change: Callable[[], None],
    ) -> None:
        self.spec = spec
        self.name = str(spec["name"])
        self.image = str(spec["image"])
        self.policy = policy
        self.is_init = is_init
        self.is_sidecar = is_init and spec.get("restartPolicy") == "Always"
        self.waiting_reason = ""
        self._folder = folder
        self._patience = patience
        self._on_change = on_change
        self._process: Process | None = None
        self._prober: Prober | None = None
        self._played = False
        self._waiting: Obj = podstatus.waiting("ContainerCreating")
        self._ended: Obj | None = None
        self._started_at = ""
        self._started = 0.0
        self._restarts = 0
        self._wait_seconds = 0.0
        self._due = 0.0
        self._kill_at: float | None = None
        self._complaints = 0

    def resume(self, status: Obj) -> None:
        """Go on from what a former life of the node said; a run that it left is over."""
        self._restarts = int(status.get("restartCount", 0))
        state = status.get("state") or {}
        if "running" in state:
            self._ended = podstatus.terminated(
                _KILLED,
                started_at=state["running"].get("startedAt", ""),
                finished_at=objects.timestamp(time.time()),
                run=self._run,
                message="the node was restarted",
            )
        elif "terminated" in state:
            self._ended = {"terminated": state["terminated"]}
        elif (status.get("lastState") or {}).get("terminated"):
            self._ended = {"terminated": status["lastState"]["terminated"]}
        if self._ended is not None:
            self._waiting = podstatus.waiting("ContainerCreating") if self.wants_start else {}

    @property
    def is_running(self) -> bool:
        return self._process is not None or self._played

    @property
    def is_terminating(self) -> bool:
        return self._kill_at is not None

    @property
    def wants_start(self) -> bool:
        """Whether it is to run (again), now or after a while."""
        if self.is_running:
            return False
        if self._ended is None or self.policy == "Always":
            return True
        return self.policy == "OnFailure" and self._ended["terminated"]["exitCode"] != 0

    @property
    def seconds_to_start(self) -> float:
        return max(0.0, self._due - time.monotonic())

    @property
    def is_alive(self) -> bool:
        """False once its probes want it to be restarted."""
        return self._prober is None or self._prober.verdicts.alive

    @property
    def _run(self) -> str:
        return f"{self._folder.path.name}/{self.name}/{self._restarts}"

    def hold(self, reason: str, message: str = "") -> bool:
        """Say why it does not run; whether that is news."""
        waiting = podstatus.waiting(reason, message)
        is_news = waiting != self._waiting
        self._waiting, self.waiting_reason = waiting, reason
        return is_news

    def start(self, launch: Launch) -> None:
        """Begin a run. OSError where the program cannot be started at all."""
        output = open_log(self._folder.begin_log(self.name))
        try:
            self._run_process(launch, output)
        finally:
            os.close(output)
        self._begin()
        self._prober = Prober(self.spec, launch.surroundings, self._on_change)
        self._prober.start()

    def _run_process(self, launch: Launch, output: int) -> None:
        self._process = Process.start(
            launch.argv,
            environment=launch.environment,
            folder=launch.surroundings.folder,
            output=output,
            record=self._folder.record(self.name),
            on_exit=self._on_change,
        )

    def play(self) -> None:
        """Count as running without a process: the image is somebody else's."""
        self._begin()
        self._played = True

    def _begin(self) -> None:
        self._restarts += self._ended is not None
        self._started, self._started_at = time.monotonic(), objects.timestamp(time.time())
        self._waiting, self._kill_at, self._complaints = {}, None, 0

    def postpone(self) -> None:
        """Wait before the next try, longer each time."""
        first, longest = self._patience.first_seconds, self._patience.longest_seconds
        self._wait_seconds = min(self._wait_seconds * 2 or first, longest)
        self._due = time.monotonic() + self._wait_seconds

    def reap(self) -> int | None:
        """The exit code of a run that is over and was not reported yet."""
        code = self._process.exit_code if self._process else None
        if code is None:
            return None
        self._end(code)
        return code

    def _end(self, code: int) -> None:
        if self._prober is not None:
            self._prober.stop()
        self._ended = podstatus.terminated(
            code, started_at=self._started_at, finished_at=objects.timestamp(time.time()), run=self._run
        )
        self._process, self._prober, self._played, self._kill_at = None, None, False, None
        if time.monotonic() - self._started >= self._patience.forgiven_after_seconds:
            self._wait_seconds = 0.0
        self.postpone()

    def terminate(self, grace_seconds: float) -> float | None:
        """Ask the run to end, and kill it when its time is up: the seconds until then; None once it has ended."""
        if self._played:
            self._end(0)
        if self._process is None or self.reap() is not None:
            return None
        if self._prober is not None:
            self._prober.stop()
        latest = time.monotonic() + grace_seconds
        if self._kill_at is None:
            self._process.terminate()
            self._kill_at = latest
        self._kill_at = min(self._kill_at, latest)
        if time.monotonic() >= self._kill_at:
            self._process.kill()
            return grace_seconds + 1
        return self._kill_at - time.monotonic()

    def process(self) -> Process | None:
        return self._process

    def take_complaint(self) -> str:
        """What a probe has complained about since the last call."""
        verdicts = self._prober.verdicts if self._prober else None
        if verdicts is None or verdicts.complaints == self._complaints:
            return ""
        self._complaints = verdicts.complaints
        return verdicts.complaint

    def state(self) -> ContainerState:
        last = self._ended or {}
        has_run = bool(self._ended) or self.is_running
        if self.is_running:
            state = podstatus.running(self._started_at)
        elif self._waiting:
            state = self._waiting
        else:
            state, last = last, {}
        verdicts = self._prober.verdicts if self._prober else None
        ready = verdicts.ready and self._kill_at is None if verdicts else self._played
        if self.is_init and not self.is_sidecar:
            ready = (state.get("terminated") or {}).get("exitCode") == 0
        return ContainerState(
            self.name,
            self.image,
            state,
            last=last,
            ready=ready,
            started=verdicts.started if verdicts else self._played,
            restarts=self._restarts,
            run=self._run if has_run else "",
            sidecar=self.is_sidecar,
        )
