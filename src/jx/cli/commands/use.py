"""`jx use`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.config import load
from jx.domain.errors import NotFound


@click.command()
@click.argument("name", required=False)
@with_session
def command(session: Session, name: str | None) -> None:
    """Choose the embedded platform to work with; without a name, list them.

    \b
    Examples:
      jx use
      jx use rehearsal
    """
    names = session.wiring.platforms.list_names()
    if name is None:
        rows = [("*" if known == session.settings.platform else "", known) for known in names]
        output.table(("CURRENT", "NAME"), rows)
        return
    if name not in names:
        known = ", ".join(names) or "none yet"
        raise NotFound(
            f"there is no embedded platform {name!r}",
            hint=f"platforms: {known}; jx local start --name {name} makes one",
        )
    load.use_platform(session.settings.home, name)
    output.say(f"Using platform {name}")
