"""`jx pr comment`."""

from __future__ import annotations

import click

from jx.cli.pulls import environment_option, review
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.usecases.reviewing.review_change import CommentOn


@click.command()
@click.argument("pull")
@environment_option("dev")
@click.option("-b", "--body", required=True, help="What to say.")
@with_session
def command(session: Session, pull: str, env: str, body: str) -> None:
    """Comment on a pull request.

    \b
    Examples:
      jx pr comment 3 -b "Why not 1.4?"
    """
    review(session, pull, env, CommentOn(body))
