"""Run an application: start the pipeline of any repository of the platform's git server, for the head of a branch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jx.domain.errors import NotFound
from jx.domain.names import Repo, parse_branch
from jx.domain.pipelines.compiling import compile_run
from jx.domain.pipelines.effective import Project
from jx.domain.pipelines.runs import RunRequest
from jx.domain.pipelines.syntax import EnvVar, PipelineKind
from jx.domain.runs.application_runs import new_application_run
from jx.domain.runs.environment_runs import RunSetup
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
    account: str = "default"
    """The ServiceAccount; by default that which has no rights anywhere."""


@dataclass(frozen=True, slots=True)
class RunApplication:
    """Each call is a run of its own, with the next number of its branch."""

    repos: Repos
    pipelines: Pipelines
    numbers: BuildNumbers
    activities: Activities
    resolve: ResolvePipeline
    setup: RunSetup

    def __call__(self, repo: Repo, branch: str, wishes: RunWishes) -> Run:
        """Start it. NotFound for a repository, branch or kind of pipeline that is not there; Invalid with the mistakes of
        its file."""
        head = self.repos.head(repo, parse_branch(branch))
        if head is None:
            raise NotFound(f"{repo.full_name} has no branch {branch}")
        commit = self.repos.log(repo, head, limit=1)[0]
        tree = self.repos.read(repo, head)
        env = tuple(EnvVar(name, value) for name, value in wishes.env.items())
        project = Project(repo=repo, env=env, tree=tree)
        file = self.resolve(tree, project, context=wishes.context, source=PackSource()).file
        pipeline = f"{repo.full_name}/{branch}"
        records = [one for one in self.activities.list_all() if one.pipeline == pipeline]
        request = RunRequest(
            repo=repo,
            branch=branch,
            kind=wishes.kind,
            build=self.numbers.next(pipeline, above=highest_build(records)),
            revision=head,
            context=wishes.context,
            account=wishes.account,
            labels=wishes.labels,
            clone_image=self.setup.builder_image,
            pod_templates=self.setup.images,
        )
        made = compile_run(file, request)
        secret = self.setup.git_secret
        return self.pipelines.start(
            new_application_run(
                request, made, git_secret=secret, author=commit.author, message=commit.subject
            )
        )
