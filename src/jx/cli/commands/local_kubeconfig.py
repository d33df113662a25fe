"""`jx local kubeconfig`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import NotFound


@click.command()
@click.option(
    "--merge", is_flag=True, help="Merge it into ~/.kube/config (or $KUBECONFIG); your current context stays."
)
@click.option("--name", help="The platform. Default: the current one.")
@with_session
def command(session: Session, name: str | None, *, merge: bool) -> None:
    """Print the kubeconfig of the embedded platform, or merge it into yours.

    \b
    Examples:
      jx local kubeconfig > jx.kubeconfig
      jx local kubeconfig --merge
    """
    chosen = name or session.settings.platform
    platform = session.wiring.platforms.find(chosen)
    if platform is None:
        raise NotFound(f"there is no embedded platform {chosen!r}", hint="jx install --ng makes one")
    if not merge:
        output.say(platform.kubeconfig.read_text().rstrip())
        return
    target, context = session.wiring.merge_kubeconfig(platform.kubeconfig)
    output.say(f"Merged into {target}; use it by: kubectl --context {context} ...")
