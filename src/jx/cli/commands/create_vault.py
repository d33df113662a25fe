"""`jx create vault`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.changes import tell_next
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.secrets.vaults import Provider


@click.command()
@click.argument("name", default="")
@click.option(
    "--provider",
    type=click.Choice([one.value for one in Provider]),
    help="Who keeps its keys. Default: the provider.",
)
@click.option("--repository", default="", help="Where the operator's chart is. Default: the platform's apps.")
@click.option("-v", "--version", default="", help="Of the operator's chart. Default: the newest.")
@click.option("--gke-project-id", "project", default="", help="Google Cloud's project.")
@click.option("--aws-region", "region", default="", help="Amazon's region.")
@click.option("--aws-account", "account", default="", help="The number of Amazon's account.")
@click.option("--aws-kms-key-id", "kms_key", default="", help="The key that seals it.")
@click.option("-b", "--batch-mode", is_flag=True, help="Ask no question.")
@with_session
def command(
    session: Session, name: str, provider: str | None, repository: str, version: str, *, batch_mode: bool, **cloud: str,
) -> None:  # fmt: skip
    """Add a Vault of your own to the dev environment, kept by the bank-vaults operator; by a pull request.

    No key is written down: pods have their rights in the cloud by their service account. What has to be there in the cloud before
    the merge is printed as commands; nothing is made there.

    \b
    Examples:
      jx create vault --provider kubernetes --repository https://charts.example.com
      jx create vault --provider gke --gke-project-id acme
    """
    from jx.usecases.proposing.create_vault import CreateVaultRequest

    pull, steps = session.wiring.create_vault()(
        CreateVaultRequest(
            platform=session.wiring.platform_at,
            name=name,
            provider=Provider(provider) if provider else None,
            repository=repository,
            version=version,
            cloud=cloud,
        )
    )
    if steps:
        output.hint("before the merge:")
    for step in steps:
        output.say(step)
    tell_next(session, pull)
