"""`jx step secrets verify`."""

from __future__ import annotations

import click

from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.option(
    "-d",
    "--dir",
    "folder",
    default="",
    help="A clone, or a folder in it. Default: the environments' branches.",
)
@click.option(
    "-e", "--env", default="", help="The environment. Default: all; of a folder: the one that it says."
)
@with_session
def command(session: Session, folder: str, env: str) -> None:
    """Check that every secret that is referred to is in its store, or will be made. Names each that is missing, and exits 4.

    \b
    Examples:
      jx step secrets verify
      jx step secrets verify --dir .
    """
    from jx.domain.names import parse_environment_name

    verify = session.wiring.verify_secrets()
    if not folder:
        verify.of_platform(session.wiring.platform_at, environment=env)
        return
    tree = session.wiring.folders.read(folder).tree
    verify.of_folder(tree, parse_environment_name(env) if env else None)
