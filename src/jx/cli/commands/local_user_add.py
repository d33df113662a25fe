"""`jx local user add`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.argument("login")
@click.option("--full-name", default="", help="As commits name them.")
@click.option("--email", default="", help="As commits name them.")
@click.option(
    "--right",
    type=click.Choice(["read", "write", "admin"]),
    default="write",
    show_default=True,
    help="On the repositories of the installed environments.",
)
@with_session
def command(session: Session, login: str, full_name: str, email: str, right: str) -> None:
    """Add a user of the embedded forge, with rights on the environments' repositories.

    \b
    Examples:
      jx local user add ann --full-name "Ann Lee" --email ann@example.com
      jx --as ann add app redis
    """
    is_new = session.wiring.users.add(login, name=full_name, email=email)
    for repo in session.wiring.environment_repos():
        session.wiring.forge_admin.ensure_collaborator(repo, login, right=right)
    output.say(f"User {login} {'is added' if is_new else 'was there'}; act as them by: jx --as {login} ...")
