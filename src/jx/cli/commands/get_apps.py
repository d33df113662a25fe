"""`jx get apps`."""

from __future__ import annotations

import click

from jx.cli import exit_codes, output
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.argument("name", default="")
@click.option("-e", "--env", default="dev", show_default=True, help="The environment.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of a table."
)
@with_session
def command(session: Session, name: str, env: str, form: str | None) -> int:
    """List the apps of an environment; with a name, exits 1 where there is none.

    \b
    Examples:
      jx get apps
      jx get app redis -o yaml
      jx get apps --env staging
    """
    found = session.wiring.show_apps()(session.wiring.platform_at, environment=env, name=name)
    if form:
        rows = [
            {
                "name": one.app.key,
                "chart": one.app.chart.name,
                "version": one.app.chart.version,
                "repository": one.app.chart.repository,
                "namespace": one.namespace,
                "status": one.status,
            }
            for one in found
        ]
        output.document(rows, form)
    elif found:
        header = ("NAME", "VERSION", "CHART REPOSITORY", "NAMESPACE", "STATUS")
        output.table(
            header,
            [
                (one.app.key, one.app.chart.version, one.app.chart.repository, one.namespace, one.status)
                for one in found
            ],
        )
    else:
        output.hint(f"No app {name} found" if name else "No Apps found")
    return exit_codes.FAILED if name and not found else exit_codes.DONE
