"""Flags of the commands that make and change environments: those of Jenkins X 2, with a word why where one has no sense here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from jx.domain.environments.environments import Strategy
from jx.domain.errors import Usage

_STRATEGIES = click.Choice([one.value for one in Strategy], case_sensitive=False)
_DECLARED = (
    click.option("-l", "--label", default=None, help="What people call it."),
    click.option("-s", "--namespace", default=None, help="Where its apps run."),
    click.option("-p", "--promotion", default=None, type=_STRATEGIES, help="How releases get into it."),
    click.option("-o", "--order", default=None, type=int, help="Promotions go from low to high."),
    click.option("-g", "--git-url", default=None, help="Its repository."),
    click.option("-r", "--git-ref", default=None, help="The branch that is applied."),
    click.option(
        "-c", "--cluster", default=None, help="The cluster that it is in, where that is another one."
    ),
    click.option("--remote/--no-remote", default=None, help="Whether it is in another cluster."),
    click.option("--auto-merge", is_flag=True, help="Merge the pull request once its checks pass."),
    click.option("-b", "--batch-mode", is_flag=True, help="Ask no question."),
)
_OLD = (
    click.option("-f", "--fork-git-repo", default="", hidden=True),
    click.option("-x", "--no-gitops", is_flag=True, hidden=True),
    click.option("--prow", is_flag=True, hidden=True),
    click.option("--vault", is_flag=True, hidden=True),
    click.option("--branches", default="", hidden=True),
    click.option("--env-job-credentials", default="", hidden=True),
    click.option("--pull-secrets", default="", hidden=True),
)
_SENSELESS = {
    "fork_git_repo": "the repository is filled by jx; one that is there is taken as it is: --git-url",
    "no_gitops": "an environment without a git repository could not be changed by pull requests",
    "prow": "webhooks are the platform's own affair",
    "vault": "an environment refers to the platform's secret store",
    "branches": "one branch is applied: --git-ref",
    "env_job_credentials": "the platform's own account reads the repository",
    "pull_secrets": "they are values of the apps that need them",
}


def declared_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """What an environment is declared as."""
    for option in reversed((*_DECLARED, *_OLD)):
        function = option(function)
    return function


def refuse_senseless(options: Mapping[str, Any]) -> None:
    """Usage, with the reason, for a flag of Jenkins X 2 that would do nothing."""
    for name, why in _SENSELESS.items():
        if options[name]:
            flag = "--" + name.replace("_", "-")
            raise Usage(f"{flag} has no effect here: {why}", hint=f"leave out {flag}")


def spec_from(options: Mapping[str, Any]) -> dict[str, Any]:
    """What was said, by the paths of a declaration."""
    paths = {
        "label": "label",
        "namespace": "namespace",
        "promotion": "promotionStrategy",
        "order": "order",
        "git_url": "source.url",
        "git_ref": "source.ref",
        "cluster": "cluster",
        "remote": "remoteCluster",
    }
    said = {path: options[name] for name, path in paths.items() if options[name] is not None}
    if "promotionStrategy" in said:
        said["promotionStrategy"] = strategy_of(said["promotionStrategy"]).value
    return said


def strategy_of(text: str | None) -> Strategy:
    """A strategy, however it is spelled; Auto where nothing is said, as in Jenkins X 2."""
    return Strategy((text or "Auto").capitalize())
