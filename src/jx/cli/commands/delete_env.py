"""`jx delete env`."""

from __future__ import annotations

import click

from jx.cli.changes import tell_next
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.usecases.proposing.edit_environment import DeleteEnvironmentRequest


@click.command()
@click.argument("name")
@click.option("--auto-merge", is_flag=True, help="Merge the pull request once its checks pass.")
@click.option("-b", "--batch-mode", is_flag=True, help="Ask no question.")
@with_session
def command(session: Session, name: str, *, auto_merge: bool, batch_mode: bool) -> None:
    """Take an environment away from the platform, by a pull request on the dev repository.

    What runs there, its data, its repository and its history stay; the pull request says how each of them is removed.

    \b
    Examples:
      jx delete env qa
    """
    request = DeleteEnvironmentRequest(session.wiring.platform_at, name, auto_merge=auto_merge)
    tell_next(session, session.wiring.delete_environment()(request))
