"""`jx runner run`: in a pod of the embedded platform."""

from __future__ import annotations

import click

from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.server.serve import Background


@click.command()
@click.option("--bind", default="0.0.0.0:8082", show_default=True, help="host:port of /health and /ready.")
@click.option("--namespace", default="jx", show_default=True, help="Whose PipelineRuns are run.")
@click.option(
    "--parallel", default=0, help="How many tasks at once. Default: as many as there are processors."
)
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@with_session
def command(session: Session, bind: str, namespace: str, parallel: int, log_format: str) -> None:
    """Run PipelineRuns on the embedded platform, as Tekton does on others."""
    session.change(namespace=namespace)
    session.log(log_format)
    stop = session.wiring.stop_on_signals()
    ready = session.wiring.ready
    with Background(bind, ready.is_set):
        session.wiring.runner(parallel=parallel).run(stop, ready=ready.set)
