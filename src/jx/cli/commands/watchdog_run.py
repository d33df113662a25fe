"""`jx watchdog run`: in a pod that an apply starts, beside the platform."""

from __future__ import annotations

import click

from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.names import DEV, parse_environment_name


@click.command()
@click.option("--environment", default=DEV, show_default=True, help="Whose orders are followed.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@with_session
def command(session: Session, environment: str, log_format: str) -> None:
    """Watch a new state of the platform until it has proven itself, or bring the last verified one back."""
    session.log(log_format)
    session.wiring.stop_on_signals()
    session.wiring.watch_state()(parse_environment_name(environment))
