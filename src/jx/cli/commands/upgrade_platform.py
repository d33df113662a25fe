"""`jx upgrade platform`."""

from __future__ import annotations

import click

from jx.cli.changes import set_option, tell_next
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.usecases.upgrade_platform import UpgradePlatformRequest


@click.command()
@click.option("-v", "--version", default="", help="Default: what the version stream names.")
@set_option()
@click.option("--allow-downgrade", is_flag=True, help="To an older version, too.")
@click.option(
    "--auto-merge", is_flag=True, help="Label the pull request so that it is merged when its checks pass."
)
@click.option("-b", "--batch-mode", is_flag=True, help="Ask no question.")
@with_session
def command(
    session: Session,
    version: str,
    settings: tuple[str, ...],
    *,
    allow_downgrade: bool,
    auto_merge: bool,
    batch_mode: bool,
) -> None:
    """Upgrade the platform itself, by a pull request on the dev environment.

    \b
    Examples:
      jx upgrade platform
      jx upgrade platform --version 1.1.0
    """
    request = UpgradePlatformRequest(
        platform=session.wiring.platform_at,
        version=version,
        settings=settings,
        allow_downgrade=allow_downgrade,
        auto_merge=auto_merge,
    )
    tell_next(session, session.wiring.upgrade_platform()(request))
