"""`jx backup`."""

from __future__ import annotations

from pathlib import Path

import click

from jx.cli import output
from jx.cli.passphrases import get_passphrase
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import Usage


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--with-keys",
    is_flag=True,
    help="Put the key (of a cluster: the values) of the secret store into it, too.",
)
@click.option(
    "--without-secrets", is_flag=True, help="Of a cluster: nothing that is secret, and no passphrase."
)
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Where the passphrase is. Default: it is asked for.",
)
@with_session
def command(
    session: Session, file: Path, passphrase_file: Path | None, *, with_keys: bool, without_secrets: bool
) -> None:
    """Save to one file what git does not have: of an embedded platform all of it, of a cluster anchors, records and snapshots.

    The file is encrypted by a passphrase. Servers of an embedded platform stand still for a few seconds. A cluster is one that is
    named by --kubeconfig or --context.

    \b
    Examples:
      jx backup platform.jxb
      jx backup platform.jxb --with-keys --passphrase-file passphrase
      jx --context production backup production.jxb
      jx --context production backup records.jxb --without-secrets
    """
    platform = session.wiring.find_platform()
    if platform is None and not session.settings.is_cluster_chosen:
        platform = session.wiring.platform  # it is not there, and that is what to say
    if without_secrets and (platform or with_keys or passphrase_file):
        raise Usage(
            "--without-secrets is for clusters, and goes with no passphrase and no keys",
            hint="jx --context NAME backup FILE --without-secrets",
        )
    name = platform.name if platform else session.wiring.access.server
    passphrase = "" if without_secrets else get_passphrase(session, passphrase_file, is_new=True)
    saved = session.wiring.backups.save(name, file, passphrase=passphrase, with_keys=with_keys)
    if platform is None:
        output.say(
            f"What git does not have of the cluster at {name} is saved to {file}: {saved.files} objects"
        )
        if without_secrets:
            output.say(
                "Without secrets: inventories, snapshot, logins and what charts have drawn are not in it"
            )
        return
    output.say(f"Platform {saved.name} is saved to {file}: {saved.files} files")
    if not saved.has_keys:
        output.say("The key of its secret store is not in it: keep it yourself, or save with --with-keys")
