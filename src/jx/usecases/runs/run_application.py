"""Run an application: start the pipeline of any repository of the platform's git server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from jx.domain.environments.source_repositories import NOTHING, Grant
from jx.domain.errors import NotFound
from jx.domain.names import Repo, parse_branch
from jx.domain.pipelines.compiling import compile_run, find_kind
from jx.domain.pipelines.effective import Project
from jx.domain.pipelines.runs import RunRequest, labels_of
from jx.domain.pipelines.syntax import EnvVar, PipelineKind
from jx.domain.runs.application_runs import RunOrder, new_application_run
from jx.domain.runs.environment_runs import RunSetup
from jx.domain.runs.run_rights import check_rights
from jx.domain.runs.runs import Run
from jx.ports.activities import Activities
from jx.ports.pipelines import BuildNumbers, Pipelines
from jx.ports.repos import Repos
from jx.usecases.following.run_environment import highest_build
from jx.usecases.pipelines.resolve_pipeline import PackSource, ResolvePipeline


@dataclass(frozen=True, slots=True)
class RunWishes:
    """How a person wants an application to be run; empty fields mean what the file says."""

    kind: PipelineKind = PipelineKind.RELEASE
    context: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    """The ServiceAccount; empty: that of the application's releases for the branch that they are of, else one without rights."""


@dataclass(frozen=True, slots=True)
class RunApplication:
    """Starts runs, each with the next number of its pipeline."""

    repos: Repos
    pipelines: Pipelines
    numbers: BuildNumbers
    activities: Activities
    resolve: ResolvePipeline
    setup: RunSetup

    def __call__(self, repo: Repo, branch: str, wishes: RunWishes, *, grant: Grant = NOTHING) -> Run:
        """Start a run of its own for the head of a branch. NotFound for a repository, branch or kind of pipeline that is not
        there; Invalid with the mistakes of its file, and where that asks for more than it may have (`grant`)."""
        head = self.repos.head(repo, parse_branch(branch))
        if head is None:
            raise NotFound(f"{repo.full_name} has no branch {branch}")
        commit = self.repos.log(repo, head, limit=1)[0]
        request = RunRequest(
            repo=repo,
            branch=branch,
            kind=wishes.kind,
            build=1,
            revision=head,
            context=wishes.context,
            account=wishes.account or grant.account,
            labels=wishes.labels,
        )
        env = tuple(EnvVar(name, value) for name, value in wishes.env.items())
        return self.start(RunOrder(request, head, commit.author, commit.subject, env=env, grant=grant))

    def start(self, order: RunOrder) -> Run:
        """Start what is ordered; one that has a name and is there already is given back. No number is taken for what its file
        does not have (NotFound)."""
        if order.name and (there := self.pipelines.find(order.name)):
            return there
        request = order.request
        tree = self.repos.read(request.repo, order.files)
        project = Project(repo=request.repo, env=order.env, tree=tree)
        resolved = self.resolve(tree, project, context=request.context, source=PackSource())
        find_kind(resolved.file, request.kind)
        records = [one for one in self.activities.list_all() if one.pipeline == order.pipeline]
        request = replace(
            request,
            build=self.numbers.next(order.pipeline, above=highest_build(records)),
            clone_image=self.setup.builder_image,
            pod_templates=self.setup.images,
        )
        made = compile_run(resolved.file, request)
        order = replace(order, request=request)
        check_rights(made, own=labels_of(request), where=resolved.name, grant=order.grant)
        return self.pipelines.start(new_application_run(order, made, git_secret=self.setup.git_secret))
