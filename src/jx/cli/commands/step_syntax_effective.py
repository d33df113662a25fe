"""`jx step syntax effective`."""

from __future__ import annotations

from typing import Any

import click

from jx.cli import output
from jx.cli.pipeline_options import pipeline_options, take_request
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@pipeline_options
@click.option("-s", "--short", is_flag=True, help="Each command in one line.")
@click.option("--output-dir", default="", metavar="DIR", help="Write it there. Default: print it.")
@click.option(
    "--output-file",
    default="",
    metavar="FILE",
    help="... by this name. Default: jenkins-x[-CONTEXT]-effective.yml.",
)
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), default="yaml", show_default=True
)
@with_session
def command(session: Session, form: str, *, short: bool, **options: Any) -> None:
    """Show what a project's pipelines come to: with its build pack, overrides and defaults, in the own syntax of pipelines.

    \b
    Examples:
      jx step syntax effective
      jx step syntax effective -s -c deploy
      jx step syntax effective -p go --packs ../jenkins-x-kubernetes --packs classic=../jenkins-x-classic
      jx step syntax effective --output-dir out
    """
    from jx.domain.pipelines.writing import write_effective
    from jx.domain.texts.yaml_text import write_yaml
    from jx.usecases.pipelines.read_pipeline import PipelineRequest

    request = PipelineRequest(**take_request(options))
    _, resolved = session.wiring.read_pipeline()(request)
    data = write_effective(resolved.file, short=short)
    folder, name = options["output_dir"], options["output_file"]
    if not (folder or name):
        output.document(data, "json") if form == "json" else output.say(write_yaml(data).rstrip())
        return
    name = name or f"{'-'.join(part for part in ('jenkins-x', request.context, 'effective') if part)}.yml"
    session.wiring.folders.put(folder or ".", name, write_yaml(data))
    output.say(f"Effective pipeline written to {folder + '/' if folder else ''}{name}")
