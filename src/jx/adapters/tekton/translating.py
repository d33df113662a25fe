"""A PipelineRun and its TaskRuns as a domain value, and a new run as a PipelineRun; pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from jx.adapters.kubernetes.api import Json, Resource
from jx.domain.runs.runs import NewRun, Run, RunStage, RunState, RunStep

PIPELINE_RUNS = Resource("tekton.dev/v1", "pipelineruns", "PipelineRun")
TASK_RUNS = Resource("tekton.dev/v1", "taskruns", "TaskRun")
RUN_LABEL = "tekton.dev/pipelineRun"

_PIPELINE = "jenkins.io/pipeline"
_REVISION = "jenkins.io/revision"
_AUTHOR = "jenkins.io/author"
_MESSAGE = "jenkins.io/message"
_GIT_URL = "jenkins.io/git-url"
_PULL_URL = "jenkins.io/pull-url"
_CANCELLED = (
    "Cancelled",
    "CancelledRunningFinally",
    "StoppedRunningFinally",
    "TaskRunCancelled",
    "PipelineRunCancelled",
)
_NOT_BEGUN = ("Pending", "PipelineRunPending", "Started", "")


def body_of(run: NewRun, namespace: str) -> Json:
    """The PipelineRun of a new run, with the labels that Jenkins X 2 gave."""
    owner, repository, branch = _parts(run.pipeline)
    labels = {"owner": owner, "repository": repository, "branch": branch, "build": str(run.build)}
    labels |= {"context": run.context, "jenkins.io/pipelineType": "build"}
    notes = {_PIPELINE: run.pipeline, _REVISION: run.revision, _AUTHOR: run.author, _MESSAGE: run.message}
    notes |= {_GIT_URL: run.git_url, _PULL_URL: run.pull_url}
    return {
        "apiVersion": PIPELINE_RUNS.api_version,
        "kind": PIPELINE_RUNS.kind,
        "metadata": {
            "name": dns_name(run.name),
            "namespace": namespace,
            "labels": {
                **run.labels,
                **{key: value for key, text in labels.items() if (value := _label(text))},
            },
            "annotations": {key: value for key, value in notes.items() if value},
        },
        "spec": dict(run.spec),
    }


def run_of(body: Json, made: Iterable[Json]) -> Run:
    """A run, from its PipelineRun and the TaskRuns that belong to it."""
    meta, status = body["metadata"], body.get("status") or {}
    labels, notes = meta.get("labels") or {}, meta.get("annotations") or {}
    stages = _stages(status, {each["metadata"]["name"]: each for each in made})
    state, words = _state(status)
    if state is RunState.RUNNING and all(stage.state is RunState.PENDING for stage in stages):
        state = RunState.PENDING
    return Run(
        name=str(meta["name"]),
        pipeline=notes.get(_PIPELINE) or labels.get("tekton.dev/pipeline") or str(meta["name"]),
        build=str(labels.get("build", "")),
        state=state,
        context=str(labels.get("context", "")),
        revision=str(notes.get(_REVISION, "")),
        author=str(notes.get(_AUTHOR, "")),
        message=str(notes.get(_MESSAGE, "")),
        git_url=str(notes.get(_GIT_URL, "")),
        pull_url=str(notes.get(_PULL_URL, "")),
        words=words,
        created=time_of(meta.get("creationTimestamp")),
        started=time_of(status.get("startTime")),
        completed=time_of(status.get("completionTime")),
        stages=stages,
    )


def dns_name(name: str) -> str:
    """A name that Kubernetes takes; another one than the given is told from its like by a digest."""
    safe = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")
    if safe == name and len(name) <= 50:  # names of TaskRuns and pods are made from it
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{safe[:41].rstrip('-')}-{digest}".lstrip("-")


def time_of(text: object) -> datetime | None:
    """A time as Kubernetes writes it; None for none."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _stages(status: Mapping[str, Any], made: Mapping[str, Json]) -> tuple[RunStage, ...]:
    found: list[RunStage] = []
    children = [one for one in status.get("childReferences") or () if one.get("kind") == "TaskRun"]
    tasks = [str(one.get("pipelineTaskName") or one["name"]) for one in children]
    for number, (child, task) in enumerate(zip(children, tasks, strict=True)):
        name = task if tasks.count(task) == 1 else f"{task}-{tasks[:number].count(task)}"  # of a matrix
        found.append(_stage(name, made.get(child["name"])))
    skipped = [
        RunStage(str(each["name"]), RunState.SKIPPED, words=str(each.get("reason", "")))
        for each in status.get("skippedTasks") or ()
    ]
    return (*found, *skipped)


def _stage(name: str, made: Json | None) -> RunStage:
    if made is None:
        return RunStage(name, RunState.PENDING)
    status = made.get("status") or {}
    state, words = _state(status)
    return RunStage(
        name=name,
        state=state,
        started=time_of(status.get("startTime")),
        completed=time_of(status.get("completionTime")),
        words=words if state in (RunState.FAILED, RunState.CANCELLED) else "",
        steps=tuple(_step(each) for each in status.get("steps") or ()),
        pod=str(status.get("podName") or ""),
    )


def _step(status: Json) -> RunStep:
    name, container = str(status.get("name", "")), str(status.get("container", ""))
    if ended := status.get("terminated"):
        code, word = int(ended.get("exitCode") or 0), str(status.get("terminationReason") or "")
        started, completed = time_of(ended.get("startedAt")), time_of(ended.get("finishedAt"))
        if word in ("Skipped", "Cancelled", "TaskRunCancelled"):
            state = RunState.SKIPPED if word == "Skipped" else RunState.CANCELLED
            return RunStep(name, state, started, completed, container=container)
        if code and word != "Continued":
            words = f"exit code {code}" + ("" if word in ("", "Error") else f" ({word})")
            return RunStep(name, RunState.FAILED, started, completed, words, container, code)
        words = f"exit code {code}, which is allowed" if code else ""
        return RunStep(name, RunState.SUCCEEDED, started, completed, words, container)
    if running := status.get("running"):
        return RunStep(name, RunState.RUNNING, time_of(running.get("startedAt")), container=container)
    return RunStep(name, RunState.PENDING, container=container)


def _state(status: Mapping[str, Any]) -> tuple[RunState, str]:
    conditions = status.get("conditions") or ()
    found: Mapping[str, Any] = next((one for one in conditions if one.get("type") == "Succeeded"), {})
    reason, words = str(found.get("reason", "")), str(found.get("message", ""))
    match found.get("status"):
        case "True":
            return RunState.SUCCEEDED, words
        case "False":
            return (RunState.CANCELLED if reason in _CANCELLED else RunState.FAILED), words
        case _:
            return (RunState.PENDING if reason in _NOT_BEGUN else RunState.RUNNING), words


def _parts(pipeline: str) -> tuple[str, str, str]:
    owner, _, rest = pipeline.partition("/")
    repository, _, branch = rest.partition("/")
    return owner, repository, branch


def _label(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:63].strip("-_.")
