"""Everything that is wrong with a file whose shape is right: what contradicts itself, and what no run could do as it says.

A file that passes can be run: what Tekton cannot do is told here, where its line is known, and never left out silently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jx.domain.layouts.sections import Mistakes
from jx.domain.pipelines import parts_checking as parts
from jx.domain.pipelines.naming import to_label
from jx.domain.pipelines.shapes import Place
from jx.domain.pipelines.step_checking import StepRules, check_groovy, check_steps
from jx.domain.pipelines.syntax import (
    LIFECYCLES,
    Condition,
    Lifecycle,
    Lifecycles,
    Override,
    OverrideType,
    Pipeline,
    PipelineConfig,
    PipelineKind,
    Post,
    ProjectFile,
    Stage,
)

MOST_COMBINATIONS = 256
"""Of a matrix, as Tekton is set up."""


def check_project(file: ProjectFile, mistakes: Mistakes) -> None:
    """Note what is wrong with jenkins-x.yml."""
    parts.check_env(file.env, mistakes)
    if file.pipeline_config is not None:
        check_config(file.pipeline_config, mistakes)


def check_config(config: PipelineConfig, mistakes: Mistakes) -> None:
    """Note what is wrong with a `pipelineConfig`, or a build pack's pipeline.yaml."""
    parts.check_env(config.env, mistakes)
    parts.check_container_options(config.container_options, config.place, mistakes)
    if config.environment:
        _note(mistakes, config.place, "environment belongs to a Jenkinsfile; use env", "environment")
    if config.pipelines is None:
        return
    scope = _Scope(has_image=bool(config.agent and config.agent.real_image), volumes=frozenset())
    scope = scope.within_volumes(config.container_options)
    for kind in ("pull_request", "release", "feature"):
        found: Lifecycles | None = getattr(config.pipelines, kind)
        if found is not None:
            _check_lifecycles(found, scope, mistakes)
    if config.pipelines.default is not None:
        check_pipeline(config.pipelines.default, scope, mistakes)
    if config.pipelines.post is not None:
        _check_old_post(config.pipelines.post, mistakes)
    for override in config.pipelines.overrides:
        _check_override(override, mistakes)


@dataclass(frozen=True, slots=True)
class _Scope:
    """What stages have from above."""

    has_image: bool
    volumes: frozenset[str]

    def within_volumes(self, container: Mapping[str, Any] | None) -> _Scope:
        """Volumes that a whole file's container options name may come from a stage: they are not missed."""
        mounts = (container or {}).get("volumeMounts")
        named = (
            {mount.get("name", "") for mount in mounts if isinstance(mount, dict)}
            if isinstance(mounts, list)
            else set()
        )
        return replace(self, volumes=self.volumes | named)


ANYWHERE = _Scope(has_image=False, volumes=frozenset())


def check_pipeline(pipeline: Pipeline, scope: _Scope, mistakes: Mistakes) -> None:
    """Note what is wrong with a pipeline in its own syntax."""
    parts.check_agent(pipeline.agent, mistakes)
    parts.check_both_envs(pipeline.env, pipeline.environment, pipeline.place, mistakes)
    if pipeline.options is not None:
        parts.check_pipeline_options(pipeline.options, mistakes)
    parts.check_dir(pipeline.dir, pipeline.place, mistakes)
    if not pipeline.stages and "stages" in dict(pipeline.place.keys):
        _note(mistakes, pipeline.place, "stages is empty", "stages")
    inner = _Scope(
        has_image=scope.has_image or bool(pipeline.agent and pipeline.agent.real_image),
        volumes=scope.volumes | parts.volume_names(pipeline.options),
    )
    limit = pipeline.options.timeout.duration if pipeline.options and pipeline.options.timeout else None
    for stage in pipeline.stages:
        _check_stage(stage, inner, mistakes)
    for stage in _all_stages(pipeline.stages):
        mine = stage.options.timeout if stage.options else None
        if limit and mine and mine.duration > limit:
            _note(mistakes, mine.place, f"stage {stage.name} may take longer than the whole pipeline")
    _check_names(_all_stages(pipeline.stages), mistakes)
    for post in pipeline.post:
        _check_post(post, inner, mistakes)


def _all_stages(stages: Iterable[Stage]) -> Iterable[Stage]:
    for stage in stages:
        yield stage
        yield from _all_stages((*stage.stages, *stage.parallel))


def _check_names(stages: Iterable[Stage], mistakes: Mistakes) -> None:
    seen: dict[str, Stage] = {}
    for stage in stages:
        label = to_label(stage.name)
        if not any("a" <= letter <= "z" for letter in label):
            if "name" in dict(stage.place.keys):
                _note(mistakes, stage.place, "the name of a stage has at least one ASCII letter", "name")
            continue
        if label in seen:
            other = seen[label]
            same = "" if other.name == stage.name else f" (it is {label} to Tekton, as {other.name} is)"
            _note(
                mistakes,
                stage.place,
                f"stage {stage.name} stands in line {other.place.line}, too{same}",
                "name",
            )
        seen.setdefault(label, stage)


def _check_stage(stage: Stage, scope: _Scope, mistakes: Mistakes) -> None:
    parts.check_agent(stage.agent, mistakes)
    parts.check_both_envs(stage.env, stage.environment, stage.place, mistakes)
    parts.check_dir(stage.dir, stage.place, mistakes)
    given = [name for name in ("steps", "stages", "parallel") if getattr(stage, name)]
    if len(given) != 1:
        what = f"it has {' and '.join(given)}" if given else "it has none"
        _note(mistakes, stage.place, f"stage {stage.name} has exactly one of steps, stages, parallel; {what}")
    if stage.options is not None:
        parts.check_stage_options(stage.options, mistakes, has_steps=bool(stage.steps))
    inner = _Scope(
        has_image=scope.has_image or bool(stage.agent and stage.agent.real_image),
        volumes=scope.volumes | parts.volume_names(stage.options),
    )
    _check_matrix(stage, mistakes)
    if stage.steps:
        rules = StepRules(stage.name, has_image=inner.has_image)
        check_steps(stage.steps, rules, mistakes)
        parts.check_mounts(stage.options, inner.volumes, mistakes)
    for child in (*stage.stages, *stage.parallel):
        _check_stage(child, inner, mistakes)
    for post in stage.post:
        if not stage.steps:
            _note(mistakes, post.place, "post belongs to a stage with steps, or to the pipeline")
        _check_post(post, inner, mistakes)


def _check_matrix(stage: Stage, mistakes: Mistakes) -> None:
    if not stage.matrix:
        return
    if not stage.steps:
        _note(mistakes, stage.place, "matrix belongs to a stage with steps", "matrix")
    count = 1
    for name, values in stage.matrix.items():
        parts.check_variable(name, stage.place, mistakes, key="matrix")
        if not values:
            _note(mistakes, stage.place, f"{name} of matrix has no values", "matrix")
        if len(set(values)) < len(values):
            _note(mistakes, stage.place, f"a value of {name} stands twice in matrix", "matrix")
        count *= len(values)
    if count > MOST_COMBINATIONS:
        _note(
            mistakes,
            stage.place,
            f"matrix has {count} combinations; {MOST_COMBINATIONS} are the most",
            "matrix",
        )


def _check_post(post: Post, scope: _Scope, mistakes: Mistakes) -> None:
    for action in post.actions:
        _note(mistakes, action.place, f"there is no built-in action {action.name}; give steps", "name")
    if not post.steps and not post.actions:
        _note(mistakes, post.place, "post has no steps")
    check_steps(post.steps, StepRules("post", has_image=scope.has_image), mistakes)


def _check_old_post(post: Lifecycle, mistakes: Mistakes) -> None:
    """`pipelines.post` of lifecycles: a condition as a groovy statement, and the steps below it."""
    for step in post.steps:
        if step.when.strip() == "!prow":
            continue
        if step.groovy.strip() not in set(Condition):
            what = "an item of post has groovy: always, success or failure, and steps"
            _note(mistakes, step.place, what, "groovy")
        rules = StepRules("post", has_image=True, is_lifecycle=True)
        check_steps(step.steps, rules, mistakes)


def _check_lifecycles(lifecycles: Lifecycles, scope: _Scope, mistakes: Mistakes) -> None:
    if lifecycles.pipeline is not None:
        check_pipeline(lifecycles.pipeline, scope, mistakes)
        others = [name for name in LIFECYCLES if name != "set_version" and getattr(lifecycles, name)]
        for name in others:
            what = "is not run, since pipeline stands beside it; give one of the two"
            key = "".join(part.title() if number else part for number, part in enumerate(name.split("_")))
            _note(mistakes, lifecycles.place, f"{key} {what}", key)
    for name in LIFECYCLES:
        lifecycle: Lifecycle | None = getattr(lifecycles, name)
        if lifecycle is None:
            continue
        rules = StepRules(name.replace("_", ""), has_image=True, is_lifecycle=True)
        check_steps((*lifecycle.pre_steps, *lifecycle.steps), rules, mistakes)


def _check_override(override: Override, mistakes: Mistakes) -> None:
    kinds = [kind.value for kind in PipelineKind]
    if override.pipeline and override.pipeline.lower() not in {kind.lower() for kind in kinds}:
        what = f"there is no kind of pipeline {override.pipeline}; {', '.join(kinds)} are"
        _note(mistakes, override.place, what, "pipeline")
    if override.step and override.steps:
        _note(mistakes, override.place, "an override has step or steps, not both", "steps")
    if override.type in {OverrideType.BEFORE, OverrideType.AFTER} and not override.new_steps:
        _note(mistakes, override.place, f"there are no steps to put {override.type}", "type")
    for key in ("containerOptions", "sidecars", "volumes") if override.name else ():
        if key in dict(override.place.keys):
            _note(mistakes, override.place, f"{key} belongs to a stage or pipeline; leave name out", key)
    if override.name and override.agent and override.new_steps:
        what = "the agent of a step that is put there belongs into the step"
        _note(mistakes, override.place, what, "agent")
    parts.check_agent(override.agent, mistakes)
    parts.check_container_options(override.container_options, override.place, mistakes)
    parts.check_volumes(override.volumes, override.place, mistakes)
    for step in override.new_steps:
        check_groovy(step, mistakes)
        rules = StepRules("an override", has_image=True, is_lifecycle=True)
        check_steps((step,), rules, mistakes)


def _note(mistakes: Mistakes, place: Place, what: str, key: str = "") -> None:
    mistakes.problems.append(place.problem(what, key))
