"""`jx webhooks serve`: in a pod of the platform."""

from __future__ import annotations

import click

from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import Usage
from jx.server import serve
from jx.server.webhooks import Receiver, create_app


@click.command()
@click.option(
    "--bind", default="0.0.0.0:8080", show_default=True, help="host:port of /hook, /health and /ready."
)
@click.option("--namespace", default="jx", show_default=True, help="The platform's namespace.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@with_session
def command(session: Session, bind: str, namespace: str, log_format: str) -> None:
    """Receive webhooks, check their signature, and tell the controllers where to look."""
    session.change(namespace=namespace)
    session.log(log_format)
    if not session.settings.webhook_secret:
        raise Usage(
            "there is no key to check signatures with", hint="set JX_WEBHOOK_SECRET from Secret jx-webhook"
        )
    receiver = Receiver(session.wiring.signals, session.reporter, secret=session.settings.webhook_secret)
    serve.serve(create_app(receiver), bind)
