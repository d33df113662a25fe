"""`jx pr close`."""

from __future__ import annotations

import click

from jx.cli.pulls import environment_option, review
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.usecases.reviewing.review_change import Close


@click.command()
@click.argument("pull")
@environment_option("dev")
@with_session
def command(session: Session, pull: str, env: str) -> None:
    """Close a pull request without merging it.

    \b
    Examples:
      jx pr close 3
    """
    review(session, pull, env, Close())
