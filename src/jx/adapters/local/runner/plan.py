"""What a PipelineRun asks for: its tasks, in which order, with what; or why that cannot be run. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from jx.adapters.local.runner.substitution import named, results_in

Obj: TypeAlias = dict[str, Any]

DEFAULT_TIMEOUT = "1h"
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}

_RUN = frozenset(
    {
        "pipelineSpec",
        "params",
        "workspaces",
        "timeouts",
        "status",
        "taskRunTemplate",
        "taskRunSpecs",
        "managedBy",
    }
)
_PIPELINE = frozenset({"description", "displayName", "params", "tasks", "finally", "workspaces", "results"})
_PIPELINE_TASK = frozenset(
    {"name", "displayName", "description", "taskSpec", "runAfter", "params", "workspaces", "when"}
    | {"retries", "timeout", "onError", "matrix"}
)
_MATRIX = frozenset({"params", "include"})
_TASK = frozenset(
    {
        "description",
        "displayName",
        "params",
        "steps",
        "stepTemplate",
        "sidecars",
        "results",
        "workspaces",
        "volumes",
        "metadata",
    }
)
_STEP = frozenset(
    {
        "name",
        "displayName",
        "image",
        "command",
        "args",
        "script",
        "env",
        "envFrom",
        "workingDir",
        "volumeMounts",
    }
    | {"computeResources", "resources", "onError", "timeout", "imagePullPolicy", "securityContext"}
)
_SIDECAR = frozenset(
    {"name", "image", "command", "args", "script", "env", "envFrom", "workingDir", "volumeMounts", "ports"}
    | {"computeResources", "resources", "readinessProbe", "imagePullPolicy", "securityContext"}
)
_TASK_RUN_SPEC = frozenset(
    {"pipelineTaskName", "serviceAccountName", "podTemplate", "computeResources", "metadata"}
)
_WHEN = frozenset({"input", "operator", "values", "cel"})


_NAMING = ("params", "when", "matrix", "taskSpec")
"""Where a task may name results of others."""


class BadRun(Exception):
    """A run that cannot be run, with Tekton's reason and what is wrong."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class Task:
    """One task of a pipeline."""

    name: str
    body: Obj
    is_final: bool
    after: frozenset[str]
    """Tasks that come before it: named by `runAfter`, or by their results."""
    needs: frozenset[tuple[str, str]]
    """Results that it takes: task and name."""

    @property
    def spec(self) -> Obj:
        found: Obj = self.body["taskSpec"]
        return found

    @property
    def retries(self) -> int:
        return int(self.body.get("retries") or 0)

    @property
    def may_fail(self) -> bool:
        return self.body.get("onError") == "continue"


@dataclass(frozen=True)
class Plan:
    """Everything that a run asks for."""

    tasks: tuple[Task, ...]
    params: Mapping[str, str | list[str]]
    spec: Obj
    timeouts: Mapping[str, float | None] = field(default_factory=dict)
    """Seconds for `pipeline`, `tasks`, `finally`; None for no limit."""

    def find(self, name: str) -> Task:
        return next(task for task in self.tasks if task.name == name)


def read_plan(run: Obj) -> Plan:
    """The plan of a PipelineRun that names nothing outside of it. BadRun where it cannot be run here as Tekton would."""
    spec: Obj = run["spec"]
    if "pipelineSpec" not in spec:
        raise BadRun("CouldntGetPipeline", "a run has a pipelineSpec or a pipelineRef")
    _known("spec", spec, _RUN)
    for each in spec.get("taskRunSpecs") or ():
        _known(f"taskRunSpecs of {each.get('pipelineTaskName')}", each, _TASK_RUN_SPEC)
    pipeline = spec["pipelineSpec"]
    _known("pipelineSpec", pipeline, _PIPELINE)
    bodies = [*((each, False) for each in pipeline.get("tasks") or ())]
    bodies += [(each, True) for each in pipeline.get("finally") or ()]
    if not bodies or bodies[0][1]:
        raise BadRun("PipelineValidationFailed", "the pipeline has no tasks")
    tasks = tuple(_task(body, is_final=is_final) for body, is_final in bodies)
    _check_order(tasks)
    _check_workspaces(spec, pipeline)
    for task in tasks:
        _check_params(task)
    return Plan(tasks, _params(spec, pipeline), pipeline, _timeouts(spec))


def seconds_of(text: str) -> float:
    """A duration as Go writes it; BadRun for what is none."""
    if text == "0":
        return 0.0
    if not text or _DURATION.sub("", text):
        raise BadRun("PipelineValidationFailed", f"{text!r} is no duration, such as 1h30m or 10s")
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text))


def go_duration(seconds: float) -> str:
    """As Go writes a duration: 2s, 1m0s, 1h0m0s, 1.5s, 300ms."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, left = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{left:g}s"


def _known(where: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    unknown = sorted(key for key in given if key not in known and given[key] not in (None, [], {}))
    if unknown:
        words = f"{where}: {', '.join(unknown)} is not there in the embedded runner"
        raise BadRun("PipelineValidationFailed", words)


def _task(body: Obj, *, is_final: bool) -> Task:
    name = body.get("name") or ""
    if "taskSpec" not in body:
        raise BadRun("CouldntGetTask", f"task {name} has a taskSpec or a taskRef")
    _known(f"task {name}", body, _PIPELINE_TASK)
    spec = body["taskSpec"]
    _known(f"task {name}: taskSpec", spec, _TASK)
    if not spec.get("steps"):
        raise BadRun("PipelineValidationFailed", f"task {name} has no steps")
    _check_steps(name, spec)
    _check_sidecars(name, spec)
    for expression in body.get("when") or ():
        _known(f"task {name}: when", expression, _WHEN)
        if expression.get("cel") and any(expression.get(key) for key in ("input", "operator", "values")):
            words = f"task {name}: when: cel and input, operator, values exclude each other"
            raise BadRun("PipelineValidationFailed", words)
    if body.get("timeout"):
        seconds_of(str(body["timeout"]))
    _known(f"task {name}: matrix", body.get("matrix") or {}, _MATRIX)
    needs = frozenset(results_in([body.get(key) for key in _NAMING]))
    after = frozenset(body.get("runAfter") or ()) | {task for task, _ in needs}
    return Task(name, body, is_final, frozenset() if is_final else after, needs)


def _check_steps(task: str, spec: Obj) -> None:
    names = set()
    for number, step in enumerate(spec["steps"]):
        name = step.get("name") or f"unnamed-{number}"
        _known(f"task {task}, step {name}", step, _STEP)
        if name in names:
            raise BadRun("PipelineValidationFailed", f"task {task} has two steps {name}")
        names.add(name)
        if step.get("timeout"):
            seconds_of(str(step["timeout"]))
        if step.get("script") and step.get("command"):
            raise BadRun(
                "PipelineValidationFailed", f"task {task}, step {name}: command and script exclude each other"
            )


def _check_sidecars(task: str, spec: Obj) -> None:
    names = [str(each.get("name") or "") for each in spec.get("sidecars") or ()]
    for name, each in zip(names, spec.get("sidecars") or (), strict=True):
        _known(f"task {task}, sidecar {name}", each, _SIDECAR)
    if "" in names or len(set(names)) < len(names):
        raise BadRun("PipelineValidationFailed", f"task {task}: each sidecar has a name of its own")


def _check_order(tasks: tuple[Task, ...]) -> None:
    names = [task.name for task in tasks]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise BadRun("PipelineInvalidGraph", f"two tasks are called {doubled[0]}")
    plain = {task.name: task.after for task in tasks if not task.is_final}
    for task in tasks:
        missing = sorted((task.after | {name for name, _ in task.needs}) - plain.keys())
        if missing:
            raise BadRun(
                "PipelineInvalidGraph", f"task {task.name} comes after {missing[0]}, which is not there"
            )
    left = dict(plain)
    while left:
        free = [name for name, after in left.items() if not after & left.keys()]
        if not free:
            raise BadRun("PipelineInvalidGraph", f"tasks wait for each other: {', '.join(sorted(left))}")
        for name in free:
            del left[name]


def _check_workspaces(spec: Obj, pipeline: Obj) -> None:
    bound = {each["name"] for each in spec.get("workspaces") or ()}
    for each in pipeline.get("workspaces") or ():
        if each["name"] not in bound and not each.get("optional"):
            raise BadRun("InvalidWorkspaceBindings", f"nothing is bound to workspace {each['name']}")


def _check_params(task: Task) -> None:
    """Each parameter of a task has a value."""
    matrix = task.body.get("matrix") or {}
    sets = [matrix, task.body, *(matrix.get("include") or ())]
    given = {each["name"] for one in sets for each in one.get("params") or ()}
    for each in task.spec.get("params") or ():
        if each["name"] not in given and "default" not in each:
            words = f"task {task.name}: parameter {each['name']} has no value"
            raise BadRun("PipelineValidationFailed", words)


def _type_of(value: Any) -> str:
    return "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "string"


def _params(spec: Obj, pipeline: Obj) -> dict[str, str | list[str]]:
    given = {each["name"]: each.get("value") for each in spec.get("params") or ()}
    for each in pipeline.get("params") or ():
        value, kind = given.get(each["name"]), each.get("type") or _type_of(each.get("default"))
        if value is not None and _type_of(value) != kind:
            words = (
                f"parameter {each['name']} is of type {kind}, and is given a value of type {_type_of(value)}"
            )
            raise BadRun("ParameterTypeMismatch", words)
    found: dict[str, str | list[str]] = {}
    for each in pipeline.get("params") or ():
        if each["name"] not in given and "default" not in each:
            raise BadRun("ParameterMissing", f"parameter {each['name']} has no value")
        found |= named(f"params.{each['name']}", given.pop(each["name"], each.get("default")))
    for name, value in given.items():  # parameters of a run reach specs that are written into it
        found |= named(f"params.{name}", value)
    return found


def _timeouts(spec: Obj) -> dict[str, float | None]:
    given = spec.get("timeouts") or {}
    found: dict[str, float | None] = {}
    for name in ("pipeline", "tasks", "finally"):
        text = str(given.get(name) or ("" if name != "pipeline" else DEFAULT_TIMEOUT))
        found[name] = (seconds_of(text) or None) if text else None
    return found
