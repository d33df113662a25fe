"""References: pipelines and tasks that are objects of the namespace, written into the run that names them. Pure.

A run keeps what it began with: its status has the pipeline, so an object that changes meanwhile changes nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jx.adapters.local.runner.plan import BadRun, Obj

Find = Callable[[str, str], Obj | None]
"""An object of the namespace by its kind (`Pipeline`, `Task`) and name; None where there is none."""

_REASONS = {"Pipeline": "CouldntGetPipeline", "Task": "CouldntGetTask"}
_WORDS = {"name", "kind", "apiVersion"}


def resolved(run: Obj, find: Find) -> Obj:
    """The run with everything written into it that it names. BadRun for what is not there, or is somewhere else."""
    spec: Obj = run["spec"]
    if not _has_references(spec):
        return run
    kept = (run.get("status") or {}).get("pipelineSpec")
    pipeline = kept or _with_tasks(_pipeline(spec, find), find)
    rest = {key: value for key, value in spec.items() if key != "pipelineRef"}
    return {**run, "spec": {**rest, "pipelineSpec": pipeline}}


def _has_references(spec: Obj) -> bool:
    pipeline = spec.get("pipelineSpec") or {}
    tasks = [*(pipeline.get("tasks") or ()), *(pipeline.get("finally") or ())]
    return "pipelineRef" in spec or any("taskRef" in task for task in tasks)


def _pipeline(spec: Obj, find: Find) -> Obj:
    if "pipelineRef" not in spec:
        return dict(spec["pipelineSpec"])
    if "pipelineSpec" in spec:
        raise BadRun("PipelineValidationFailed", "a run has pipelineSpec or pipelineRef, not both")
    return _named("pipelineRef", spec["pipelineRef"], "Pipeline", find)


def _with_tasks(pipeline: Obj, find: Find) -> Obj:
    found: Obj = dict(pipeline)
    for key in ("tasks", "finally"):
        if pipeline.get(key):
            found[key] = [_with_spec(task, find) for task in pipeline[key]]
    return found


def _with_spec(task: Obj, find: Find) -> Obj:
    if "taskRef" not in task:
        return task
    where = f"task {task.get('name')}: taskRef"
    if "taskSpec" in task:
        raise BadRun("PipelineValidationFailed", f"{where} and taskSpec exclude each other")
    rest = {key: value for key, value in task.items() if key != "taskRef"}
    return {**rest, "taskSpec": _named(where, task["taskRef"], "Task", find)}


def _named(where: str, reference: Mapping[str, Any], kind: str, find: Find) -> Obj:
    """The spec of what is named."""
    other = sorted(reference.keys() - _WORDS)
    if other:
        words = f"{where}: {', '.join(other)} is not there in the embedded runner; name a {kind} of this namespace"
        raise BadRun(_REASONS[kind], words)
    given, version = str(reference.get("kind") or kind), str(reference.get("apiVersion") or "tekton.dev/v1")
    if given != kind or not version.startswith("tekton.dev/"):
        raise BadRun(_REASONS[kind], f"{where}: {version} {given} is not run here; {kind} is")
    name = str(reference.get("name") or "")
    found = find(kind, name) if name else None
    if found is None:
        raise BadRun(_REASONS[kind], f"{where}: there is no {kind} {name} in this namespace")
    return dict(found["spec"])
