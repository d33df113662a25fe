"""`jx get build pods`."""

from __future__ import annotations

from typing import Any

import click

from jx.cli import output
from jx.cli.activities import TINTS, short
from jx.cli.run_choice import choice_options, take_choice
from jx.cli.session import Session
from jx.cli.session import command as with_session

_HEADER = ("PIPELINE", "BUILD", "CONTEXT", "STAGE", "AGE", "STATUS", "POD")


@click.command()
@choice_options
@click.option(
    "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of a table."
)
@with_session
def command(session: Session, form: str | None, **options: Any) -> None:
    """List the pods of runs.

    \b
    Examples:
      jx get build pods
      jx get build pods --repo environment-jx-dev --build 7
    """
    choice, now = take_choice("", options), session.wiring.clock.now()
    rows = []
    for run in session.wiring.pipelines.list_all():
        for stage in run.stages if choice.holds(run) else ():
            if stage.pod:
                age = short(now - stage.started) if stage.started else ""
                rows.append(
                    (run.pipeline, run.build, run.context, stage.name, age, stage.state.value, stage.pod)
                )
    if form:
        keys = [name.lower() for name in _HEADER]
        output.document([dict(zip(keys, row, strict=True)) for row in rows], form)
        return
    if not rows:
        output.hint("No build pods found")
        return
    output.table(_HEADER, rows, tints=TINTS)
