"""What comes next in a run: which tasks begin, which are skipped and why, and how it ends. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from jx.adapters.local.kubernetes.cel import cel
from jx.adapters.local.runner.plan import BadRun, Plan, Task
from jx.adapters.local.runner.substitution import named, substitute


class State(StrEnum):
    """Where a task is."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class Skip(StrEnum):
    """Tekton's words for why a task does not run."""

    WHEN = "When Expressions evaluated to false"
    PARENT = "Parent Tasks were skipped"
    RESULTS = "Results were missing"
    STOPPING = "PipelineRun was stopping"
    CANCELLED = "PipelineRun was gracefully cancelled"
    STOPPED = "PipelineRun was gracefully stopped"
    TIMEOUT = "PipelineRun Tasks timeout has been reached"


class Wish(StrEnum):
    """What `spec.status` says."""

    NONE = ""
    CANCELLED = "Cancelled"
    CANCELLED_RUN_FINALLY = "CancelledRunFinally"
    STOPPED_RUN_FINALLY = "StoppedRunFinally"
    PENDING = "PipelineRunPending"


@dataclass(frozen=True)
class Course:
    """What ends a run before its tasks do."""

    wish: Wish = Wish.NONE
    late: str = ""
    """Whose time is up: `pipeline`, `tasks`, `finally`; empty for none."""
    limit: str = ""
    """How long that time was, as it was written."""


@dataclass(frozen=True)
class Seen:
    """A task that has begun: its state, its results, and why it ended as it did."""

    state: State
    results: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""

    @property
    def is_over(self) -> bool:
        return self.state is not State.RUNNING


@dataclass(frozen=True)
class Decision:
    """What is to be done now. `is_over`: nothing runs, and nothing will."""

    begin: tuple[Task, ...]
    skipped: Mapping[str, Skip]
    is_final: bool
    """The tasks are over; those of `finally` have their turn."""
    is_over: bool
    seen: Mapping[str, Seen]
    course: Course
    """What it was decided from."""
    invalid: Mapping[str, str] = field(default_factory=dict)
    """Tasks that can never begin, though nothing before them failed, and why; with one of these the run fails."""

    @property
    def is_cut_short(self) -> bool:
        """Nothing more is decided: the run is cancelled, or its time is up."""
        return self.course.late == "pipeline" or self.course.wish is Wish.CANCELLED


def combine(several: Sequence[Seen]) -> Seen:
    """A task with a matrix, from its TaskRuns: over when all are, and failed when one has. Results become lists."""
    if len(several) == 1:
        return several[0]
    order = (State.RUNNING, State.FAILED, State.CANCELLED, State.SUCCEEDED)
    state = next(state for state in order if any(one.state is state for one in several))
    reason = next(one.reason for one in several if one.state is state)
    names = dict.fromkeys(name for one in several for name in one.results)
    return Seen(state, {name: [one.results.get(name, "") for one in several] for name in names}, reason)


def decide(plan: Plan, seen: Mapping[str, Seen], course: Course) -> Decision:
    """What follows from what was seen."""
    if course.late == "pipeline" or course.wish is Wish.CANCELLED:
        over = all(one.is_over for one in seen.values())
        return Decision((), {}, is_final=False, is_over=over, seen=seen, course=course)
    skipped: dict[str, Skip] = {}
    begin: list[Task] = []
    plain = [task for task in plan.tasks if not task.is_final]
    waiting = [task for task in _in_order(plain) if task.name not in seen]
    stop = _why_stop(plan, seen, course)
    invalid = {} if stop else _invalid(waiting, seen)
    if invalid:
        stop = Skip.STOPPING
    for task in waiting:
        if task.name in invalid:
            continue
        skip = stop or _why_skip(plan, task, seen, skipped) or (Skip.TIMEOUT if course.late else None)
        if skip is not None:
            skipped[task.name] = skip
        elif all(_is_over(name, seen, skipped) for name in task.after):
            begin.append(task)
    is_final = not begin and all(task.name in invalid or _is_over(task.name, seen, skipped) for task in plain)
    if is_final and course.late != "finally":
        begin = _finals(plan, seen, skipped)
    is_over = is_final and not begin and all(one.is_over for one in seen.values())
    return Decision(tuple(begin), skipped, is_final, is_over, seen, course, invalid)


def _invalid(waiting: Sequence[Task], seen: Mapping[str, Seen]) -> dict[str, str]:
    """Tasks that take a result which a task that ran to its end did not make."""
    found = {}
    for task in waiting:
        for name, result in sorted(task.needs) if not task.may_fail else ():
            one = seen.get(name)
            if one is not None and one.is_over and result not in one.results:
                how = "completed successfully" if one.state is State.SUCCEEDED else "failed"
                words = f'task "{name}" {how} but did not emit the result "{result}"'
                found[task.name] = f'{words}, which is referenced by task "{task.name}"'
    return found


def _finals(plan: Plan, seen: Mapping[str, Seen], skipped: dict[str, Skip]) -> list[Task]:
    """The tasks of `finally` that begin, once all others are over; those that cannot are noted as skipped."""
    begin = []
    for task in plan.tasks:
        if not task.is_final or task.name in seen:
            continue
        skip = _why_skip(plan, task, seen, skipped)
        if skip is not None:
            skipped[task.name] = skip
        else:
            begin.append(task)
    return begin


def values_of(
    plan: Plan, seen: Mapping[str, Seen], skipped: Mapping[str, Skip]
) -> dict[str, str | list[str]]:
    """What tasks may name of their run: parameters, results, and for `finally` how the others ended."""
    found: dict[str, str | list[str]] = dict(plan.params)
    failed = False
    for task in plan.tasks:
        one = seen.get(task.name)
        status = {State.SUCCEEDED: "Succeeded"}.get(one.state, "Failed") if one and one.is_over else "None"
        failed = failed or (status == "Failed" and not task.is_final)
        found[f"tasks.{task.name}.status"] = status
        found[f"tasks.{task.name}.reason"] = one.reason if one else ""
        for name, value in one.results.items() if one else ():
            found |= named(f"tasks.{task.name}.results.{name}", value)
    found["tasks.status"] = "Failed" if failed else "Completed" if skipped else "Succeeded"
    return found


def has_failed(plan: Plan, seen: Mapping[str, Seen]) -> bool:
    """Whether a task failed whose failure counts."""
    return any(one.state is State.FAILED and not plan.find(name).may_fail for name, one in seen.items())


def _why_stop(plan: Plan, seen: Mapping[str, Seen], course: Course) -> Skip | None:
    plain = {name: one for name, one in seen.items() if not plan.find(name).is_final}
    cancelled = any(one.state is State.CANCELLED for one in plain.values())
    if cancelled or has_failed(plan, plain):
        return Skip.STOPPING
    if course.wish is Wish.CANCELLED_RUN_FINALLY:
        return Skip.CANCELLED
    return Skip.STOPPED if course.wish is Wish.STOPPED_RUN_FINALLY else None


def _why_skip(plan: Plan, task: Task, seen: Mapping[str, Seen], skipped: Mapping[str, Skip]) -> Skip | None:
    ready = all(_is_over(name, seen, skipped) for name in task.after)
    there = all(name in seen and result in seen[name].results for name, result in task.needs)
    if ready and there and not _holds(task, values_of(plan, seen, skipped)):
        return Skip.WHEN
    for name in sorted(task.after):
        if skipped.get(name) not in (None, Skip.WHEN):
            return Skip.PARENT
    for name, result in sorted(task.needs):
        one = seen.get(name)
        if name in skipped or (one is not None and one.is_over and result not in one.results):
            return Skip.RESULTS
    return None


def _holds(task: Task, values: Mapping[str, str | list[str]]) -> bool:
    for raw in task.body.get("when") or ():
        expression = substitute(raw, values)
        if source := expression.get("cel"):
            if not _is_true(task.name, source):
                return False
            continue
        is_in = expression.get("input", "") in (expression.get("values") or [])
        if is_in == (expression.get("operator") == "notin"):
            return False
    return True


def _is_true(task: str, source: str) -> bool:
    """What a CEL expression comes to, its variables replaced already; BadRun with Tekton's reason where that is no yes or no."""
    try:
        found = cel.compiled(source, {}).evaluate({})
    except (cel.CompilationError, cel.EvaluationError) as error:
        raise BadRun("CELEvaluationFailed", f"task {task}: when: {source}: {error}") from error
    if not isinstance(found, bool):
        words = f"task {task}: when: {source} is {found!r}, which is neither true nor false"
        raise BadRun("CELEvaluationFailed", words)
    return found


def _is_over(name: str, seen: Mapping[str, Seen], skipped: Mapping[str, Skip]) -> bool:
    return name in skipped or (name in seen and seen[name].is_over)


def _in_order(tasks: list[Task]) -> list[Task]:
    """Those that come before others first, otherwise as they are written."""
    left, found = {task.name: task for task in tasks}, []
    while left:
        for task in [one for one in left.values() if not one.after & left.keys()]:
            found.append(left.pop(task.name))
    return found
