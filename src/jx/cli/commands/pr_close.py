"""`jx pr close`."""

from __future__ import annotations

import click

from jx.cli.pulls import Place, choose_pull, place_options, review
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.usecases.reviewing.review_change import Close


@click.command()
@click.argument("pull")
@place_options("dev")
@with_session
def command(session: Session, pull: str, place: Place) -> None:
    """Close a pull request without merging it.

    \b
    Examples:
      jx pr close 3
    """
    review(session, choose_pull(session, pull, place), Close())
