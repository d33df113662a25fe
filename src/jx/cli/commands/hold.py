"""`jx hold`."""

from __future__ import annotations

import click

from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.environments import holds
from jx.domain.names import parse_environment_name


@click.command()
@click.argument("env")
@click.option("-r", "--reason", required=True, help="Why; everybody sees it.")
@click.option(
    "--until", default="", help="30m, 2h, 3d, 18:00, 2026-03-31T18:00 (UTC). Default: until jx resume."
)
@with_session
def command(session: Session, env: str, reason: str, until: str) -> None:
    """Stop automatic applies of an environment: its merges wait, and drift is not healed.

    `jx get env`, bare `jx` and the comments on its pull requests say so, with the reason. `jx resume` ends it.

    \b
    Examples:
      jx hold production --reason "release freeze" --until 3d
      jx hold staging --reason "load test" --until 18:00
    """
    end = holds.parse_until(until, session.wiring.clock.now()) if until else None
    session.wiring.set_hold()(parse_environment_name(env), reason=reason, until=end)
