"""`jx get build logs`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from jx.cli import exit_codes, output
from jx.cli.durations import parse_duration
from jx.cli.run_choice import choice_options, show_lines, take_choice
from jx.cli.session import Session, goes_on
from jx.cli.session import command as with_session
from jx.domain.runs.runs import RunState, find_failure


@click.command()
@click.argument("pipeline", default="")
@choice_options
@click.option("-t", "--tail/--no-tail", default=True, help="Go on until the run has ended. Default.")
@click.option("-w", "--wait", is_flag=True, help="Wait for a run that is not there yet.")
@click.option(
    "-d", "--wait-duration", "patience", default="5m", show_default=True, help="How long to wait for one."
)
@click.option("--fail-with-pod", is_flag=True, help="Exit with 1 where the run failed.")
@click.option("--pod", default="", help="Only the run that this pod belongs to.")
@with_session
def command(session: Session, pipeline: str, pod: str, patience: str, **options: Any) -> int:
    """Show what the steps of a run print, the newest one by default.

    \b
    Examples:
      jx get build logs
      jx get build logs acme/environment-jx-dev/master --build 7
      jx get build logs --repo environment-jx-staging --no-tail
    """
    from jx.usecases.runs.show_logs import ShowLogsRequest

    choice = take_choice(pipeline, options, pod=pod)
    wait = parse_duration(patience, "wait-duration") if options["wait"] else timedelta()
    with goes_on("The run goes on without anybody looking."):
        shown = session.wiring.show_logs()(ShowLogsRequest(choice, follow=options["tail"], wait=wait))
        count = show_lines(shown.lines)
    run = session.wiring.pipelines.find(shown.run.name) if shown.run else None
    if run is None:
        return exit_codes.DONE
    if not count:
        output.hint(f"run #{run.build} of {run.pipeline} has printed nothing: {run.words or run.state}")
    if run.state is RunState.FAILED:
        output.hint(find_failure(run))
    return exit_codes.FAILED if options["fail_with_pod"] and run.state is RunState.FAILED else exit_codes.DONE
