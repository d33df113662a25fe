"""`jx step syntax schema`."""

from __future__ import annotations

from pathlib import Path

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.option(
    "--pipeline/--buildpack",
    "is_project",
    default=True,
    help="Of jenkins-x.yml, or of a build pack's pipeline.yaml.",
)
@click.option("-o", "--out", default="", metavar="FILE", help="Write it there. Default: print it.")
@with_session
def command(session: Session, out: str, *, is_project: bool) -> None:
    """Print the JSON Schema of pipeline files, for editors and other tools.

    \b
    Examples:
      jx step syntax schema
      jx step syntax schema --buildpack -o pipeline.schema.json
    """
    from jx.domain.pipelines.schema import pack_schema, project_schema

    found = project_schema() if is_project else pack_schema()
    if not out:
        output.document(found, "json")
        return
    import json

    target = Path(out)
    session.wiring.folders.put(str(target.parent), target.name, json.dumps(found, indent=2) + "\n")
    output.say(f"Written to {out}")
