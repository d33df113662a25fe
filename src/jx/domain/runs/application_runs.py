"""Runs of applications: the pipeline of any repository, with no more of the platform's rights than it takes to clone it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jx.domain.changes.changes import PullRequest
from jx.domain.environments.source_repositories import NOTHING, Grant
from jx.domain.names import Person, Repo, Revision
from jx.domain.pipelines.runs import RunRequest
from jx.domain.pipelines.syntax import EnvVar
from jx.domain.runs.check_runs import with_login
from jx.domain.runs.environment_runs import RUN_VARIABLE, git_login, with_variables
from jx.domain.runs.runs import NewRun

STATUS = "jx/pipeline"
"""The commit status of runs that have no context."""
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class RunOrder:
    """A run of an application to be: of what, with the files of which commit, for whom."""

    request: RunRequest
    """Its number is given when it is started."""
    files: Revision
    """The commit whose pipeline runs."""
    author: Person
    message: str
    name: str = ""
    """What makes starting it twice starting it once; empty: each time is another run."""
    pull_url: str = ""
    env: tuple[EnvVar, ...] = ()
    grant: Grant = NOTHING
    """What it may have of the platform."""

    @property
    def pipeline(self) -> str:
        """`owner/repository/branch`; of a pull request `owner/repository/PR-3`."""
        return f"{self.request.repo.full_name}/{self.request.shown_branch}"

    @property
    def revision(self) -> Revision:
        """The commit that is told how it goes."""
        pulls = self.request.pulls
        return pulls[-1].revision if pulls else self.request.revision or self.files


def name_push(repo: Repo, branch: str, revision: Revision) -> str:
    """What the run of a push is called: the same by everybody who would start it, and another for every other push."""
    return f"{repo.full_name}/{branch}@{revision[:_SHOWN]}"


def name_pull(pull: PullRequest, asked: int) -> str:
    """What the run of a pull request's head is called, after people asked so often for one more."""
    again = f"+{asked}" if asked else ""
    return f"{pull.repo.full_name}#{pull.number}@{pull.head[:_SHOWN]}{again}"


def new_application_run(order: RunOrder, made: Mapping[str, Any], *, git_secret: str) -> NewRun:
    """The run, from what the repository's pipeline was compiled to. Only what clones has the login to git."""
    request = order.request
    spec = dict(made["spec"])
    pipeline = dict(spec["pipelineSpec"])
    login = git_login(request.repo.url, git_secret, {"credential.useHttpPath": "true"})
    variables = [{"name": RUN_VARIABLE, "value": "$(context.pipelineRun.name)"}]
    for part in ("tasks", "finally"):
        if part in pipeline:
            tasks = [with_variables(task, variables) for task in pipeline[part]]
            pipeline[part] = [with_login(task, login) for task in tasks]
    return NewRun(
        name=order.name or request.name,
        pipeline=order.pipeline,
        build=request.build,
        spec={**spec, "pipelineSpec": pipeline},
        context=request.context,
        revision=order.revision,
        author=order.author.name,
        message=order.message,
        git_url=request.repo.url,
        pull_url=order.pull_url,
        labels=made["metadata"]["labels"],
    )
