"""`jx local stop`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.option("--name", help="The platform to stop. Default: the current one.")
@with_session
def command(session: Session, name: str | None) -> None:
    """Stop the embedded platform; nothing is lost.

    \b
    Examples:
      jx local stop
    """
    chosen = name or session.settings.platform
    stopped = session.wiring.platforms.stop(chosen)
    output.say(f"Platform {chosen} is stopped" if stopped else f"Platform {chosen} was not running")
