"""`jx step syntax validate`."""

from __future__ import annotations

import click

from jx.cli import exit_codes, output
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import Invalid


@click.command()
@click.argument("what", type=click.Choice(["pipeline", "buildpacks"]), default="pipeline")
@click.option("-d", "--dir", "folder", default=".", show_default=True, help="Where the files are.")
@click.option("-c", "--context", "of", default="", help="The context whose file it is: jenkins-x-NAME.yml.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of text."
)
@with_session
def command(session: Session, what: str, folder: str, of: str, form: str | None) -> int:
    """Check the pipeline file of a project, or all files of a folder of build packs. Tells all mistakes, each with its line.

    \b
    Examples:
      jx step syntax validate
      jx step syntax validate pipeline -c deploy -d src/shop
      jx step syntax validate buildpacks -d jenkins-x-kubernetes -o json
    """
    validate = session.wiring.validate_pipelines()
    found = validate.of_packs(folder) if what == "buildpacks" else validate.of_project(folder, of)
    if form:
        problems = [{"file": one.where, "line": one.line, "problem": one.what} for one in found.problems]
        output.document({"files": list(found.files), "valid": not problems, "problems": problems}, form)
        return exit_codes.INVALID if problems else exit_codes.DONE
    if found.problems:
        whose = found.files[0] if len(found.files) == 1 else f"the files of build packs in {folder}"
        raise Invalid(
            f"there are mistakes in {whose}",
            *found.problems,
            hint="what may stand there: jx step syntax schema",
        )
    for name in found.files:
        output.say(f"Successfully validated {name}")
    return exit_codes.DONE
