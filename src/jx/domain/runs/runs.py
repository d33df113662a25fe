"""Runs of pipelines: what is to be run, and what is known of a run while it goes on and afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from jx.domain.pipelines.naming import CLONE_STEP
from jx.domain.runs.activities import Activity, ActivityStatus, ActivityStep

APPLY = "apply"
"""The context of runs that apply an environment's branch."""
CHECK = "check"
"""The context of runs that check a pull request."""
VERIFY = "verify"
"""The context of runs that only prove that runs work. They are no work of anybody's, so they have no record of their own."""


class RunState(StrEnum):
    """Where a run, a stage or a step is. `PENDING`: it has not begun."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"

    @property
    def is_open(self) -> bool:
        """Whether more is to come."""
        return self in (RunState.PENDING, RunState.RUNNING)


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be started. Its name is computed from what it is for, so starting it twice is starting it once."""

    name: str
    pipeline: str
    """`owner/repository/branch`."""
    build: int
    spec: Mapping[str, Any] = field(repr=False)
    """Of a PipelineRun (`tekton.dev/v1`)."""
    context: str = ""
    """What tells pipelines of one branch apart."""
    revision: str = ""
    author: str = ""
    message: str = ""
    git_url: str = ""
    """Where the repository is."""
    pull_url: str = ""
    """Where people look at the pull request that it checks."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """More of them; those that follow from what the run is go before."""


@dataclass(frozen=True, slots=True)
class RunStep:
    """A step, and where its log is: in which pod, under which name."""

    name: str
    state: RunState
    started: datetime | None = None
    completed: datetime | None = None
    words: str = ""
    container: str = ""
    code: int = 0
    """With which it exited, where it failed."""


@dataclass(frozen=True, slots=True)
class RunStage:
    """A task of a run, with its steps."""

    name: str
    state: RunState
    started: datetime | None = None
    completed: datetime | None = None
    words: str = ""
    steps: tuple[RunStep, ...] = ()
    pod: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it is now. One that others started has their name as its pipeline, and perhaps no number."""

    name: str
    pipeline: str
    build: str
    state: RunState
    context: str = ""
    revision: str = ""
    author: str = ""
    message: str = ""
    git_url: str = ""
    pull_url: str = ""
    words: str = ""
    """How it goes, or why it ended as it did."""
    created: datetime | None = None
    started: datetime | None = None
    completed: datetime | None = None
    stages: tuple[RunStage, ...] = ()

    @property
    def repo_name(self) -> str:
        """`owner/repository`."""
        return "/".join(self.pipeline.split("/")[:2])


@dataclass(frozen=True, slots=True)
class LogLine:
    """A piece of what a step printed: a line, or the beginning of a very long one."""

    stage: str
    step: str
    text: str


_STATUSES = {
    RunState.PENDING: ActivityStatus.PENDING,
    RunState.RUNNING: ActivityStatus.RUNNING,
    RunState.SUCCEEDED: ActivityStatus.SUCCEEDED,
    RunState.FAILED: ActivityStatus.FAILED,
    RunState.CANCELLED: ActivityStatus.ABORTED,
    RunState.SKIPPED: ActivityStatus.NOT_EXECUTED,
}


def to_activity(run: Run) -> Activity:
    """The record of a run."""
    steps: list[ActivityStep] = []
    for stage in run.stages:
        steps.append(_to_step(stage, 0))
        steps += [_to_step(step, 1) for step in stage.steps]
    if not run.stages and run.words:
        words = ActivityStep(run.context or "run", _STATUSES[run.state], description=run.words)
        steps.append(words)
    suffix = f"-{run.context}" if run.context and run.context != APPLY else ""
    name = f"{run.pipeline.replace('/', '-')}{suffix}-{run.build}" if run.build else run.name
    return Activity(
        name=name,
        pipeline=run.pipeline,
        build=run.build,
        status=_STATUSES[run.state],
        revision=run.revision,
        author=run.author,
        message=run.message,
        git_url=run.git_url,
        pull_url=run.pull_url,
        started=run.started or run.created,
        completed=run.completed,
        steps=tuple(steps),
    )


def find_failure(run: Run) -> str:
    """Why a run failed, in a line: the step, and what is said of it."""
    for stage in run.stages:
        if stage.state is not RunState.FAILED:
            continue
        for step in stage.steps:
            if step.state is RunState.FAILED:
                return f"step {step.name} of {stage.name} failed: {step.words or 'it says no more'}"
        return f"{stage.name} failed: {stage.words}"
    return run.words


_PASSING = frozenset({10, 137})
"""Exit codes of steps that failed by what passes: jx itself says so by 10, and 137 has what was ended from outside, as by a
machine that was started anew."""


def is_passing(run: Run) -> bool:
    """Whether a run failed by something that passes, so that the same may go well a while later."""
    steps = [step for stage in run.stages for step in stage.steps if step.state is RunState.FAILED]
    is_so = (step.code in _PASSING or step.name == CLONE_STEP for step in steps)
    return run.state is RunState.FAILED and bool(steps) and all(is_so)


def find_obsolete(runs: Iterable[Run], *, keep: int) -> tuple[Run, ...]:
    """The ended runs of each pipeline and context beyond the newest `keep`, oldest first."""
    kept: dict[tuple[str, str], int] = {}
    found = []
    for run in sorted(runs, key=_age, reverse=True):
        if run.state.is_open:
            continue
        key = (run.pipeline, run.context)
        kept[key] = kept.get(key, 0) + 1
        if kept[key] > keep:
            found.append(run)
    return tuple(reversed(found))


def _age(run: Run) -> tuple[str, int, str]:
    created = run.created.isoformat() if run.created else ""
    return created, int(run.build) if run.build.isdigit() else 0, run.name


def _to_step(one: RunStage | RunStep, depth: int) -> ActivityStep:
    return ActivityStep(one.name, _STATUSES[one.state], one.started, one.completed, one.words, depth)
