"""`jx step create task`."""

from __future__ import annotations

from typing import Any

import click

from jx.cli import output
from jx.cli.applying import accept_old_flags
from jx.cli.run_options import run_options, take_run
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@run_options
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), default="yaml", show_default=True
)
@with_session
def command(session: Session, form: str, **options: Any) -> None:
    """Print the PipelineRun of a project's pipeline, as Tekton takes it. Nothing is started: it can be piped to kubectl.

    \b
    Examples:
      jx step create task
      jx step create task -k pullRequest --pull-refs master:SHA,12:SHA --build-number 3
      jx step create task --version 1.2.3 -n jx -o json | kubectl create -f -
    """
    from jx.domain.texts.yaml_text import write_yaml

    run = session.wiring.make_run()(take_run(options))
    output.document(run, "json") if form == "json" else output.say(write_yaml(run).rstrip())


accept_old_flags(command, "no-apply", "dry-run")
