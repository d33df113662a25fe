"""Runs of applications: the pipeline of any repository, with no more of the platform's rights than it takes to clone it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jx.domain.names import Person
from jx.domain.pipelines.runs import RunRequest
from jx.domain.runs.check_runs import with_login
from jx.domain.runs.environment_runs import RUN_VARIABLE, git_login, with_variables
from jx.domain.runs.runs import NewRun


def new_application_run(
    request: RunRequest, made: Mapping[str, Any], *, git_secret: str, author: Person, message: str
) -> NewRun:
    """The run, from what the repository's pipeline was compiled to. Only what clones has the login to git."""
    spec = dict(made["spec"])
    pipeline = dict(spec["pipelineSpec"])
    login = git_login(request.repo.url, git_secret, {"credential.useHttpPath": "true"})
    variables = [{"name": RUN_VARIABLE, "value": "$(context.pipelineRun.name)"}]
    for part in ("tasks", "finally"):
        if part in pipeline:
            tasks = [with_variables(task, variables) for task in pipeline[part]]
            pipeline[part] = [with_login(task, login) for task in tasks]
    return NewRun(
        name=request.name,
        pipeline=f"{request.repo.full_name}/{request.branch}",
        build=request.build,
        spec={**spec, "pipelineSpec": pipeline},
        context=request.context,
        revision=request.revision or "",
        author=author.name,
        message=message,
        labels=made["metadata"]["labels"],
    )
