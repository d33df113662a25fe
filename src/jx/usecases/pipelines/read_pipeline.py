"""Read the pipelines of a project on disk, in their effective form. A step of what shows them and of what makes runs of them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from glob import escape as glob_escape

from jx.domain.errors import Invalid, NotFound
from jx.domain.names import Repo
from jx.domain.pipelines import files
from jx.domain.pipelines.effective import DEFAULT_IMAGE, Project
from jx.domain.pipelines.packs import join_base
from jx.domain.pipelines.syntax import EnvVar
from jx.domain.trees import Tree, is_safe_path
from jx.ports.folders import Folder, Folders
from jx.usecases.pipelines.resolve_pipeline import PATTERNS, PackSource, Resolved, ResolvePipeline


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
class ReadPipeline:
    """Reads a project as it is on disk; changes nothing."""

    folders: Folders
    resolve: ResolvePipeline

    def __call__(self, request: PipelineRequest) -> tuple[Folder, Resolved]:
        """The folder and the effective form of its pipelines. NotFound and Invalid as resolving raises them."""
        folder = look_at_project(self.folders, request.folder, request.context)
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


def look_at_project(folders: Folders, path: str, context: str) -> Folder:
    """A project's folder with the files that its pipelines are made of, those of its own that it extends among them. What is
    wrong with them is told by who reads them."""
    folder = folders.look(path, *PATTERNS)
    tree = folder.tree
    with contextlib.suppress(Invalid, NotFound):
        name = files.find_file(tree, context)
        config = files.parse_project(tree.text(name), name).pipeline_config
        while config and config.extends and not config.extends.import_:
            name = join_base(name, config.extends)
            if name in tree or not is_safe_path(name):
                break
            tree = Tree({**tree.files, **folders.look(path, glob_escape(name)).tree.files})
            config = files.parse_pack(tree.text(name), name)
    return replace(folder, tree=tree)
