"""`jx local kubernetes`."""

from __future__ import annotations

from pathlib import Path

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.option("--dir", "folder", default="", help="Where its state is kept. Default: below $JX_HOME.")
@click.option("--port", default=0, help="Default: any free one.")
@click.option("--workloads/--no-workloads", default=True, help="Let workloads get pods, which are played.")
@with_session
def command(session: Session, folder: str, port: int, *, workloads: bool) -> None:
    """Run the embedded Kubernetes API by itself, until Ctrl-C: for rehearsals and tests, with no platform.

    \b
    Examples:
      jx local kubernetes --dir /tmp/k8s &
      kubectl --kubeconfig /tmp/k8s/admin.kubeconfig get namespaces
    """
    directory = Path(folder).absolute() if folder else session.settings.home / "kubernetes"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    output.hint(f"kubeconfig: {directory / 'admin.kubeconfig'}")
    session.wiring.run_kubernetes(directory, port=port, workloads=workloads)
