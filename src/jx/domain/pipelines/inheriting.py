"""Inheriting: one pipeline configuration that adds to another one, as projects add to build packs and these to each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from jx.domain.pipelines.syntax import (
    LIFECYCLES,
    Agent,
    EnvVar,
    Lifecycle,
    Lifecycles,
    PipelineConfig,
    Pipelines,
)

KINDS = ("pull_request", "release", "feature")
"""The attributes of Pipelines that hold a pipeline each."""

_MERGED_BY = {
    "env": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
}


def merge_env(parent: Iterable[EnvVar], child: Iterable[EnvVar]) -> tuple[EnvVar, ...]:
    """Both, sorted by name; the child's value goes before the parent's."""
    merged = {one.name: one for one in (*parent, *child)}
    return tuple(merged[name] for name in sorted(merged))


def merge_containers(
    parent: Mapping[str, Any] | None, child: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Two options of containers as one, as Kubernetes merges containers: the child's values go before the parent's."""
    if not parent or not child:
        return dict(parent or child or {}) or None
    merged = dict(parent)
    for key, value in child.items():
        held = merged.get(key)
        if isinstance(held, dict) and isinstance(value, dict):
            merged[key] = merge_containers(held, value)
        elif key in _MERGED_BY and isinstance(held, list) and isinstance(value, list):
            name = _MERGED_BY[key]
            merged[key] = list({item.get(name): item for item in (*held, *value)}.values())
        else:
            merged[key] = value
    return merged


def extend_config(config: PipelineConfig, base: PipelineConfig) -> PipelineConfig:
    """What a configuration comes to on top of its base; its overrides stay, for whoever applies them."""
    mine, under = config.pipelines or Pipelines(), base.pipelines or Pipelines()
    kinds: dict[str, Any] = {kind: _extend_kind(getattr(mine, kind), getattr(under, kind)) for kind in KINDS}
    pipelines = replace(
        mine,
        **kinds,
        default=mine.default or under.default,
        post=mine.post or under.post,
    )
    return replace(
        config,
        extends=None,
        agent=_extend_agent(config.agent, base.agent),
        env=merge_env(base.env, config.env),
        pipelines=pipelines,
        container_options=merge_containers(base.container_options, config.container_options),
    )


def use_default(config: PipelineConfig) -> PipelineConfig:
    """With `default` as the pipeline of each kind that has none."""
    pipelines = config.pipelines
    if pipelines is None or pipelines.default is None:
        return config
    default = pipelines.default
    if default.agent is None and config.agent is not None:
        default = replace(default, agent=replace(config.agent, label=""))  # which is for Jenkins
    missing: dict[str, Any] = {
        kind: Lifecycles(pipeline=default) for kind in KINDS if getattr(pipelines, kind) is None
    }
    return replace(config, pipelines=replace(pipelines, default=None, **missing))


def _extend_agent(mine: Agent | None, under: Agent | None) -> Agent | None:
    if mine is None or under is None:
        return mine or under
    image = mine.real_image or under.real_image
    return Agent(mine.label or under.label, image, dir=mine.dir or under.dir, place=mine.place)


def _extend_kind(mine: Lifecycles | None, under: Lifecycles | None) -> Lifecycles | None:
    if mine is None or under is None:
        return mine or under
    if mine.pipeline is not None:  # a pipeline of its own needs nothing of the base but the version
        return replace(mine, set_version=extend_lifecycle(mine.set_version, under.set_version))
    own: dict[str, Any] = {
        name: extend_lifecycle(getattr(mine, name), getattr(under, name)) for name in LIFECYCLES
    }
    has_steps = any(getattr(mine, name) for name in LIFECYCLES if name != "set_version")
    return replace(mine, **own, pipeline=None if has_steps else under.pipeline)


def extend_lifecycle(mine: Lifecycle | None, under: Lifecycle | None) -> Lifecycle | None:
    """Its first steps, the base's steps, its steps; or its own alone where it replaces."""
    if mine is None or under is None or mine.replace:
        return mine or under
    return Lifecycle((*mine.pre_steps, *under.pre_steps, *under.steps, *mine.steps), place=mine.place)
