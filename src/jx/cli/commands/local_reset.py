"""`jx local reset`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import NotFound, Refused


@click.command()
@click.argument("name", required=False)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@with_session
def command(session: Session, name: str | None, *, yes: bool) -> None:
    """Delete an embedded platform with all its data: repositories, pull requests, cluster.

    \b
    Examples:
      jx local reset
      jx local reset rehearsal --yes
    """
    chosen = name or session.settings.platform
    if chosen not in (known := session.wiring.platforms.list_names()):
        names = ", ".join(known) or "none"
        raise NotFound(f"there is no embedded platform {chosen!r}", hint=f"platforms: {names}")
    question = f"Delete platform {chosen} with all its repositories, pull requests and its cluster?"
    if not yes and not session.ask(question):
        raise Refused(f"platform {chosen} was not deleted", flag="--yes")
    session.wiring.platforms.remove(chosen)
    output.say(f"Platform {chosen} is deleted")
