"""`jx local user list`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@with_session
def command(session: Session) -> None:
    """List the users of the embedded forge.

    \b
    Examples:
      jx local user list
    """
    output.table(("LOGIN",), [(login,) for login in session.wiring.users.list_logins()])
