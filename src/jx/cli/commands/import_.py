"""`jx import`."""

from __future__ import annotations

import click

from jx.cli.changes import tell_next
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import Usage
from jx.usecases.proposing.import_repository import ImportRequest


@click.command()
@click.argument("repository", default="")
@click.option("--url", default="", help="The same as the argument.")
@click.option("--branch", default="", help="The branch that it is released from. Default: main, else master.")
@click.option("--auto-merge", is_flag=True, help="Merge the pull request once its checks pass.")
@click.option("-b", "--batch-mode", is_flag=True, help="Ask no question.")
@with_session
def command(
    session: Session, repository: str, *, url: str, branch: str, auto_merge: bool, batch_mode: bool
) -> None:
    """Have the pushes and pull requests of an application's repository start its pipelines, as its jenkins-x.yml says.

    A pull request on the dev repository declares it. Without an argument it is the repository of the clone that you are in.

    \b
    Examples:
      jx import acme/shop
      jx import --branch trunk
    """
    said = repository or url
    if not said:
        origin = session.wiring.folders.look(".").origin
        if origin is None:
            raise Usage("which repository?", hint="jx import OWNER/NAME, or in a clone of it")
        said = origin.url
    request = ImportRequest(
        session.wiring.platform_at, said, branch, session.wiring.webhook_url, auto_merge=auto_merge
    )
    tell_next(session, session.wiring.import_repository()(request))
