"""`jx step helm version`."""

from __future__ import annotations

import click

from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import Usage


@click.command()
@click.option("-v", "--version", default="", help="Default: $JX_BUILD_NUMBER or $BUILD_NUMBER.")
@click.option("-d", "--dir", "folder", default=".", show_default=True, help="Where Chart.yaml is.")
@with_session
def command(session: Session, version: str, folder: str) -> None:
    """Set the version of a chart to the number of the build.

    \b
    Examples:
      jx step helm version --version 1.2.3
      BUILD_NUMBER=42 jx step helm version
    """
    chosen = version or session.settings.build_number
    if not chosen:
        what = "No version specified and could not detect the build number via $BUILD_NUMBER"
        raise Usage(what, hint="name one with --version")
    session.wiring.number_chart()(folder, chosen)
