"""`jx install`."""

from __future__ import annotations

from typing import Any

import click

from jx.cli import installing, output
from jx.cli.install_flags import install_options, read_flags
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import Refused
from jx.domain.installing import plan_installation


@click.command()
@install_options
@click.option("--dry-run", is_flag=True, help="Print what would be installed and stop.")
@click.option("-b", "--batch-mode", is_flag=True, help="Ask no question.")
@with_session
def command(session: Session, *, dry_run: bool, batch_mode: bool, **options: Any) -> None:
    """Install Jenkins X, managed by GitOps.

    Makes a git repository for each environment (dev, staging, production), fills them, registers webhooks and applies them.
    A second run repairs, and changes nothing that is right.

    \b
    Examples:
      jx install --ng
      jx install --ng --default-environment-prefix acme
      jx install --gitops --vault --no-tiller --tekton --dry-run
    """
    flags, idle = read_flags(options)
    installation = plan_installation(flags)
    for note in installation.notes:
        output.say(note)
    if idle:
        output.say(f"no effect on provider {installation.provider}: {' '.join(idle)}")
    if dry_run:
        installing.show_plan(session, installation)
        return
    if installation.not_built_yet:
        hint = "jx install --ng --provider local; --dry-run shows the plan"
        raise Refused(f"not built yet: {installation.not_built_yet}", hint=hint)
    installing.install(session, installation, options)
