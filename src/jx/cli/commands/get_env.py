"""`jx get env`."""

from __future__ import annotations

from datetime import timedelta

import click

from jx.cli import exit_codes, output
from jx.cli.environments import show_missing, show_table, to_data
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.usecases.following.await_apply import AwaitApplyRequest


@click.command()
@click.argument("name", default="")
@click.option("--wait", is_flag=True, help="Until every environment's head is applied and healthy.")
@click.option("--timeout", default=120, show_default=True, help="How long to wait, in seconds.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of a table."
)
@with_session
def command(session: Session, name: str, form: str | None, timeout: int, *, wait: bool) -> int:
    """List environments: what their branch says, and what the cluster runs.

    \b
    Examples:
      jx get env
      jx get env staging -o yaml
      jx get env --wait
    """
    shown = session.wiring.show_environments()
    found = [one for one in shown if name in {"", one.name}]
    if not found:
        show_missing(name, shown)
        return exit_codes.FAILED
    if wait:
        for one in found:
            if one.head:
                request = AwaitApplyRequest(one.environment, one.head, timedelta(seconds=timeout))
                session.wiring.await_apply()(request)
        found = [one for one in session.wiring.show_environments() if name in {"", one.name}]
    if form:
        data = [to_data(one) for one in found]
        output.document(data[0] if name and data else data, form)
    else:
        show_table(tuple(found))
    return exit_codes.DONE
