"""Compiling: an effective pipeline and what it is run for, to Tekton's PipelineRun.

A stage with steps is a task; stages one after another run after each other, parallel ones at once. Tasks share a workspace by its
name: the first one that uses it clones, or a task of its own does where several would be first. `post` runs in `finally`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from jx.domain.errors import NotFound
from jx.domain.layouts.sections import Mistakes, find_nearest
from jx.domain.pipelines.inheriting import KINDS, merge_containers, merge_env
from jx.domain.pipelines.naming import to_label
from jx.domain.pipelines.runs import RunRequest, annotations_of, env_of, labels_of, write_labels
from jx.domain.pipelines.syntax import (
    Agent,
    Condition,
    EnvVar,
    Lifecycles,
    Options,
    Pipeline,
    PipelineKind,
    Post,
    ProjectFile,
    Stage,
    Step,
)
from jx.domain.pipelines.task_specs import TaskParts, has_devices, make_task_spec, write_resources

PipelineRun = dict[str, Any]
"""The object, as plain data."""

DEFAULT_TIMEOUT = timedelta(hours=240)
"""Of a run whose pipeline says nothing."""

SET_VERSION = "set-version"
_CLONE = "clone"
_WORKSPACE = "source"


def compile_run(file: ProjectFile, request: RunRequest) -> PipelineRun:
    """The run of one kind of an effective file. NotFound where it has no such kind; Invalid, with all mistakes, for what two
    stages or steps come to that may be there once only."""
    lifecycles = find_kind(file, request.kind)
    assert lifecycles.pipeline is not None
    sets_version = bool(lifecycles.set_version) and not request.version and not file.no_release_prepare
    request = replace(
        request,
        docker_registry=request.docker_registry or file.docker_registry_host,
        docker_registry_org=request.docker_registry_org or file.docker_registry_owner,
    )
    compiling = _Compiling(request, lifecycles.pipeline)
    if sets_version and lifecycles.set_version:
        compiling.set_version(lifecycles.set_version.steps)
    compiling.stages()
    compiling.post(lifecycles.pipeline.post)
    made = compiling.run()
    compiling.mistakes.check("the pipeline cannot be run")
    return made


def find_kind(file: ProjectFile, kind: PipelineKind) -> Lifecycles:
    """What an effective file does for a kind; NotFound with those that it has."""
    pipelines = file.pipeline_config.pipelines if file.pipeline_config else None
    attributes = {
        one: name for one in PipelineKind for name in KINDS if one.value.lower() == name.replace("_", "")
    }
    found: Lifecycles | None = getattr(pipelines, attributes[kind], None)
    if found is None or found.pipeline is None:
        has = [one.value for one in PipelineKind if getattr(pipelines, attributes[one], None)]
        near = find_nearest(kind.value, has)
        raise NotFound(
            f"{file.place.where or 'the file'} has no {kind.value} pipeline",
            hint=f"it has: {', '.join([*near, *(one for one in has if one not in near)]) or 'none'}",
        )
    return found


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a stage has from above."""

    agent: Agent | None = None
    env: tuple[EnvVar, ...] = ()
    container: dict[str, Any] = field(default_factory=dict)
    sidecars: tuple[dict[str, Any], ...] = ()
    volumes: tuple[dict[str, Any], ...] = ()
    folder: str = ""
    workspace: str = _WORKSPACE

    def within(self, stage: Stage | Pipeline) -> _Scope:
        """The same, with what a stage or pipeline says."""
        options = stage.options or Options()
        return _Scope(
            agent=stage.agent if stage.agent and stage.agent.real_image else self.agent,
            env=merge_env(self.env, stage.real_env),
            container=merge_containers(self.container, options.container_options) or {},
            sidecars=(*self.sidecars, *options.sidecars),
            volumes=tuple({str(one.get("name")): one for one in (*self.volumes, *options.volumes)}.values()),
            folder=stage.dir or self.folder,
            workspace=to_label(options.workspace) or self.workspace,
        )


@dataclass(frozen=True, slots=True)
class _Task:
    """A task to be."""

    name: str
    workspace: str
    parts: TaskParts
    after: tuple[str, ...] = ()
    before: frozenset[str] = frozenset()
    """All tasks that have ended when it begins."""
    options: Options = field(default_factory=Options)
    matrix: tuple[tuple[str, tuple[str, ...]], ...] = ()
    when: tuple[dict[str, Any], ...] = ()
    """Of a task at the end."""
    needs_success: bool = False
    makes_version: bool = False


class _Compiling:
    """The state of one compilation: the tasks so far, in order."""

    def __init__(self, request: RunRequest, pipeline: Pipeline) -> None:
        self.mistakes = Mistakes()
        self._request = request
        self._pipeline = pipeline
        self._scope = _Scope(folder=f"/workspace/{request.source}").within(pipeline)
        self._tasks: list[_Task] = []
        self._last: list[_Task] = []
        self._version_task = ""

    # -- tasks ----------------------------------------------------------------------------------------------------

    def set_version(self, steps: tuple[Step, ...]) -> None:
        """First the version is made, and every stage is told it."""
        taken = {to_label(stage.name) for stage in _leaves(self._pipeline.stages)}
        name = next(name for name in _numbered(SET_VERSION) if name not in taken)
        agent = self._scope.agent or next(
            (one.agent for one in _leaves(self._pipeline.stages) if one.agent), None
        )
        parts = self._parts(steps, replace(self._scope, agent=agent), SET_VERSION, has_version=False)
        self._version_task = name
        self._tasks.append(
            _Task(name, self._scope.workspace, replace(parts, makes_version=True), makes_version=True)
        )

    def stages(self) -> None:
        """All stages, one after another."""
        after = (self._version_task,) if self._version_task else ()
        self._sequence(self._pipeline.stages, self._scope, after, frozenset(after))
        self._add_clones()

    def _sequence(
        self, stages: tuple[Stage, ...], scope: _Scope, after: tuple[str, ...], before: frozenset[str]
    ) -> tuple[tuple[str, ...], frozenset[str]]:
        for stage in stages:
            after, before = self._stage(stage, scope, after, before)
        return after, before

    def _stage(
        self, stage: Stage, scope: _Scope, after: tuple[str, ...], before: frozenset[str]
    ) -> tuple[tuple[str, ...], frozenset[str]]:
        inner = scope.within(stage)
        if stage.stages:
            return self._sequence(stage.stages, inner, after, before)
        if stage.parallel:
            ends = [self._stage(one, inner, after, before) for one in stage.parallel]
            last = tuple(name for names, _ in ends for name in names)
            return last, frozenset().union(*(done for _, done in ends))
        name = to_label(stage.name)
        matrix = tuple((key, tuple(values)) for key, values in stage.matrix.items())
        variables = tuple(EnvVar(key, f"$(params.{key})") for key in stage.matrix)
        inner = replace(inner, env=merge_env(inner.env, variables))
        parts = replace(self._parts(stage.steps, inner, stage.name), matrix=tuple(stage.matrix))
        options = stage.options or Options()
        self._tasks.append(_Task(name, inner.workspace, parts, after, before, options, matrix))
        for post in stage.post:
            self._post(post, inner, name)
        return (name,), before | {name}

    def _parts(
        self, steps: tuple[Step, ...], scope: _Scope, stage: str, *, has_version: bool = True
    ) -> TaskParts:
        env = {name: EnvVar(name, value) for name, value in env_of(self._request).items()}
        if not has_version:
            env = {name: one for name, one in env.items() if "$(params.version)" not in one.value}
        return TaskParts(
            request=self._request,
            stage=stage,
            steps=steps,
            image=scope.agent.real_image if scope.agent else "",
            run_env=tuple(env.values()),
            env=scope.env,
            container=scope.container,
            sidecars=scope.sidecars,
            volumes=scope.volumes,
            folder=scope.folder,
        )

    def _add_clones(self) -> None:
        """Each workspace is filled once, before anybody uses it: by a task of its own where several would be first, and where a
        sidecar of the file could write there meanwhile what git would run with the login that only cloning has."""
        for workspace in dict.fromkeys(task.workspace for task in self._tasks):
            users = [task for task in self._tasks if task.workspace == workspace]
            names = {task.name for task in users}
            first = [task for task in users if not task.before & names]
            if len(first) == 1 and not first[0].matrix and not first[0].parts.sidecars:
                parts = replace(first[0].parts, clones=True)
                self._replace(first[0], replace(first[0], parts=parts))
                continue
            wanted = _CLONE if workspace == _WORKSPACE else f"{_CLONE}-{workspace}"
            taken = {task.name for task in self._tasks}
            name = next(one for one in _numbered(to_label(wanted)) if one not in taken)
            parts = replace(
                self._parts((), self._scope, wanted), clones=True, env=(), sidecars=(), volumes=()
            )
            for task in first:
                self._replace(task, replace(task, after=(*task.after, name)))
            self._tasks.insert(0, _Task(name, workspace, parts))

    def _replace(self, old: _Task, new: _Task) -> None:
        self._tasks[self._tasks.index(old)] = new

    # -- the end --------------------------------------------------------------------------------------------------

    def post(self, posts: tuple[Post, ...]) -> None:
        """What runs when all is over."""
        for post in posts:
            self._post(post, self._scope, "")

    def _post(self, post: Post, scope: _Scope, stage: str) -> None:
        assert post.condition is not None
        taken = {task.name for task in (*self._tasks, *self._last)}
        wanted = to_label("-".join(part for part in ("post", stage, post.condition.value) if part))
        name = next(one for one in _numbered(wanted) if one not in taken)
        parts = self._parts(post.steps, scope, name)
        success = post.condition is Condition.SUCCESS
        when = _when(post.condition, stage)
        self._last.append(_Task(name, scope.workspace, parts, when=when, needs_success=success))

    # -- the object -----------------------------------------------------------------------------------------------

    def run(self) -> PipelineRun:
        """The object of all that."""
        request, options = self._request, self._pipeline.options or Options()
        timeout = options.timeout.duration if options.timeout else DEFAULT_TIMEOUT
        metadata: dict[str, Any] = {"name": request.name}
        if request.namespace:
            metadata["namespace"] = request.namespace
        metadata |= {
            "labels": write_labels(options.pod_labels) | labels_of(request),
            "annotations": annotations_of(request),
        }
        template: dict[str, Any] = {"serviceAccountName": request.account}
        if options.tolerations:
            template["podTemplate"] = {"tolerations": list(options.tolerations)}
        spec: dict[str, Any] = {
            "params": [
                {"name": "version", "value": request.version or request.snapshot_version},
                {"name": "build_id", "value": str(request.build)},
            ],
            "timeouts": {"pipeline": write_duration(timeout)},
            "taskRunTemplate": template,
            "workspaces": [self._workspace(name) for name in self._workspaces()],
            "pipelineSpec": self._pipeline_spec(),
        }
        own = [one for task in (*self._tasks, *self._last) if (one := _run_spec(task))]
        if own:
            spec["taskRunSpecs"] = own
        return {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": metadata, "spec": spec}

    def _workspaces(self) -> list[str]:
        return list(dict.fromkeys(task.workspace for task in (*self._tasks, *self._last)))

    def _workspace(self, name: str) -> dict[str, Any]:
        """A folder of the one pod that uses it, or a volume that several pods mount."""
        users = [task for task in (*self._tasks, *self._last) if task.workspace == name]
        if len(users) == 1 and not users[0].matrix:
            return {"name": name, "emptyDir": {}}
        requests = {"requests": {"storage": self._request.storage}}
        claim = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": requests}}
        return {"name": name, "volumeClaimTemplate": claim}

    def _pipeline_spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = {
            "params": [{"name": name, "type": "string"} for name in ("version", "build_id")],
            "workspaces": [{"name": name} for name in self._workspaces()],
            "tasks": [self._task(task) for task in self._tasks],
        }
        if self._last:
            spec["finally"] = [self._task(task) for task in self._last]
        return spec

    def _task(self, task: _Task) -> dict[str, Any]:
        made: dict[str, Any] = {"name": task.name}
        after = [name for name in task.after if name]
        if after:
            made["runAfter"] = after
        if task.when:
            made["when"] = list(task.when)
        if task.options.timeout:
            made["timeout"] = write_duration(task.options.timeout.duration)
        if task.options.retry:
            made["retries"] = task.options.retry
        made["params"] = [
            {"name": "version", "value": self._version_of(task)},
            {"name": "build_id", "value": "$(params.build_id)"},
        ]
        if task.matrix:
            made["matrix"] = {
                "params": [{"name": name, "value": list(values)} for name, values in task.matrix]
            }
        made["workspaces"] = [{"name": _WORKSPACE, "workspace": task.workspace}]
        made["taskSpec"] = make_task_spec(task.parts, self.mistakes)
        return made

    def _version_of(self, task: _Task) -> str:
        """What the run was told, or what its first task has made; a task at the end would not run without that."""
        is_last = task in self._last
        if not self._version_task or task.makes_version or (is_last and not task.needs_success):
            return "$(params.version)"
        if not is_last and self._version_task not in task.before:
            return "$(params.version)"
        return f"$(tasks.{self._version_task}.results.version)"


def _leaves(stages: tuple[Stage, ...]) -> Iterator[Stage]:
    for stage in stages:
        if stage.children:
            yield from _leaves(stage.children)
        else:
            yield stage


def _numbered(name: str) -> Iterator[str]:
    yield name
    for number in range(2, 1000):
        yield f"{name[:58]}-{number}"


def _when(condition: Condition, stage: str) -> tuple[dict[str, Any], ...]:
    status = f"$(tasks.{stage}.status)" if stage else "$(tasks.status)"
    good = ["Succeeded"] if stage else ["Succeeded", "Completed"]
    match condition:
        case Condition.SUCCESS:
            return ({"input": status, "operator": "in", "values": good},)
        case Condition.FAILURE:
            return ({"input": status, "operator": "in", "values": ["Failed"]},)
        case Condition.ALWAYS:
            return ({"input": status, "operator": "notin", "values": ["None"]},) if stage else ()


def _run_spec(task: _Task) -> dict[str, Any]:
    """What belongs to the pod of a task, and so stands beside the pipeline."""
    made: dict[str, Any] = {}
    resources = task.parts.container.get("resources")
    if resources and not has_devices(resources):
        made["computeResources"] = write_resources(resources)
    if task.options.tolerations:
        made["podTemplate"] = {"tolerations": list(task.options.tolerations)}
    if task.options.pod_labels:
        made["metadata"] = {"labels": write_labels(task.options.pod_labels)}
    return {"pipelineTaskName": task.name, **made} if made else {}


def write_duration(span: timedelta) -> str:
    """As Go writes it: `240h0m0s`."""
    seconds = int(span.total_seconds())
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "m"), (left, "s")]
    while len(parts) > 1 and not parts[0][0]:
        del parts[0]
    return "".join(f"{number}{unit}" for number, unit in parts)
