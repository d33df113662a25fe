"""`jx blame`."""

from __future__ import annotations

import click

from jx.cli import blaming, output
from jx.cli import history as shown
from jx.cli.objects import parse_object
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.usecases.history.blame_object import BlameRequest


@click.command()
@click.argument("thing", metavar="KIND/NAME")
@click.option("-n", "--namespace", default="", help="Default: any.")
@click.option("-e", "--env", default="", help="The environment. Default: all.")
@click.option("--field", "path", default="", metavar="PATH", help="Only this field, and those below it.")
@click.option("--quick", is_flag=True, help="Do not find out what made each field: no chart is rendered.")
@shown.clone_option
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of a table."
)
@with_session
def command(
    session: Session, thing: str, env: str, form: str | None, folder: str, *, quick: bool, **which: str
) -> None:
    """Show where each field of an object comes from: the line that set it, the commit, who asked and who approved.

    What a template computes is told with the values that it computes it from; they are found by trying other values. Fields that
    others set name who did.

    \b
    Examples:
      jx blame deploy/shop
      jx blame Ingress/shop -n jx-production --field spec.rules
      jx blame StatefulSet/jenkins-x-redis --dir . -o json
    """
    kind, name = parse_object(thing)
    past = shown.find_past(session, env, folder)
    request = BlameRequest(past.places, kind, name, which["namespace"], which["path"], with_origins=not quick)
    found = session.wiring.blame_object(past.clone)(request)
    if form:
        output.document(blaming.to_data(found), form)
    else:
        blaming.show(found)
