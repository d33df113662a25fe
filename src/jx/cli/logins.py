"""The flags of a login: a user name, and a password that is no argument."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from jx.cli.session import Session
from jx.usecases.proposing.keep_login import NewLogin


def login_options(text: str, *, required: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--username`, `--password-stdin`; and `--password`, which is not taken."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option("--password", hidden=True, expose_value=False, callback=_refuse),
            click.option(
                "--password-stdin", is_flag=True, help="Its password is the first line of the input."
            ),
            click.option("--username", default="", required=required, help=text),
        ):
            function = option(function)
        return function

    return add


def read_login(session: Session, username: str, *, from_stdin: bool, batch: bool) -> NewLogin | None:
    """The login that was given; None where none was. On a terminal the password is asked for, and not shown."""
    if not username:
        if from_stdin:
            raise click.UsageError("--password-stdin needs --username")
        return None
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif session.prompts(batch=batch):
        password = click.prompt(f"Password of {username}", hide_input=True, err=True)
    else:
        raise click.UsageError("--username needs --password-stdin where nobody can be asked")
    if not password:
        raise click.UsageError("the password is empty")
    return NewLogin(username, password)


def _refuse(_: click.Context, __: click.Parameter, value: str | None) -> None:
    if value is not None:
        raise click.UsageError(
            "--password: everybody on this machine can read a process's arguments; use --password-stdin instead"
        )
