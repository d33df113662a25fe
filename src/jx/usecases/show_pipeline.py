"""Show the effective form of a project's pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jx.domain.names import Repo
from jx.domain.pipelines.effective import DEFAULT_IMAGE, Project
from jx.domain.pipelines.shapes import write_shape
from jx.domain.pipelines.syntax import EnvVar, ProjectFile, Stage, Step
from jx.domain.trees import Tree
from jx.ports.folders import Folder, Folders
from jx.usecases.resolve_pipeline import PATTERNS, PackSource, Resolved, ResolvePipeline


@dataclass(frozen=True, slots=True)
class PipelineRequest:
    """Whose pipelines, and what is said on the way."""

    folder: str = "."
    context: str = ""
    pack: str = ""
    url: str = ""
    ref: str = ""
    pack_folders: Mapping[str, str] = field(default_factory=dict)
    """Clones of build packs by the name of their module, the packs themselves by the empty name."""
    env: tuple[EnvVar, ...] = ()
    source: str = "source"
    default_image: str = DEFAULT_IMAGE
    repo: Repo | None = None
    """Default: the remote origin of the clone."""


@dataclass(frozen=True, slots=True)
class ShowPipeline:
    """Reads a project as it is on disk; changes nothing."""

    folders: Folders
    resolve: ResolvePipeline

    def __call__(self, request: PipelineRequest) -> tuple[Folder, Resolved]:
        """The folder and the effective form of its pipelines. NotFound and Invalid as resolving raises them."""
        folder = self.folders.look(request.folder, *PATTERNS)
        trees: dict[str, Tree] = {
            module: self.folders.look(path, "packs/imports.yaml", "packs/**/pipeline.yaml").tree
            for module, path in request.pack_folders.items()
        }
        project = Project(
            repo=request.repo or folder.origin,
            source=request.source,
            env=request.env,
            default_image=request.default_image,
            tree=folder.tree,
        )
        source = PackSource(request.pack, request.url, request.ref, trees)
        return folder, self.resolve(folder.tree, project, context=request.context, source=source)


def write_effective(file: ProjectFile, *, short: bool = False) -> dict[str, Any]:
    """The effective form as plain data; the short one has each command in one line."""
    return write_shape(_shortened(file) if short else file)


def _shortened(file: ProjectFile) -> ProjectFile:
    config = file.pipeline_config
    if config is None or config.pipelines is None:
        return file
    kinds: dict[str, Any] = {}
    for kind in ("pull_request", "release", "feature"):
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
