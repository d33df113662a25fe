"""`jx get activities`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.activities import HEADER, rows_of, to_data
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.runs.activities import Activity


@click.command()
@click.option("-f", "--filter", "part", default="", help="Only pipelines whose name holds this.")
@click.option("--build", default="", help="Only this build.")
@click.option("-w", "--watch", is_flag=True, help="Go on as things happen.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of a table."
)
@with_session
def command(session: Session, part: str, build: str, form: str | None, *, watch: bool) -> None:
    """List what was done and is being done.

    \b
    Examples:
      jx get activities
      jx get activities -f environment-local-dev -w
    """

    def wanted(activity: Activity) -> bool:
        return part in activity.pipeline and build in {"", activity.build}

    activities = session.wiring.activities
    if watch:
        output.table(HEADER, [])
        for activity in activities.watch():
            if wanted(activity):
                for row in rows_of(activity, session.wiring.clock.now()):
                    output.say("   ".join(row))
        return
    found = [activity for activity in activities.list_all() if wanted(activity)]
    if form:
        output.document([to_data(activity) for activity in found], form)
        return
    now = session.wiring.clock.now()
    output.table(HEADER, [row for activity in found for row in rows_of(activity, now)])
