"""`jx uninstall`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.applying.plan_text import TABLE_HEADER, table_rows, totals
from jx.domain.errors import Refused
from jx.usecases.platform.uninstall_platform import UninstallRequest


@click.command()
@click.option("--data", is_flag=True, help="Volumes, namespaces and custom resource definitions, too.")
@click.option(
    "--repositories", is_flag=True, help="The environments' git repositories, too, with their history."
)
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@with_session
def command(session: Session, *, data: bool, repositories: bool, dry_run: bool, yes: bool) -> None:
    """Remove what was installed from the cluster. Data and repositories stay, unless told otherwise.

    \b
    Examples:
      jx uninstall --dry-run
      jx uninstall
      jx uninstall --data --repositories --yes
    """
    wiring = session.wiring
    request = UninstallRequest(wiring.environments(), wiring.namespace, data=data, repositories=repositories)
    uninstall = wiring.uninstall_platform()
    removal = uninstall.plan(request)
    for plan in removal.plans:
        output.say(f"{plan.environment}: {totals(plan)}")
        output.table(TABLE_HEADER, table_rows(plan, all_of_them=True))
    for repo in removal.repositories:
        output.say(f"repository {repo.full_name}: delete")
    if dry_run:
        return
    if not yes and not session.ask("Remove all this?"):
        raise Refused("nothing was removed", flag="--yes")
    uninstall(request)
    platform = wiring.find_platform()
    if platform is not None:  # what is known of other clusters is in the clusters
        wiring.platforms.remember(session.settings.platform, dev_repo_url="", prefix=platform.prefix)
    output.say(
        "Uninstalled." if repositories else "Uninstalled; jx install --ng takes up the repositories again."
    )
