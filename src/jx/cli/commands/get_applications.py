"""`jx get applications`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.option("-e", "--env", default="", help="One environment. Default: all.")
@click.option("-n", "--namespace", default="", help="Only the environment of this namespace.")
@click.option("-p", "--pod", "hide_pods", is_flag=True, help="Hide the pod counts.")
@click.option("-u", "--url", "hide_urls", is_flag=True, help="Hide the URLs.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of a table."
)
@with_session
def command(
    session: Session, env: str, namespace: str, form: str | None, *, hide_pods: bool, hide_urls: bool
) -> None:
    """List what runs where: each app's version, ready pods and URL in each environment that runs any.

    \b
    Examples:
      jx get applications
      jx get applications --env staging
      jx get applications -u -p
    """
    show = session.wiring.show_applications()
    found = show(session.wiring.platform_at, environment=env, namespace=namespace)
    names = [one.name for one in found.environments]
    if form:
        data = {
            app: {
                name: {
                    "version": placed.version,
                    "ready": placed.ready,
                    "pods": placed.wanted,
                    "url": placed.url,
                }
                for name, placed in row.items()
            }
            for app, row in found.rows.items()
        }
        output.document(data, form)
        return
    if not found.rows:
        output.hint(
            f"No applications found in environments {', '.join(names)}"
            if names
            else f"No environment has namespace {namespace}"
        )
        return
    names = [name for name in names if any(name in row for row in found.rows.values())]
    header = ["APPLICATION"]
    for name in names:
        header += [name.upper(), *([] if hide_pods else ["PODS"]), *([] if hide_urls else ["URL"])]
    rows = []
    for app, row in found.rows.items():
        cells = [app]
        for name in names:
            placed = row.get(name)
            cells.append(placed.version if placed else "")
            cells += [] if hide_pods else [f"{placed.ready}/{placed.wanted}" if placed else ""]
            cells += [] if hide_urls else [placed.url if placed else ""]
        rows.append(cells)
    output.table(header, rows)
