"""`jx edit platform`."""

from __future__ import annotations

import click

from jx.cli.changes import set_option, tell_next
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import NotFound
from jx.usecases.proposing.edit_app import EditAppRequest


@click.command()
@set_option(required=True)
@click.option("--auto-merge", is_flag=True, help="Merge the pull request once its checks pass.")
@click.option("-b", "--batch-mode", is_flag=True, help="Ask no question.")
@with_session
def command(session: Session, settings: tuple[str, ...], *, auto_merge: bool, batch_mode: bool) -> None:
    """Set values of the platform's chart, by a pull request on the dev repository.

    \b
    Examples:
      jx edit platform --set controllers.pollSeconds=5
    """
    at = session.wiring.platform_at
    chart = session.wiring.propose_change().target(at, "dev").platform.chart
    if chart is None:
        raise NotFound("Jenkins X platform helm chart is not installed.", hint="jx install")
    request = EditAppRequest(at, chart.key, settings, auto_merge=auto_merge)
    tell_next(session, session.wiring.edit_app()(request))
