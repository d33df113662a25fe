"""`jx add app`."""

from __future__ import annotations

from typing import Any

import click

from jx.cli.app_flags import helm_update_option, own_place_options, values_option
from jx.cli.changes import alias_option, change_options, set_option, tell_next
from jx.cli.logins import login_options, read_login
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.charts.given_values import ValuesFile
from jx.usecases.proposing.add_app import AddAppRequest


@click.command()
@click.argument("name")
@click.option("-v", "--version", default="", help="Exact, or a range. Default: the newest.")
@click.option("--repository", default="", help="Chart repository. Default: the platform's.")
@login_options("For a private repository: its user. The login goes to the store, a reference into git.")
@alias_option("Another key, to install a chart twice.")
@values_option
@set_option()
@own_place_options
@helm_update_option
@change_options
@with_session
def command(
    session: Session, name: str, files: tuple[ValuesFile, ...], username: str,
    *, password_stdin: bool, batch_mode: bool, **options: Any,
) -> None:  # fmt: skip
    """Add an app to an environment, by a pull request.

    \b
    Examples:
      jx add app redis
      jx add app redis --version 1.0.0 --set persistence.enabled=false
      jx add app shop --env staging
      jx add app redis --alias cache --namespace caches --release-name cache
      jx add app shop --repository https://charts.example.com/acme --username ann --password-stdin < password
    """
    request = AddAppRequest(
        platform=session.wiring.platform_at,
        name=name,
        environment=options["env"],
        version=options["version"],
        repository=options["repository"],
        alias=options["alias"],
        namespace=options["namespace"],
        release=options["release"],
        values=files,
        settings=options["settings"],
        login=read_login(session, username, from_stdin=password_stdin, batch=batch_mode),
        auto_merge=options["auto_merge"],
    )
    tell_next(session, session.wiring.add_app(session.prompts(batch=batch_mode))(request))
