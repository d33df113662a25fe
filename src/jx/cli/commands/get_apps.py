"""`jx get apps`."""

from __future__ import annotations

import click

from jx.cli import exit_codes, output
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import Usage
from jx.usecases.platform.show_apps import ShownApp

_HEADER = ("NAME", "VERSION", "CHART REPOSITORY", "NAMESPACE", "STATUS", "DESCRIPTION")


@click.command()
@click.argument("name", default="")
@click.option("-e", "--env", default="dev", show_default=True, help="The environment.")
@click.option("-n", "--namespace", default="", help="Only what is in this namespace.")
@click.option(
    "--status",
    is_flag=True,
    hidden=True,
    help="No release of Helm's is made, so it has none to show.",
)
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of a table."
)
@with_session
def command(session: Session, name: str, env: str, namespace: str, form: str | None, *, status: bool) -> int:
    """List the apps of an environment; with a name, exits 1 where there is none.

    \b
    Examples:
      jx get apps
      jx get app redis -o yaml
      jx get apps --env staging
    """
    if status:
        raise Usage(
            "--status has no effect here: nothing is a release of Helm's",
            hint="jx get applications, jx get drift",
        )
    found = session.wiring.show_apps()(
        session.wiring.platform_at, environment=env, name=name, namespace=namespace
    )
    if form:
        rows = [
            {
                "name": one.app.key,
                "chart": one.app.chart.name,
                "version": one.app.chart.version,
                "repository": one.app.chart.repository,
                "namespace": one.namespace,
                "status": one.status,
                "description": one.description,
            }
            for one in found
        ]
        output.document(rows, form)
    elif found:
        output.table(_HEADER, [_row(one) for one in found])
    else:
        output.hint(f"No app {name} found" if name else "No Apps found")
    return exit_codes.FAILED if name and not found else exit_codes.DONE


def _row(one: ShownApp) -> tuple[str, ...]:
    chart = one.app.chart
    return one.app.key, chart.version, chart.repository, one.namespace, one.status, one.description
