"""`jx edit app`."""

from __future__ import annotations

import click

from jx.cli.app_flags import values_option
from jx.cli.changes import alias_option, change_options, set_option, tell_next
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.charts.given_values import ValuesFile
from jx.usecases.proposing.edit_app import EditAppRequest


@click.command()
@click.argument("name")
@values_option
@set_option()
@alias_option()
@change_options
@with_session
def command(
    session: Session,
    name: str,
    files: tuple[ValuesFile, ...],
    settings: tuple[str, ...],
    alias: str,
    env: str,
    *,
    auto_merge: bool,
    batch_mode: bool,
) -> None:
    """Set values of an app, by a pull request.

    \b
    Examples:
      jx edit app redis --set resources.limits.memory=256Mi
      jx edit app redis --values small.yaml --values ours.yaml
      jx edit app jx-platform --set controllers.pollSeconds=5
    """
    request = EditAppRequest(
        session.wiring.platform_at,
        name,
        settings,
        values=files,
        environment=env,
        alias=alias,
        auto_merge=auto_merge,
    )
    tell_next(session, session.wiring.edit_app()(request))
