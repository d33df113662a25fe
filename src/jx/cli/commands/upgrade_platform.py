"""`jx upgrade platform`."""

from __future__ import annotations

import click

from jx.cli.changes import set_option, tell_next
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.usecases.proposing.upgrade_platform import UpgradePlatformRequest


@click.command()
@click.option("-v", "--version", default="", help="Default: what the version stream names.")
@set_option()
@click.option("--check", "only_check", is_flag=True, help="Only tell what would change.")
@click.option(
    "--upgrade-version-stream-ref",
    "stream_ref",
    default="",
    help="Branch or commit of the version stream. Default: the branch of the settings.",
)
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
    stream_ref: str,
    *,
    only_check: bool,
    allow_downgrade: bool,
    auto_merge: bool,
    batch_mode: bool,
) -> None:
    """Upgrade the platform itself, by a pull request on the dev environment.

    \b
    Examples:
      jx upgrade platform
      jx upgrade platform --check
      jx upgrade platform --version 1.1.0
    """
    request = UpgradePlatformRequest(
        platform=session.wiring.platform_at,
        version=version,
        settings=settings,
        allow_downgrade=allow_downgrade,
        auto_merge=auto_merge,
        stream_ref=stream_ref,
        only_check=only_check,
    )
    tell_next(session, session.wiring.upgrade_platform()(request))
