"""`jx backup`."""

from __future__ import annotations

from pathlib import Path

import click

from jx.cli import output
from jx.cli.passphrases import get_passphrase
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--with-keys", is_flag=True, help="Put the key of the secret store into it, too.")
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Where the passphrase is. Default: it is asked for.",
)
@with_session
def command(session: Session, file: Path, passphrase_file: Path | None, *, with_keys: bool) -> None:
    """Save an embedded platform to one encrypted file: repositories, pull requests, cluster, secret store.

    Its servers stand still for a few seconds.

    \b
    Examples:
      jx backup platform.jxb
      jx backup platform.jxb --with-keys --passphrase-file passphrase
    """
    name = session.wiring.platform.name
    passphrase = get_passphrase(session, passphrase_file, is_new=True)
    saved = session.wiring.backups.save(name, file, passphrase=passphrase, with_keys=with_keys)
    output.say(f"Platform {saved.name} is saved to {file}: {saved.files} files")
    if not saved.has_keys:
        output.say("The key of its secret store is not in it: keep it yourself, or save with --with-keys")
