"""Runs that check pull requests: the base's pipeline over what a merge would give, with as few rights as it can do with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jx.domain.changes.changes import PullRequest
from jx.domain.environments.environments import Environment
from jx.domain.names import Revision
from jx.domain.pipelines.cloning import SCRIPT
from jx.domain.pipelines.naming import CLONE_STEP
from jx.domain.runs.environment_runs import (
    ENVIRONMENT_VARIABLE,
    RUN_VARIABLE,
    RunSetup,
    git_login,
    with_variables,
)
from jx.domain.runs.runs import CHECK, NewRun, Run

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class CheckOccasion:
    """What a check is of: a pull request's head on a commit of its base, and how often people asked for one more."""

    pull: PullRequest
    base: Revision
    asked: int = 0

    @property
    def name(self) -> str:
        """The name of its run: the same for everybody who would start it for the same reason."""
        pull = self.pull
        commits = [pull.head[:_SHOWN], self.base[:_SHOWN]]
        asked = [str(self.asked)] if self.asked else []
        return "-".join([pull.repo.owner, pull.repo.name, f"pr-{pull.number}", *commits, *asked])

    @property
    def pipeline(self) -> str:
        """`owner/repository/PR-3`."""
        return f"{self.pull.repo.full_name}/PR-{self.pull.number}"


def new_check(
    environment: Environment,
    occasion: CheckOccasion,
    setup: RunSetup,
    *,
    build: int,
    made: Mapping[str, Any],
) -> NewRun:
    """The run, from what the base's pipeline was compiled to. What clones has the login to that one repository; what comes after
    it, and may run what the pull request brought, has none."""
    spec = dict(made["spec"])
    pipeline = dict(spec["pipelineSpec"])
    plain = {RUN_VARIABLE: "$(context.pipelineRun.name)", ENVIRONMENT_VARIABLE: environment.name}
    variables = [
        {"name": name, "value": value} for name, value in {**plain, **setup.variables}.items() if value
    ]
    login = git_login(occasion.pull.repo.url, setup.git_secret, {"credential.useHttpPath": "true"})
    for part in ("tasks", "finally"):
        if part in pipeline:
            tasks = [with_variables(task, variables) for task in pipeline[part]]
            pipeline[part] = [with_login(task, login) for task in tasks]
    return NewRun(
        name=occasion.name,
        pipeline=occasion.pipeline,
        build=build,
        spec={**spec, "pipelineSpec": pipeline},
        context=CHECK,
        revision=occasion.pull.head,
        author=occasion.pull.author.name,
        message=occasion.pull.title,
        git_url=occasion.pull.repo.url,
        pull_url=occasion.pull.url,
        labels=made["metadata"]["labels"],
    )


def checks_of(occasion: CheckOccasion, runs: Iterable[Run]) -> tuple[Run, ...]:
    """Those of the runs that check this pull request, whatever its head was."""
    return tuple(run for run in runs if run.pipeline == occasion.pipeline and run.context == CHECK)


def with_login(task: Mapping[str, Any], login: list[dict[str, Any]]) -> dict[str, Any]:
    """A task with this login, only for what clones: by its name and its text, since a file may have a step of that name in a task
    that clones nothing."""
    spec = dict(task["taskSpec"])
    first, *rest = spec["steps"]
    if first["name"] == CLONE_STEP and first.get("args") == [SCRIPT]:
        spec["steps"] = [{**first, "env": [*(first.get("env") or ()), *login]}, *rest]
    return {**task, "taskSpec": spec}
