"""`jx doctor`."""

from __future__ import annotations

from datetime import timedelta

import click

from jx.cli import exit_codes, output
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.usecases.platform.examine_platform import Examination


@click.command()
@click.option("--timeout", default=10, show_default=True, help="How long to wait for an answer, in seconds.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of text."
)
@with_session
def command(session: Session, form: str | None, timeout: int) -> int:
    """Tell what is wrong in the platform: each finding with where it is and the command that mends it.

    Changes nothing. Exits 1 where something is wrong.

    \b
    Examples:
      jx doctor
      jx doctor -o json
      jx --platform NAME doctor
    """
    found = session.wiring.examine_platform()(within=timedelta(seconds=timeout))
    if form:
        output.document(
            {
                "isWell": found.is_well,
                "findings": [
                    {"where": one.where, "what": one.what, "mend": one.mend} for one in found.findings
                ],
                "checked": list(found.checked),
                "unchecked": list(found.unchecked),
            },
            form,
        )
    else:
        _show(found)
    return exit_codes.DONE if found.is_well else exit_codes.FAILED


def _show(found: Examination) -> None:
    if found.is_well:
        output.say(f"Nothing is wrong: {', '.join(found.checked)}")
        return
    for one in found.findings:
        output.say(f"{one.where}: {one.what}")
        output.say(f"  {one.mend}")
    if found.unchecked:
        output.say(f"Not checked, since what it needs is broken: {', '.join(found.unchecked)}")
