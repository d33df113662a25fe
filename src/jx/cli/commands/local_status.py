"""`jx local status`."""

from __future__ import annotations

import click

from jx.cli import exit_codes, output
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import NotFound


@click.command()
@click.option("--name", help="The platform to show. Default: the current one.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of a table."
)
@with_session
def command(session: Session, name: str | None, form: str | None) -> int:
    """Show what runs; exits 1 where something is down.

    \b
    Examples:
      jx local status
      jx local status -o json
    """
    chosen = name or session.settings.platform
    platform = session.wiring.platforms.find(chosen)
    if platform is None:
        raise NotFound(f"there is no embedded platform {chosen!r}", hint="jx install --ng makes one")
    parts = [
        {"part": part.name, "up": part.is_up, "address": part.address, "pid": part.pid}
        for part in platform.parts
    ]
    if form:
        output.document({"name": platform.name, "folder": str(platform.folder), "parts": parts}, form)
    else:
        rows = [
            (part.name, "up" if part.is_up else "down", part.address, str(part.pid or ""))
            for part in platform.parts
        ]
        output.table(("PART", "STATUS", "ADDRESS", "PID"), rows)
    return exit_codes.DONE if platform.is_up else exit_codes.FAILED
