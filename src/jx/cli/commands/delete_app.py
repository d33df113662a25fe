"""`jx delete app`."""

from __future__ import annotations

from typing import Any

import click

from jx.cli.app_flags import place_options
from jx.cli.changes import alias_option, change_options, tell_next
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.usecases.proposing.remove_app import RemoveAppRequest


@click.command()
@click.argument("name")
@alias_option()
@click.option(
    "--purge/--no-purge", default=True, hidden=True, help="As in Jenkins X 2; an app is always removed whole."
)
@place_options
@change_options
@with_session
def command(session: Session, name: str, **options: Any) -> None:
    """Remove an app, its folder and its values, by a pull request.

    Volumes that hold its data are kept.

    \b
    Examples:
      jx delete app redis
    """
    request = RemoveAppRequest(
        platform=session.wiring.platform_at,
        name=name,
        environment=options["env"],
        alias=options["alias"],
        namespace=options["namespace"],
        release=options["release"],
        auto_merge=options["auto_merge"],
    )
    tell_next(session, session.wiring.remove_app()(request))
