"""`jx upgrade app`."""

from __future__ import annotations

from typing import Any

import click

from jx.cli.app_flags import helm_update_option, place_options
from jx.cli.changes import alias_option, change_options, set_option, tell_next
from jx.cli.logins import login_options, read_login
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import Usage
from jx.usecases.proposing.upgrade_apps import UpgradeAppsRequest


@click.command()
@click.argument("name", default="")
@click.option("--all", "everything", is_flag=True, help="Every app; the same as naming none.")
@click.option("--separate", is_flag=True, help="A pull request for each app.")
@click.option("-v", "--version", default="", help="Exact, or a range. Default: the newest.")
@click.option("--repository", default="", help="Where to look. Default: where the app is from.")
@login_options("For a private repository: its user. The login goes to the store, a reference into git.")
@alias_option()
@place_options
@set_option()
@click.option("--ask-all", is_flag=True, help="Ask for all values anew, with those of now offered.")
@helm_update_option
@change_options
@with_session
def command(
    session: Session, name: str, username: str,
    *, everything: bool, separate: bool, password_stdin: bool, batch_mode: bool, **options: Any,
) -> None:  # fmt: skip
    """Upgrade one app, or all, by a pull request with a commit for each app.

    \b
    Examples:
      jx upgrade app redis
      jx upgrade app redis --version 1.1.0
      jx upgrade apps --all
      jx upgrade apps --all --separate
    """
    if everything and name:
        raise Usage("--all means every app", hint=f"leave out --all, or {name}")
    request = UpgradeAppsRequest(
        platform=session.wiring.platform_at,
        name=name,
        environment=options["env"],
        version=options["version"],
        repository=options["repository"],
        alias=options["alias"],
        namespace=options["namespace"],
        release=options["release"],
        settings=options["settings"],
        login=read_login(session, username, from_stdin=password_stdin, batch=batch_mode),
        ask_all=options["ask_all"],
        auto_merge=options["auto_merge"],
    )
    upgrade = session.wiring.upgrade_apps(session.prompts(batch=batch_mode))
    for pull in upgrade.separately(request) if separate else (upgrade(request),):
        tell_next(session, pull)
