"""Writing effective files, whole or short."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jx.domain.pipelines.inheriting import KINDS
from jx.domain.pipelines.shapes import write_shape
from jx.domain.pipelines.syntax import ProjectFile, Stage, Step


def write_effective(file: ProjectFile, *, short: bool = False) -> dict[str, Any]:
    """The effective form as plain data; the short one has each command in one line."""
    return write_shape(_shortened(file) if short else file)


def _shortened(file: ProjectFile) -> ProjectFile:
    config = file.pipeline_config
    if config is None or config.pipelines is None:
        return file
    kinds: dict[str, Any] = {}
    for kind in KINDS:
        lifecycles = getattr(config.pipelines, kind)
        if lifecycles is not None and lifecycles.pipeline is not None:
            stages = tuple(_short_stage(stage) for stage in lifecycles.pipeline.stages)
            kinds[kind] = replace(lifecycles, pipeline=replace(lifecycles.pipeline, stages=stages))
    return replace(file, pipeline_config=replace(config, pipelines=replace(config.pipelines, **kinds)))


def _short_stage(stage: Stage) -> Stage:
    return replace(
        stage,
        steps=tuple(_short_step(step) for step in stage.steps),
        stages=tuple(_short_stage(one) for one in stage.stages),
        parallel=tuple(_short_stage(one) for one in stage.parallel),
    )


def _short_step(step: Step) -> Step:
    if step.loop is not None:
        inner = tuple(_short_step(one) for one in step.loop.steps)
        return replace(step, loop=replace(step.loop, steps=inner))
    return replace(step, command=" ".join((step.real_command, *step.args)), args=())
