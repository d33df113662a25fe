"""Runs of environments: the pipeline of an environment's repository, with what its steps need to apply it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jx.domain.environments.environments import Environment
from jx.domain.layouts.new_environment import BUILDER_IMAGE
from jx.domain.names import Person, Revision
from jx.domain.runs.runs import APPLY, NewRun, Run

RUN_VARIABLE = "JX_PIPELINE_RUN"
"""Names, in a step, the run that it belongs to."""
ENVIRONMENT_VARIABLE = "JX_ENVIRONMENT"
HEAL_VARIABLE = "JX_HEALS_DRIFT"
"""Tells a step that it takes back what others have changed."""

_HELPER = '!f() { echo "username=$JX_GIT_USER"; echo "password=$JX_GIT_TOKEN"; }; f'
"""Gives git the login from variables, so that it stands in no argument and no file."""


@dataclass(frozen=True, slots=True)
class RunSetup:
    """What the runs of a platform have in common."""

    account: str
    """The ServiceAccount that they apply as."""
    git_secret: str
    """The Secret with the `username` and `token` of the platform's own user."""
    git_url: str
    """The server that this login is for; git gives it to no other."""
    variables: Mapping[str, str] = field(default_factory=dict)
    builder_image: str = BUILDER_IMAGE
    """What the builder's image is called there: with git and a shell to clone, and with jx."""

    @property
    def images(self) -> Mapping[str, str]:
        """The images of a cluster by the names that files give them."""
        return {BUILDER_IMAGE: self.builder_image}


@dataclass(frozen=True, slots=True)
class Occasion:
    """For which commit a run is, and how often it was tried before."""

    revision: Revision
    author: Person
    subject: str
    attempt: int
    heals: str = ""
    """What tells the drift that it heals from others; empty for the runs that apply what was merged."""


def name_run(environment: Environment, occasion: Occasion) -> str:
    """The name of a run: the same for everybody who would start it for the same reason."""
    assert environment.repo is not None
    repo = environment.repo
    which = f"heal-{occasion.heals}" if occasion.heals else str(occasion.attempt)
    parts = [repo.owner, repo.name, environment.branch, occasion.revision[:12], which]
    return "-".join(part for part in parts if part)


def pipeline_of(environment: Environment) -> str:
    """`owner/repository/branch`."""
    assert environment.repo is not None
    return f"{environment.repo.full_name}/{environment.branch}"


def new_run(
    environment: Environment, occasion: Occasion, setup: RunSetup, *, build: int, made: Mapping[str, Any]
) -> NewRun:
    """The run, from what the repository's pipeline was compiled to."""
    assert environment.repo is not None
    spec = dict(made["spec"])
    pipeline = dict(spec["pipelineSpec"])
    heals = {HEAL_VARIABLE: "true"} if occasion.heals else {}
    variables = _variables(environment, setup, heals)
    for part in ("tasks", "finally"):
        if part in pipeline:
            pipeline[part] = [with_variables(task, variables) for task in pipeline[part]]
    return NewRun(
        name=name_run(environment, occasion),
        pipeline=pipeline_of(environment),
        build=build,
        spec={**spec, "pipelineSpec": pipeline},
        context=APPLY,
        revision=occasion.revision,
        author=occasion.author.name,
        message=f"Heal drift: {occasion.subject}" if occasion.heals else occasion.subject,
        git_url=environment.repo.url,
        labels=made["metadata"]["labels"],
    )


def runs_of(environment: Environment, runs: Iterable[Run]) -> tuple[Run, ...]:
    """Those of the runs that apply this environment."""
    pipeline = pipeline_of(environment)
    return tuple(run for run in runs if run.pipeline == pipeline and run.context == APPLY)


def _variables(environment: Environment, setup: RunSetup, more: Mapping[str, str]) -> list[dict[str, Any]]:
    plain = {
        RUN_VARIABLE: "$(context.pipelineRun.name)",
        ENVIRONMENT_VARIABLE: environment.name,
        **setup.variables,
        **more,
    }
    login = git_login(setup.git_url, setup.git_secret)
    return [*({"name": name, "value": value} for name, value in plain.items() if value), *login]


def git_login(url: str, secret: str, settings: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Variables by which git logs in where a URL begins so, and nowhere else; with more settings of git."""
    config = {f"credential.{url}.helper": _HELPER, **(settings or {})}
    plain = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (key, value) in enumerate(config.items()):
        plain |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    hidden = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
        for name, key in (("JX_GIT_USER", "username"), ("JX_GIT_TOKEN", "token"))
    ]
    return [*({"name": name, "value": value} for name, value in plain.items()), *hidden]


def with_variables(task: Mapping[str, Any], variables: list[dict[str, Any]]) -> dict[str, Any]:
    """A task whose steps all have these variables, where they do not say otherwise."""
    spec = dict(task["taskSpec"])
    template = dict(spec.get("stepTemplate") or {})
    spec["stepTemplate"] = {**template, "env": [*variables, *(template.get("env") or ())]}
    return {**task, "taskSpec": spec}
