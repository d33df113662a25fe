"""`jx pr comment`."""

from __future__ import annotations

import click

from jx.cli.pulls import Place, choose_pull, place_options, review
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.usecases.reviewing.review_change import CommentOn


@click.command()
@click.argument("pull")
@place_options("dev")
@click.option("-b", "--body", required=True, help="What to say.")
@with_session
def command(session: Session, pull: str, place: Place, body: str) -> None:
    """Comment on a pull request.

    \b
    Examples:
      jx pr comment 3 -b "Why not 1.4?"
    """
    review(session, choose_pull(session, pull, place), CommentOn(body))
