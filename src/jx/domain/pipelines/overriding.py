"""Overrides: what a project or a pack changes of the steps and settings that it inherits.

A stage may be named as it is written or as the effective pipeline shows it (`build` or `from-build-pack`), and so may a step
(`make-linux` or `build-make-linux`). An override that finds nothing to change is a mistake: it would be ignored otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from jx.domain.layouts.sections import Mistakes
from jx.domain.pipelines.inheriting import KINDS, merge_containers
from jx.domain.pipelines.syntax import (
    FROM_BUILD_PACK,
    LIFECYCLES,
    Lifecycle,
    Lifecycles,
    Options,
    Override,
    OverrideType,
    Pipeline,
    PipelineConfig,
    Stage,
    Step,
)


class _Found:
    """Whether an override has found anything."""

    def __init__(self) -> None:
        self.anything = False


def override_config(config: PipelineConfig) -> PipelineConfig:
    """With its overrides applied, in order; Invalid where one finds nothing to change."""
    pipelines = config.pipelines
    if pipelines is None or not pipelines.overrides:
        return config
    mistakes = Mistakes()
    for override in pipelines.overrides:
        found = _Found()
        for kind in KINDS:
            lifecycles: Lifecycles | None = getattr(pipelines, kind)
            if lifecycles is not None and override.pipeline.lower() in {"", kind.replace("_", "")}:
                changed: dict[str, Any] = {kind: _override_kind(lifecycles, override, found)}
                pipelines = replace(pipelines, **changed)
        if not found.anything:
            mistakes.problems.append(
                override.place.problem(f"there is nothing to change: no {_told(override)}")
            )
    mistakes.check("overrides find nothing to change")
    return replace(config, pipelines=replace(pipelines, overrides=()))


def _told(override: Override) -> str:
    parts = [
        f"step {override.name}" if override.name else "",
        f"stage {override.stage}" if override.stage else "",
        f"pipeline {override.pipeline}" if override.pipeline else "",
    ]
    return " of ".join(part for part in parts if part) or "pipeline at all"


def _override_kind(lifecycles: Lifecycles, override: Override, found: _Found) -> Lifecycles | None:
    whole = not (override.stage or override.name)
    if whole and not override.new_steps and not override.has_settings:
        found.anything = True
        return None
    if lifecycles.pipeline is not None:
        pipeline = _override_pipeline(lifecycles.pipeline, override, found)
        version = _override_lifecycle(lifecycles.set_version, "set_version", override, found)
        return replace(lifecycles, pipeline=pipeline, set_version=version)
    return _override_lifecycles(lifecycles, override, found)


# lifecycles


def _override_lifecycles(lifecycles: Lifecycles, override: Override, found: _Found) -> Lifecycles:
    if override.has_settings and not override.name:
        found.anything = found.anything or override.stage in {"", FROM_BUILD_PACK, *_words(*LIFECYCLES)}
    if override.has_settings and not override.new_steps and not override.name:
        return lifecycles  # settings of a stage are put on the one that lifecycles come to
    if not override.name and override.stage in {"", FROM_BUILD_PACK}:
        found.anything = True
        return _override_all(lifecycles, override)
    changed: dict[str, Any] = {
        name: _override_lifecycle(getattr(lifecycles, name), name, override, found) for name in LIFECYCLES
    }
    return replace(lifecycles, **changed)


def _override_all(lifecycles: Lifecycles, override: Override) -> Lifecycles:
    """All lifecycles are one stage in the end, so they are changed as one."""
    steps = override.new_steps
    match override.type or OverrideType.REPLACE:
        case OverrideType.REPLACE:
            emptied: dict[str, Any] = dict.fromkeys(name for name in LIFECYCLES if name != "set_version")
            return replace(lifecycles, **{**emptied, "build": Lifecycle(steps, place=override.place)})
        case OverrideType.BEFORE:
            first = lifecycles.setup or Lifecycle()
            return replace(lifecycles, setup=replace(first, pre_steps=(*steps, *first.pre_steps)))
        case OverrideType.AFTER:
            last = lifecycles.promote or Lifecycle()
            return replace(lifecycles, promote=replace(last, steps=(*last.steps, *steps)))


def _words(*attributes: str) -> set[str]:
    """Lifecycles as they are written and as names of steps have them."""
    both: set[str] = set()
    for name in attributes:
        first, *rest = name.split("_")
        both |= {first + "".join(part.title() for part in rest), first + "".join(rest)}
    return both


def _override_lifecycle(
    lifecycle: Lifecycle | None, attribute: str, override: Override, found: _Found
) -> Lifecycle | None:
    if override.stage and override.stage not in {*_words(attribute), FROM_BUILD_PACK}:
        return lifecycle
    held = (*lifecycle.pre_steps, *lifecycle.steps) if lifecycle else ()
    if override.name:
        prefix = attribute.replace("_", "")
        names = {override.name, override.name.removeprefix(f"{prefix}-")}
        return (
            replace(lifecycle, pre_steps=(), steps=_named(held, override, names, found))
            if lifecycle
            else None
        )
    if not override.stage:
        return lifecycle
    found.anything = True
    steps = _placed(held, override)
    return Lifecycle(steps, place=override.place) if steps else None


# pipelines in their own syntax


def _override_pipeline(pipeline: Pipeline, override: Override, found: _Found) -> Pipeline:
    if not (override.stage or override.name) and override.has_settings:
        found.anything = True
        pipeline = _set_on_pipeline(pipeline, override)
        if not override.new_steps:
            return pipeline
    stages = (_override_stage(stage, override, found) for stage in pipeline.stages)
    return replace(pipeline, stages=tuple(stage for stage in stages if stage is not None))


def _override_stage(stage: Stage, override: Override, found: _Found) -> Stage | None:
    removes = not (override.name or override.new_steps or override.has_settings)
    if removes and stage.children and override.stage == stage.name:
        found.anything = True
        return None
    if stage.children:
        inner: dict[str, Any] = {
            key: tuple(
                changed
                for child in getattr(stage, key)
                if (changed := _override_stage(child, override, found)) is not None
            )
            for key in ("stages", "parallel")
        }
        stage = replace(stage, **inner)
        if not stage.children:
            return None
    if override.stage and override.stage != stage.name:
        return stage
    if override.stage and override.has_settings and not override.name:
        found.anything = True
        stage = set_on_stage(stage, override)
    if not stage.steps:
        return stage
    if override.name:
        steps = _named(stage.steps, override, {override.name}, found)
    elif override.has_settings and not override.new_steps:
        return stage
    else:
        found.anything = True
        steps = _placed(stage.steps, override)
    return replace(stage, steps=steps) if steps else None


def _set_on_pipeline(pipeline: Pipeline, override: Override) -> Pipeline:
    options = _set_on_options(pipeline.options, override)
    return replace(pipeline, agent=override.agent or pipeline.agent, options=options)


def set_on_stage(stage: Stage, override: Override) -> Stage:
    """A stage with the settings of an override."""
    options = _set_on_options(stage.options, override)
    return replace(stage, agent=override.agent or stage.agent, options=options)


def _set_on_options(options: Options | None, override: Override) -> Options | None:
    if not (override.container_options or override.sidecars or override.volumes):
        return options
    options = options or Options(place=override.place)
    return replace(
        options,
        container_options=merge_containers(options.container_options, override.container_options),
        sidecars=(*options.sidecars, *override.sidecars),
        volumes=(*options.volumes, *override.volumes),
    )


# steps


def _placed(held: tuple[Step, ...], override: Override) -> tuple[Step, ...]:
    """The steps of an override instead of, before or after others."""
    match override.type or OverrideType.REPLACE:
        case OverrideType.REPLACE:
            return override.new_steps
        case OverrideType.BEFORE:
            return (*override.new_steps, *held)
        case OverrideType.AFTER:
            return (*held, *override.new_steps)


def _named(steps: Iterable[Step], override: Override, names: set[str], found: _Found) -> tuple[Step, ...]:
    """The same around each step of a name, however deep it stands."""
    changed: list[Step] = []
    for step in steps:
        if step.name in names:
            found.anything = True
            changed += _around(step, override)
            continue
        inner = step
        if step.steps:
            inner = replace(step, steps=_named(step.steps, override, names, found))
            if not inner.steps:
                continue
        if step.loop is not None:
            loop = replace(step.loop, steps=_named(step.loop.steps, override, names, found))
            if not loop.steps:
                continue
            inner = replace(inner, loop=loop)
        changed.append(inner)
    return tuple(changed)


def _around(step: Step, override: Override) -> tuple[Step, ...]:
    if override.agent is not None and not override.new_steps:
        return (replace(step, agent=override.agent, image="", container=""),)
    is_instead = override.type in {None, OverrideType.REPLACE}
    if override.step is not None and not override.step.name and is_instead:
        override = replace(override, step=replace(override.step, name=step.name))
    return _placed((step,), override)
