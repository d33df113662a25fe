"""`jx get vault-config`."""

from __future__ import annotations

import shlex

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.option("-t", "--terminal", type=click.Choice(["", "cmd"]), default="", help="`cmd`: for Windows.")
@with_session
def command(session: Session, terminal: str) -> None:
    """Print what connects Vault's own client to the platform's secret store. It holds a token: do not print it into a log.

    \b
    Examples:
      eval "$(jx get vault-config)" && vault kv list secret/
    """
    stores = session.wiring.secret_stores
    access = stores.vault_access
    settings = {"VAULT_ADDR": access.url, "VAULT_TOKEN": stores.owner_token}
    if access.namespace:
        settings["VAULT_NAMESPACE"] = access.namespace
    for name, value in settings.items():
        output.say(f"set {name}={value}" if terminal == "cmd" else f"export {name}={shlex.quote(value)}")
