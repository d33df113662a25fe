"""`jx controllers run`: in a pod of the platform."""

from __future__ import annotations

from datetime import timedelta

import click

from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.server.serve import Background


@click.command()
@click.option("--bind", default="0.0.0.0:8081", show_default=True, help="host:port of /health and /ready.")
@click.option("--namespace", default="jx", show_default=True, help="The platform's namespace.")
@click.option("--poll-seconds", default=8, show_default=True, help="How often to look without a webhook.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@with_session
def command(session: Session, bind: str, namespace: str, poll_seconds: int, log_format: str) -> None:
    """Follow every environment's branch, and say on pull requests what they would do."""
    session.change(namespace=namespace)
    session.log(log_format)
    stop = session.wiring.stop_on_signals()
    loops = session.wiring.controllers(poll=timedelta(seconds=poll_seconds))
    ready = session.wiring.ready
    with Background(bind, ready.is_set):
        loops.run(ready=ready.set)
    stop.set()
