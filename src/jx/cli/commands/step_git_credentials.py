"""`jx step git credentials`."""

from __future__ import annotations

import click

from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@with_session
def command(session: Session) -> None:
    """Have git log in as the run is told to (JX_GIT_USER, JX_GIT_TOKEN), to that server only. No token is written anywhere.

    The first step of releases that are made of lifecycles.

    \b
    Examples:
      jx step git credentials
    """
    settings = session.settings
    has_token = bool(settings.git_token)
    url = session.wiring.git_url if has_token else ""
    session.wiring.log_git_in()(url, user=settings.git_user, has_token=has_token)
