"""`jx edit env`."""

from __future__ import annotations

from typing import Any

import click

from jx.cli.changes import tell_next
from jx.cli.environment_flags import declared_options, refuse_senseless, spec_from
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.usecases.proposing.edit_environment import EditEnvironmentRequest


@click.command()
@click.argument("name")
@declared_options
@with_session
def command(session: Session, name: str, *, auto_merge: bool, batch_mode: bool, **options: Any) -> None:
    """Change what an environment is declared as, by a pull request on the dev repository.

    \b
    Examples:
      jx edit env production --promotion Auto
      jx edit env qa --order 150 --label "Quality"
    """
    refuse_senseless(options)
    request = EditEnvironmentRequest(
        session.wiring.platform_at, name, spec_from(options), auto_merge=auto_merge
    )
    tell_next(session, session.wiring.edit_environment()(request))
