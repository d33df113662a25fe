"""`jx create cluster`."""

from __future__ import annotations

from typing import Any

import click

from jx.cli import installing, output
from jx.cli.install_flags import install_options, read_flags
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import Refused
from jx.domain.platforms.installing import plan_installation


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("kind")
@install_options
@click.option("--skip-installation", is_flag=True, help="Create the cluster, install nothing.")
@click.option("--cluster-name", "-n", default="", help="Name of the cluster.")
@click.option("--dry-run", is_flag=True, help="Print what would be done and stop.")
@click.option("-b", "--batch-mode", is_flag=True, help="Ask no question.")
@click.argument("others", nargs=-1, type=click.UNPROCESSED)
@with_session
def command(
    session: Session, kind: str, cluster_name: str, others: tuple[str, ...], *, skip_installation: bool, dry_run: bool,
    batch_mode: bool, **options: Any,
) -> None:  # fmt: skip
    """Create a Kubernetes cluster, then install. Not built yet but for `local`; --dry-run shows the plan of the installation.

    \b
    Examples:
      jx create cluster local
      jx create cluster gke --ng --dry-run
    """
    flags, _ = read_flags({**options, "provider": kind})
    installation = plan_installation(flags)
    for note in installation.notes:
        output.say(note)
    if dry_run:
        name = cluster_name or "a new cluster"
        output.say(f"cluster: {name} on {kind}{' ' + ' '.join(others) if others else ''}")
        installing.show_plan(session, installation)
        if not installation.is_embedded:
            output.say(f"not built yet: creating a cluster on {kind}")
        return
    if not installation.is_embedded or installation.not_built_yet:
        hint = "install on this machine: jx install --ng; on a cluster that is there: jx install --ng --provider kubernetes"
        raise Refused(f"not built yet: creating a cluster on {kind}", hint=hint)
    if skip_installation:
        platform = session.wiring.platforms.start(session.settings.platform)
        output.say(f"Platform {platform.name} is up")
        return
    installing.install(session, installation, options)
