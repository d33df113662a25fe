"""`jx upgrade app`."""

from __future__ import annotations

import click

from jx.cli.changes import alias_option, change_options, set_option, tell_next
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import Usage
from jx.usecases.upgrade_apps import UpgradeAppsRequest


@click.command()
@click.argument("name", default="")
@click.option("--all", "everything", is_flag=True, help="Every app; the same as naming none.")
@click.option("-v", "--version", default="", help="Exact, or a range. Default: the newest.")
@click.option("--repository", default="", help="Where to look. Default: where the app is from.")
@alias_option()
@set_option()
@change_options
@with_session
def command(
    session: Session, name: str, version: str, repository: str, alias: str, settings: tuple[str, ...], env: str,
    *, everything: bool, auto_merge: bool, batch_mode: bool,
) -> None:  # fmt: skip
    """Upgrade one app, or all, by a pull request.

    \b
    Examples:
      jx upgrade app redis
      jx upgrade app redis --version 1.1.0
      jx upgrade apps --all
    """
    if everything and name:
        raise Usage("--all means every app", hint=f"leave out --all, or {name}")
    request = UpgradeAppsRequest(
        platform=session.wiring.platform_at,
        name=name,
        environment=env,
        version=version,
        repository=repository,
        alias=alias,
        settings=settings,
        auto_merge=auto_merge,
    )
    tell_next(session, session.wiring.upgrade_apps(session.prompts(batch=batch_mode))(request))
