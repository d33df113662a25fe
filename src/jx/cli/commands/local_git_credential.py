"""`jx local git-credential`: a git credential helper for the embedded forge."""

from __future__ import annotations

import sys

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.argument("operation", type=click.Choice(["get", "store", "erase"]))
@with_session
def command(session: Session, operation: str) -> None:
    """Serve the token of a user of the embedded forge to git, over git's own protocol (gitcredentials(7))."""
    asked = dict(line.rstrip("\n").partition("=")[::2] for line in sys.stdin)
    platform = session.wiring.platforms.find(session.settings.platform)
    url = f"{asked.get('protocol')}://{asked.get('host')}"
    if operation != "get" or platform is None or url != platform.forge_url:
        return
    login = session.settings.user or platform.owner
    output.say(f"username={login}\npassword={session.wiring.users.token(login)}")
