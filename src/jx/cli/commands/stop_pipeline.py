"""`jx stop pipeline`."""

from __future__ import annotations

from typing import Any

import click

from jx.cli import output
from jx.cli.run_choice import choice_options, take_choice
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.argument("pipeline", default="")
@choice_options
@with_session
def command(session: Session, pipeline: str, **options: Any) -> None:
    """End a run that goes on; what its steps have done stays, and so do its logs.

    \b
    Examples:
      jx stop pipeline acme/environment-jx-dev/master
      jx stop pipeline --repo environment-jx-dev --build 7
    """
    run = session.wiring.stop_pipeline()(take_choice(pipeline, options))
    output.say(f"Run #{run.build} of {run.pipeline} is told to end")
