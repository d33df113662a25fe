"""`jx edit requirements`."""

from __future__ import annotations

import click

from jx.cli.changes import change_options, tell_next
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.usecases.proposing.edit_requirements import EditRequirementsRequest


@click.command()
@click.argument("settings", nargs=-1, required=True, metavar="KEY=VALUE...")
@change_options
@with_session
def command(
    session: Session, settings: tuple[str, ...], env: str, *, auto_merge: bool, batch_mode: bool
) -> None:
    """Set settings of jx-requirements.yml, by a pull request.

    \b
    Examples:
      jx edit requirements apply.maxDeletions=50
      jx edit requirements versionStream.ref=master cluster.provider=gke
    """
    request = EditRequirementsRequest(
        session.wiring.platform_at, settings, environment=env, auto_merge=auto_merge
    )
    tell_next(session, session.wiring.edit_requirements()(request))
