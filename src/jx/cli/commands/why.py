"""`jx why`."""

from __future__ import annotations

import click

from jx.cli import blaming
from jx.cli import history as shown
from jx.cli.objects import parse_object
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.argument("thing", metavar="KIND/NAME")
@click.option("-n", "--namespace", default="", help="Default: any.")
@click.option("-e", "--env", default="", help="The environment. Default: all.")
@shown.clone_option
@with_session
def command(session: Session, thing: str, namespace: str, env: str, folder: str) -> None:
    """Tell why an object exists: of which app and template, since which change, or to what it belongs.

    \b
    Examples:
      jx why Deployment/shop
      jx why Pod/shop-6c9f7d9c4-x2x7k -n jx-staging
    """
    kind, name = parse_object(thing)
    past = shown.find_past(session, env, folder)
    explain = session.wiring.explain_object(past.clone)
    blaming.show_why(explain(past.places, kind, name, namespace=namespace))
