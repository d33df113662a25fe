"""Make a run: the Tekton object of a project's pipeline, for the commits that are named. Nothing is started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from jx.domain.errors import Usage
from jx.domain.layouts.new_environment import BUILDER_IMAGE
from jx.domain.names import Repo, parse_branch, parse_repo, parse_revision
from jx.domain.pipelines.compiling import PipelineRun, compile_run
from jx.domain.pipelines.runs import DEFAULT_ACCOUNT, DEFAULT_STORAGE, Pull, RunRequest
from jx.domain.pipelines.syntax import PipelineKind
from jx.domain.trees import Tree
from jx.ports.folders import Folder
from jx.ports.pipelines import BuildNumbers
from jx.usecases.pipelines.read_pipeline import PipelineRequest, ReadPipeline


@dataclass(frozen=True, slots=True)
class MakeRunRequest:
    """Whose pipeline, for which commits; empty fields mean what the clone says."""

    pipeline: PipelineRequest
    kind: PipelineKind | None = None
    """Default: pullRequest with pull requests, else release."""
    url: str = ""
    branch: str = ""
    revision: str = ""
    pull_refs: str = ""
    """`master:SHA,12:SHA`: the base and pull requests; in place of branch and revision."""
    build: int = 1
    takes_number: bool = False
    """The next number of the platform's counter, in place of `build`."""
    version: str = ""
    namespace: str = ""
    account: str = DEFAULT_ACCOUNT
    clone_image: str = ""
    storage: str = DEFAULT_STORAGE
    docker_registry: str = ""
    docker_registry_org: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    pod_templates: Mapping[str, str] = field(default_factory=dict)
    version_stream: str = ""
    """A clone of the version stream, which names the tags of images that have none."""


@dataclass(frozen=True, slots=True)
class MakeRun:
    """Reads the pipeline as it is on disk. The commits are only named: the run itself clones them."""

    read: ReadPipeline
    numbers: Callable[[], BuildNumbers]
    """Asked for only where a number is taken: all else needs no platform."""

    def __call__(self, request: MakeRunRequest) -> PipelineRun:
        """The PipelineRun. Usage where nothing says which repository or branch is meant; NotFound for a kind that the file has
        not; Invalid for everything that is wrong with it."""
        folder, resolved = self.read(request.pipeline)
        branch, revision, pulls = _commits(request, folder)
        default = PipelineKind.PULL_REQUEST if pulls else PipelineKind.RELEASE
        run = RunRequest(
            repo=_repo(request, folder),
            branch=parse_branch(branch),
            kind=request.kind or default,
            build=request.build,
            revision=parse_revision(revision) if revision else None,
            pulls=pulls,
            context=request.pipeline.context,
            version=request.version,
            source=request.pipeline.source,
            namespace=request.namespace,
            account=request.account,
            labels=request.labels,
            pod_templates=request.pod_templates,
            version_stream=self._read_stream(request.version_stream),
            storage=request.storage,
            docker_registry=request.docker_registry,
            docker_registry_org=request.docker_registry_org,
            clone_image=request.clone_image or BUILDER_IMAGE,
        )
        if request.takes_number:
            number = self.numbers().next(f"{run.repo.full_name}/{run.shown_branch}")
            run = replace(run, build=number)
        return compile_run(resolved.file, run)

    def _read_stream(self, folder: str) -> Tree | None:
        return self.read.folders.look(folder, "docker/**/*.yml").tree if folder else None


def _repo(request: MakeRunRequest, folder: Folder) -> Repo:
    if request.url:
        return parse_repo(request.url)
    if folder.origin is None:
        raise Usage(f"nothing says which repository {folder.path} is of", hint="name it by --clone-git-url")
    return folder.origin


def _commits(request: MakeRunRequest, folder: Folder) -> tuple[str, str, tuple[Pull, ...]]:
    if request.pull_refs:
        if request.branch or request.revision:
            raise Usage(
                "--pull-refs names the branch and its commit", hint="leave --branch and --revision out"
            )
        return parse_pull_refs(request.pull_refs)
    branch = request.branch or folder.branch
    if not branch:
        raise Usage(f"nothing says which branch {folder.path} is on", hint="name it by --branch")
    is_here = not request.branch or request.branch == folder.branch
    return branch, request.revision or (folder.head or "" if is_here else ""), ()


def parse_pull_refs(text: str) -> tuple[str, str, tuple[Pull, ...]]:
    """Branch, commit and pull requests of `master:SHA,12:SHA`, or Usage."""
    base, *rest = text.split(",")
    branch, _, revision = base.partition(":")
    pulls = []
    for part in rest:
        number, colon, commit = part.partition(":")
        if not (number.isascii() and number.isdigit() and colon):
            raise Usage(f"{part!r} is no pull request", hint="write BRANCH:COMMIT,NUMBER:COMMIT,...")
        pulls.append(Pull(int(number), parse_revision(commit)))
    return branch, revision, tuple(pulls)
