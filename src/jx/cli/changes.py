"""What the commands that open pull requests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from jx.cli import output
from jx.cli.session import Session
from jx.domain.changes.changes import PullRequest
from jx.domain.errors import Invalid
from jx.domain.names import parse_app_key
from jx.domain.texts.values import parse_set


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


def set_option(*, required: bool = False) -> Callable[..., Any]:
    """`--set`, which may be repeated."""
    text = "A value, as Helm's --set."
    return click.option(
        "-s", "--set", "settings", multiple=True, required=required, metavar="KEY=VALUE", help=text, callback=_check_settings,
    )  # fmt: skip


def alias_option(text: str = "The app's key, where its chart is installed twice.") -> Callable[..., Any]:
    """`--alias`."""
    return click.option("--alias", default="", help=text, callback=_check_alias)


def _check_settings(_: click.Context, __: click.Parameter, settings: tuple[str, ...]) -> tuple[str, ...]:
    for text in settings:
        _check(parse_set, text)
    return settings


def _check_alias(_: click.Context, __: click.Parameter, alias: str) -> str:
    if alias:
        _check(parse_app_key, alias)
    return alias


def _check(parse: Callable[[str], object], text: str) -> None:
    try:
        parse(text)
    except Invalid as error:
        raise click.BadParameter("; ".join([error.message, *map(str, error.problems)])) from error


def tell_next(session: Session, pull: PullRequest | None) -> None:
    """What to do with a pull request that was just opened."""
    if pull is not None:
        env = "" if "-dev" in pull.repo.name else f" --env {pull.repo.name.rpartition('-')[2]}"
        output.hint(f"next: jx pr diff {pull.number}{env}")
