"""`jx pr approve`."""

from __future__ import annotations

import click

from jx.cli.pulls import Place, choose_pull, place_options, review
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.names import parse_revision
from jx.usecases.reviewing.review_change import Approve


@click.command()
@click.argument("pull")
@place_options("dev")
@click.option("-b", "--body", default="", help="What to say with it.")
@click.option("--sha", help="The commit that you have seen; another head is not approved.")
@with_session
def command(session: Session, pull: str, place: Place, body: str, sha: str | None) -> None:
    """Approve a pull request as it is now; a later push needs a new approval.

    \b
    Examples:
      jx pr approve 3
      jx --as bob pr approve 3
    """
    review(session, choose_pull(session, pull, place), Approve(body, parse_revision(sha) if sha else None))
