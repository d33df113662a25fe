"""`jx step secrets setup`."""

from __future__ import annotations

from datetime import timedelta

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.option(
    "--timeout",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="How long to wait until the store is unsealed, in seconds.",
)
@click.option("--role", default="", help="As which the controllers log in. Default: jx.")
@with_session
def command(session: Session, timeout: int, role: str) -> None:
    """Set up the secret store: its engine, the login of the cluster's accounts, and what each environment may read.

    Environments read what their branches list in `jx-requirements.yml` (`secrets.paths`), so repeat it when that changes. What is
    there is left alone. A Vault that its operator keeps is set up by that.

    \b
    Examples:
      jx step secrets setup
      VAULT_ADDR=https://vault.example:8200 VAULT_TOKEN=... jx step secrets setup --timeout 300
    """
    from jx.domain.errors import NotFound
    from jx.domain.secrets.vault_choice import ROLE
    from jx.usecases.secrets.set_up_store import SetUpStoreRequest

    wiring = session.wiring
    set_up = wiring.set_up_store()
    if set_up is None:
        raise NotFound(
            "no secret store is known", hint="set VAULT_ADDR and VAULT_TOKEN, or install with --vault"
        )
    request = SetUpStoreRequest(
        wiring.platform_requirements.namespace,
        wiring.read_requirements()(wiring.environments()),
        role=role or ROLE,
        within=timedelta(seconds=timeout),
    )
    changed = set_up(request)
    for what in changed:
        output.say(f"Made {what}")
    if not changed:
        output.say("The secret store is set up; nothing had to be changed")
