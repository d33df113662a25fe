"""`jx resume`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.names import parse_environment_name


@click.command()
@click.argument("env", default="dev")
@click.option("-r", "--reason", default="", help="Why it goes on; told with the hold that ends.")
@with_session
def command(session: Session, env: str, reason: str) -> None:
    """End the hold of an environment, so that its merges apply themselves again.

    \b
    Examples:
      jx resume
      jx resume staging
    """
    ended = session.wiring.end_hold()(parse_environment_name(env), reason=reason)
    if not ended:
        output.say(f"Environment {env} is not on hold")
