"""Effective: a project's file with all that it inherits, in the own syntax of pipelines, needing nothing else any more.

Doing it again to what it gives changes nothing.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jx.domain.errors import Invalid
from jx.domain.layouts.sections import Mistakes
from jx.domain.names import Repo
from jx.domain.pipelines.checking import check_project
from jx.domain.pipelines.inheriting import KINDS, extend_config, merge_containers, merge_env, use_default
from jx.domain.pipelines.overriding import override_config, set_on_stage
from jx.domain.pipelines.packs import Packs, problem_without_pack
from jx.domain.pipelines.step_checking import LEFT_OUT_WHEN, is_checkout
from jx.domain.pipelines.syntax import (
    FROM_BUILD_PACK,
    LIFECYCLES,
    NO_PACK,
    Agent,
    Condition,
    EnvVar,
    Lifecycle,
    Lifecycles,
    Options,
    Override,
    Pipeline,
    PipelineConfig,
    Pipelines,
    Post,
    ProjectFile,
    Stage,
    Step,
)
from jx.domain.trees import Tree

WORKSPACE = "/workspace"
DEFAULT_IMAGE = "gcr.io/jenkinsxio/builder-maven"
"""Of lifecycles that nobody gave an image."""

_GO_FOLDER = "/home/jenkins/go/src/REPLACE_ME_GIT_PROVIDER/REPLACE_ME_ORG/REPLACE_ME_APP_NAME"
_VERSION_FILES = ("$(cat VERSION)", "$(cat ../VERSION)", "$(cat ../../VERSION)")
_OLD_VERSIONS = ("export VERSION=`cat VERSION` && ", "export VERSION=$PREVIEW_VERSION && ")
_IN_BRACES = re.compile(r"\$\{(?:inputs\.)?(params\.[A-Za-z_][\w.-]*)\}")
_GIT_CREDENTIALS = Step(name="jx-git-credentials", command="jx step git credentials")


@dataclass(frozen=True, slots=True)
class Project:
    """What a pipeline is made effective for."""

    repo: Repo | None = None
    """Whose name stands in folders of build packs."""
    source: str = "source"
    """The folder of the source, below /workspace."""
    env: tuple[EnvVar, ...] = ()
    """More variables; they go before those of the file."""
    default_image: str = DEFAULT_IMAGE
    tree: Tree = field(default_factory=Tree)
    """The files that `extends` of the project's own file may name."""

    @property
    def workspace(self) -> str:
        """Where the source is."""
        return f"{WORKSPACE}/{self.source}"


def make_effective(file: ProjectFile, pack: str, packs: Packs, project: Project) -> ProjectFile:
    """The effective form. NotFound for a pack that is not there, Invalid for what is wrong with it or with the whole."""
    config = packs.resolve(file.pipeline_config or PipelineConfig(), file.place.where, project.tree)
    if pack != NO_PACK:
        if not pack and config.pipelines is None:
            raise problem_without_pack(file.place.where)
        if pack:
            config = extend_config(config, packs.load(pack))
    settings = config.pipelines.overrides if config.pipelines else ()
    config = use_default(config)
    _check_post_is_used(config)
    config = override_config(_with_credentials(config))
    env = merge_env(merge_env(file.env, config.env), project.env)
    pipelines = config.pipelines or Pipelines()
    made: dict[str, Any] = {
        kind: _make_kind(lifecycles, config, env, project, _of_kind(settings, kind))
        for kind in KINDS
        if (lifecycles := getattr(pipelines, kind)) is not None
    }
    effective = replace(
        file,
        env=(),
        build_pack=NO_PACK,
        build_pack_git_url="",
        build_pack_git_ref="",
        pipeline_config=PipelineConfig(pipelines=Pipelines(**made)),
    )
    mistakes = Mistakes()
    check_project(effective, mistakes)
    mistakes.check("the effective pipeline has mistakes")
    return effective


def _check_post_is_used(config: PipelineConfig) -> None:
    """`pipelines.post` belongs to lifecycles; a pipeline in its own syntax has its own."""
    pipelines = config.pipelines
    post = pipelines.post if pipelines else None
    if pipelines is None or post is None or all(step.when.strip() == LEFT_OUT_WHEN for step in post.steps):
        return
    kinds: list[Lifecycles | None] = [getattr(pipelines, kind) for kind in KINDS]
    if not any(one is not None and one.pipeline is None for one in kinds):
        what = "post of pipelines is for lifecycles, and there are none; give post to the pipelines"
        raise Invalid("the effective pipeline has mistakes", post.place.problem(what))


def _of_kind(overrides: tuple[Override, ...], kind: str) -> tuple[Override, ...]:
    return tuple(one for one in overrides if one.pipeline.lower() in {"", kind.replace("_", "")})


def _with_credentials(config: PipelineConfig) -> PipelineConfig:
    """A release that is made of lifecycles first tells git how to log in."""
    release = config.pipelines.release if config.pipelines else None
    if config.pipelines is None or release is None or release.pipeline is not None:
        return config
    setup = release.setup or Lifecycle()
    setup = replace(setup, pre_steps=(_GIT_CREDENTIALS, *setup.pre_steps))
    return replace(config, pipelines=replace(config.pipelines, release=replace(release, setup=setup)))


def _make_kind(
    lifecycles: Lifecycles,
    config: PipelineConfig,
    env: tuple[EnvVar, ...],
    project: Project,
    overrides: tuple[Override, ...],
) -> Lifecycles:
    flat = _Flattening(project, config.agent)
    pipeline = lifecycles.pipeline or _from_lifecycles(lifecycles, config, flat, overrides)
    if pipeline.agent is None and config.agent is not None and config.agent.real_image:
        pipeline = replace(pipeline, agent=Agent(image=config.agent.real_image))
    if env:
        pipeline = replace(pipeline, env=merge_env(env, pipeline.real_env), environment=())
    if config.container_options:
        options = pipeline.options or Options()
        merged = merge_containers(config.container_options, options.container_options)
        pipeline = replace(pipeline, options=replace(options, container_options=merged))
    if pipeline.environment:
        pipeline = replace(pipeline, env=pipeline.environment, environment=())
    folder = pipeline.dir or (pipeline.agent.dir if pipeline.agent else "")
    stages = tuple(_settle(stage, folder, project) for stage in pipeline.stages)
    post = tuple(_settle_post(one, folder, project) for one in pipeline.post)
    pipeline = replace(pipeline, stages=stages, post=post, dir="")
    steps = tuple(flat.steps(lifecycles.set_version, "")) if lifecycles.set_version else ()
    if pipeline.agent is None or not pipeline.agent.real_image:
        steps = tuple(replace(step, image=step.image or project.default_image) for step in steps)
    return Lifecycles(set_version=Lifecycle(steps) if steps else None, pipeline=pipeline)


# lifecycles to a pipeline


def _from_lifecycles(
    lifecycles: Lifecycles, config: PipelineConfig, flat: _Flattening, overrides: tuple[Override, ...]
) -> Pipeline:
    image = (config.agent.real_image if config.agent else "") or flat.project.default_image
    steps = [
        step
        for name in LIFECYCLES
        if name != "set_version" and (lifecycle := getattr(lifecycles, name)) is not None
        for step in flat.steps(lifecycle, name.replace("_", ""))
    ]
    stage = Stage(FROM_BUILD_PACK, Agent(image=image), steps=tuple(steps), place=lifecycles.place)
    for override in overrides:
        if override.has_settings and not override.name:
            stage = set_on_stage(stage, override)
    post = config.pipelines.post if config.pipelines else None
    return Pipeline(
        Agent(image=image),
        stages=(stage,),
        post=tuple(flat.post(post)) if post else (),
        place=lifecycles.place,
    )


class _Flattening:
    """Steps of lifecycles as steps of a stage: groups dissolved, older words replaced, names made unique by their lifecycle."""

    def __init__(self, project: Project, agent: Agent | None) -> None:
        self.project = project
        self._agent = agent
        self._count = 0

    def steps(self, lifecycle: Lifecycle, prefix: str) -> Iterator[Step]:
        group = Step(dir=self._agent.dir if self._agent else "")
        for step in (*lifecycle.pre_steps, *lifecycle.steps):
            yield from self._flat(step, prefix, group)

    def post(self, lifecycle: Lifecycle) -> Iterator[Post]:
        for item in (*lifecycle.pre_steps, *lifecycle.steps):
            if item.when.strip() != LEFT_OUT_WHEN:
                steps = tuple(flat for step in item.steps for flat in self._flat(step, "post", Step()))
                yield Post(Condition(item.groovy.strip()), steps=steps, place=item.place)

    def _flat(self, step: Step, prefix: str, group: Step, *, in_loop: bool = False) -> Iterator[Step]:
        """A step, or those in it, with the folder, image and variables of the group that it stands in. Those of a loop are
        numbered when it is unrolled."""
        if step.when.strip() == LEFT_OUT_WHEN or is_checkout(step.groovy):
            return
        env = merge_env(group.env, step.env)
        here = Step(dir=step.real_dir or group.dir, image=step.real_image or group.image, env=env)
        if step.loop is not None:
            inner = tuple(
                flat for one in step.loop.steps for flat in self._flat(one, prefix, here, in_loop=True)
            )
            yield Step(loop=replace(step.loop, steps=inner), place=step.place)
        elif step.real_command:
            self._count += 1
            name = step.name or ("" if in_loop else f"step{self._count}")
            yield replace(
                here,
                name=f"{prefix}-{name}" if prefix and name else name,
                command=_modernise(step.real_command, keeps_file=not prefix),
                args=tuple(_modernise(word, keeps_file=not prefix) for word in step.args),
                dir=_place(here.dir, self.project),
                place=step.place,
            )
        for one in step.steps:
            yield from self._flat(one, prefix, here, in_loop=in_loop)


def _modernise(command: str, *, keeps_file: bool) -> str:
    """Without the escapes that a Jenkinsfile needs; the version comes from the variable, not from the file. Steps that make the
    version keep the file: that is what they write."""
    plain = command.replace("\\$", "$")
    if keeps_file:
        return plain
    for old in _OLD_VERSIONS:
        plain = plain.replace(old, "", 1)
    for old in _VERSION_FILES:
        plain = plain.replace(old, "${VERSION}")
    return plain


# folders


def _settle(stage: Stage, folder: str, project: Project) -> Stage:
    """With folders from the root, and variables by their newer word."""
    folder = stage.dir or (stage.agent.dir if stage.agent else "") or folder
    return replace(
        stage,
        dir=_place(folder, project) if stage.steps else "",
        env=stage.real_env,
        environment=(),
        steps=tuple(_settle_step(step, project) for step in stage.steps),
        stages=tuple(_settle(one, folder, project) for one in stage.stages),
        parallel=tuple(_settle(one, folder, project) for one in stage.parallel),
        post=tuple(_settle_post(one, folder, project) for one in stage.post),
    )


def _settle_post(post: Post, folder: str, project: Project) -> Post:
    steps = tuple(_settle_step(step, project) for step in post.steps)
    return replace(
        post, steps=tuple(replace(step, dir=step.dir or _place(folder, project)) for step in steps)
    )


def _settle_step(step: Step, project: Project, group: Step | None = None) -> Step:
    """With its folder from the root, by newer words; what a loop says goes down to its steps."""
    group = group or Step()
    image, folder = step.real_image or group.image, step.real_dir or group.dir
    plain = replace(step, sh="", container="", agent=None)
    if step.loop is not None:
        here = Step(image=image, dir=folder)
        inner = tuple(_settle_step(one, project, here) for one in step.loop.steps)
        return replace(plain, loop=replace(step.loop, steps=inner), image="", dir="")
    return replace(
        plain,
        command=_in_parentheses(step.real_command),
        args=tuple(_in_parentheses(word) for word in step.args),
        dir=_place(folder, project) if folder else "",
        image=image,
    )


def _in_parentheses(text: str) -> str:
    return _IN_BRACES.sub(r"$(\1)", text)


def _place(folder: str, project: Project) -> str:
    """A folder from the root, with the project's name for the words that stand for it."""
    words: Mapping[str, str] = {
        _GO_FOLDER: project.workspace,
        "REPLACE_ME_APP_NAME": project.repo.name.lower() if project.repo else "app",
        "REPLACE_ME_ORG": project.repo.owner.lower() if project.repo else "org",
        "REPLACE_ME_GIT_PROVIDER": project.repo.host.lower() if project.repo else "git",
        "REPLACE_ME_DOCKER_REGISTRY_ORG": project.repo.owner.lower() if project.repo else "org",
    }
    for word, value in words.items():
        folder = folder.replace(word, value)
    return posixpath.normpath(posixpath.join(project.workspace, folder))
