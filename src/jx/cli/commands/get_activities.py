"""`jx get activities`."""

from __future__ import annotations

from collections.abc import Iterable

import click

from jx.cli import output
from jx.cli.activities import HEADER, TINTS, rows_of, to_data
from jx.cli.session import Session, goes_on
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
        with goes_on("The runs go on without anybody looking."):
            _show((one for one in activities.watch() if wanted(one)), session)
        return
    found = [activity for activity in activities.list_all() if wanted(activity)]
    if form:
        output.document([to_data(activity) for activity in found], form)
        return
    if not found:
        output.hint("No activities found")
        return
    now = session.wiring.clock.now()
    output.table(HEADER, [row for activity in found for row in rows_of(activity, now)], tints=TINTS)


def _show(activities: Iterable[Activity], session: Session) -> None:
    """Each activity as it is first seen, and then what has changed of it, below its name."""
    table = output.GrowingTable(HEADER, tints=TINTS)
    table.begin()
    seen: dict[str, set[tuple[int, str, str]]] = {}
    last = ""
    for activity in activities:
        known = seen.setdefault(activity.name, set())
        rows = rows_of(activity, session.wiring.clock.now())
        table.widen(rows)
        states = [(number, row[0], row[-1]) for number, row in enumerate(rows)]
        fresh = [number for number, state in enumerate(states) if state not in known]
        if fresh and 0 not in fresh and last != activity.name:
            fresh.insert(0, 0)
        for number in fresh:
            table.add(rows[number])
            last = activity.name
        known.update(states)
