"""`jx delete application`."""

from __future__ import annotations

import click

from jx.cli.changes import tell_next
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.usecases.proposing.import_repository import ImportRequest


@click.command()
@click.argument("repository")
@click.option("--auto-merge", is_flag=True, help="Merge the pull request once its checks pass.")
@click.option("-b", "--batch-mode", is_flag=True, help="Ask no question.")
@with_session
def command(session: Session, repository: str, *, auto_merge: bool, batch_mode: bool) -> None:
    """Have nothing start the pipelines of a repository any more, by a pull request on the dev repository.

    The repository stays, and so do its runs and what is installed of it: jx delete app removes that.

    \b
    Examples:
      jx delete application acme/shop
    """
    request = ImportRequest(session.wiring.platform_at, repository, auto_merge=auto_merge)
    tell_next(session, session.wiring.import_repository().forget(request))
