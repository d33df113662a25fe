"""`jx restore`."""

from __future__ import annotations

from pathlib import Path

import click

from jx.cli import output
from jx.cli.passphrases import get_passphrase
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.ports.platforms import Saved


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--force", is_flag=True, help="Overwrite what is there: the platform, or objects of the cluster."
)
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Where the passphrase is. Default: it is asked for.",
)
@with_session
def command(session: Session, file: Path, passphrase_file: Path | None, *, force: bool) -> None:
    """Bring back what is in a file of `jx backup`: an embedded platform, and start it, or what git does not have of a cluster.

    A cluster is one that is named by --kubeconfig or --context, the same as before or another one. What is missing is written,
    and what is there stays.

    \b
    Examples:
      jx restore platform.jxb
      jx restore platform.jxb --force --passphrase-file passphrase
      jx --context production restore production.jxb
    """
    is_sealed = session.wiring.is_sealed(file)
    passphrase = get_passphrase(session, passphrase_file, is_new=False) if is_sealed else ""
    is_cluster = session.settings.is_cluster_chosen and session.wiring.find_platform() is None
    found = session.wiring.backups.restore(file, passphrase=passphrase, force=force)
    if is_cluster:
        _tell_cluster(found)
        return
    output.say(f"Platform {found.name} is back as it was saved: {found.files} files")
    if found.missing_key:
        output.say(f"The key of its secret store is not in the backup: put it to {found.missing_key}")
        output.say("Then: jx local start; jx doctor")
        return
    output.say("Next: jx doctor")


def _tell_cluster(found: Saved) -> None:
    output.say(f"{found.files} objects are as they were saved at {found.name}")
    if found.kept:
        output.say(f"{found.kept} are there and differ; they stay as they are (--force overwrites them)")
    if found.waiting:
        output.say(f"{found.waiting} records wait for their kind: apply dev, then say this once more")
    output.say("Next: in a clone of each environment: jx step env apply; then jx doctor")
