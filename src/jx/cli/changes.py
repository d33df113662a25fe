"""What the commands that open pull requests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from jx.cli import output
from jx.cli.session import Session
from jx.domain.changes import PullRequest


def change_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--env`, `--auto-merge`, `-b`."""
    for option in (
        click.option("-b", "--batch-mode", is_flag=True, help="Ask no question."),
        click.option(
            "--auto-merge",
            is_flag=True,
            help="Label the pull request so that it is merged when its checks pass.",
        ),
        click.option("-e", "--env", default="dev", show_default=True, help="The environment to change."),
    ):
        function = option(function)
    return function


def tell_next(session: Session, pull: PullRequest | None) -> None:
    """What to do with a pull request that was just opened."""
    if pull is not None:
        env = "" if "-dev" in pull.repo.name else f" --env {pull.repo.name.rpartition('-')[2]}"
        output.hint(f"next: jx pr diff {pull.number}{env}")
