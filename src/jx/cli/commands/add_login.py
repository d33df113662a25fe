"""`jx add login`."""

from __future__ import annotations

import click

from jx.cli.changes import tell_next
from jx.cli.logins import login_options, read_login
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.argument("url")
@login_options("The user.", required=True)
@click.option("-e", "--env", default="dev", show_default=True, help="The environment that it is for.")
@click.option("-b", "--batch-mode", is_flag=True, help="Ask no question.")
@with_session
def command(
    session: Session, url: str, username: str, env: str, *, password_stdin: bool, batch_mode: bool
) -> None:
    """Keep the login of a chart repository or a git server in the store, and name in git where it is, by a pull request.

    What it is for is kept beside it, so that nobody can have it sent elsewhere by a change in git. The logins of dev are for git
    servers, too. Another password for the same address changes the store alone.

    \b
    Examples:
      jx add login https://charts.example.com/acme --username ann --password-stdin < password
      jx add login oci://registry.example.com --env staging --username ann
    """
    from jx.usecases.proposing.add_login import AddLoginRequest

    given = read_login(session, username, from_stdin=password_stdin, batch=batch_mode)
    assert given is not None
    tell_next(
        session, session.wiring.add_login()(AddLoginRequest(session.wiring.platform_at, url, given, env))
    )
