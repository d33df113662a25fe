"""`jx start pipeline`."""

from __future__ import annotations

import click

from jx.cli import exit_codes, output
from jx.cli.run_choice import show_lines
from jx.cli.session import Session, goes_on
from jx.cli.session import command as with_session
from jx.domain.run_choice import parse_pipeline
from jx.domain.runs import RunState


@click.command()
@click.argument("pipeline", default="dev")
@click.option("-t", "--tail", is_flag=True, help="Show what it prints, until it has ended.")
@with_session
def command(session: Session, pipeline: str, *, tail: bool) -> int:
    """Run the pipeline of an environment once more, for the head of its branch.

    \b
    Examples:
      jx start pipeline staging
      jx start pipeline acme/environment-jx-dev/master --tail
    """
    run = session.wiring.start_pipeline()(session.wiring.platform_at, parse_pipeline(pipeline))
    output.say(f"Started run #{run.build} of {run.pipeline} for {run.revision[:12]}")
    if not tail:
        output.hint(f"next: jx get build logs {run.pipeline} --build {run.build}")
        return exit_codes.DONE
    with goes_on("The run goes on without anybody looking."):
        show_lines(session.wiring.pipelines.logs(run, follow=True))
    found = session.wiring.pipelines.find(run.name)
    return exit_codes.DONE if found and found.state is RunState.SUCCEEDED else exit_codes.FAILED
