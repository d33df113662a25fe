"""`jx step verify install`."""

from __future__ import annotations

from datetime import timedelta

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.option("--timeout", default=60, show_default=True, help="How long to wait for it to work, in seconds.")
@with_session
def command(session: Session, timeout: int) -> None:
    """Check that CI/CD works: everything is healthy, and a signed event by the public webhook route is answered.

    \b
    Examples:
      jx step verify install
      jx step verify install --timeout 300
    """
    for line in session.wiring.verify_install()(within=timedelta(seconds=timeout)):
        output.say(line)
    output.say("CI/CD works")
