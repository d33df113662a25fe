"""`jx local start`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.option("--name", help="The platform to start; made where it is not there. Default: the current one.")
@click.option(
    "--audit-log/--no-audit-log",
    "audit",
    default=None,
    help="Whether all that its Kubernetes API is asked is written down, in logs/audit.log of its folder. Default: as before.",
)
@with_session
def command(session: Session, name: str | None, *, audit: bool | None) -> None:
    """Start the embedded platform: git, forge, charts, Kubernetes.

    What was installed on it goes on where it was.

    \b
    Examples:
      jx local start
      jx local start --name rehearsal
      jx local start --audit-log
    """
    chosen = name or session.settings.platform
    platform = session.wiring.platforms.start(chosen, audit=audit)
    output.say(f"Platform {platform.name} is up")
    output.table(("PART", "ADDRESS"), [(part.name, part.address) for part in platform.parts])
    output.hint(
        'next: eval "$(jx local env)" for git and kubectl'
        if platform.dev_repo_url
        else "next: jx install --ng"
    )
