"""`jx get pipelines`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.activities import TINTS, short
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.runs.runs import VERIFY, Run

_HEADER = ("NAME", "CONTEXT", "LAST BUILD", "STATUS", "DURATION")


@click.command()
@click.option("-f", "--filter", "part", default="", help="Only pipelines whose name holds this.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of a table."
)
@with_session
def command(session: Session, part: str, form: str | None) -> None:
    """List pipelines, each with its last run.

    \b
    Examples:
      jx get pipelines
      jx get pipelines -f environment -o json
    """
    last: dict[tuple[str, str], Run] = {}
    for run in session.wiring.pipelines.list_all():
        if part in run.pipeline and (part or run.context != VERIFY):
            last[run.pipeline, run.context] = run
    rows = [_row(run, session) for run in last.values()]
    if form:
        keys = [name.lower().replace(" ", "_") for name in _HEADER]
        output.document([dict(zip(keys, row, strict=True)) for row in rows], form)
        return
    if not rows:
        output.hint("No pipelines found")
        return
    output.table(_HEADER, rows, tints=TINTS)


def _row(run: Run, session: Session) -> tuple[str, ...]:
    end = run.completed or session.wiring.clock.now()
    duration = short(end - run.started) if run.started else ""
    return run.pipeline, run.context, run.build, run.state.value, duration
