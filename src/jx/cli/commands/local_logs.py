"""`jx local logs`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.argument("part", default="")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come.")
@click.option("-n", "--lines", default=100, show_default=True, help="How many of the last lines.")
@click.option("--name", help="The platform. Default: the current one.")
@with_session
def command(session: Session, part: str, lines: int, name: str | None, *, follow: bool) -> None:
    """Show logs of the world's servers, and of the platform's own pods by the name of their container.

    \b
    Examples:
      jx local logs
      jx local logs forge
      jx local logs controllers -f
    """
    chosen = name or session.settings.platform
    for line in session.wiring.platforms.logs(chosen, part=part, follow=follow, lines=lines):
        output.say(line)
