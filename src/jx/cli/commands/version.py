"""`jx version`."""

from __future__ import annotations

import click

from jx import __version__
from jx.cli import output


@click.command()
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of a line."
)
@click.option("-s", "--short", is_flag=True, help="The number alone.")
def command(form: str | None, *, short: bool) -> None:
    """Print the version of jx.

    \b
    Examples:
      jx version
      jx version -o json
    """
    if form:
        output.document({"version": __version__}, form)
    else:
        output.say(__version__ if short else f"jx {__version__}")
