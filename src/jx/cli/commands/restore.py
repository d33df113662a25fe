"""`jx restore`."""

from __future__ import annotations

from pathlib import Path

import click

from jx.cli import output
from jx.cli.passphrases import get_passphrase
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Overwrite a platform of that name that is there.")
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Where the passphrase is. Default: it is asked for.",
)
@with_session
def command(session: Session, file: Path, passphrase_file: Path | None, *, force: bool) -> None:
    """Bring an embedded platform back from a file of `jx backup`, and start it.

    \b
    Examples:
      jx restore platform.jxb
      jx restore platform.jxb --force --passphrase-file passphrase
    """
    passphrase = get_passphrase(session, passphrase_file, is_new=False)
    found = session.wiring.backups.restore(file, passphrase=passphrase, force=force)
    output.say(f"Platform {found.name} is back as it was saved: {found.files} files")
    if found.missing_key:
        output.say(f"The key of its secret store is not in the backup: put it to {found.missing_key}")
        output.say("Then: jx local start; jx doctor")
        return
    output.say("Next: jx doctor")
