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
@click.option(
    "--ready-after-seconds", default=0.2, show_default=True, help="How long played pods take to be ready."
)
@click.option(
    "--fail",
    "failures",
    multiple=True,
    metavar="IMAGE=HOW",
    help="Played images that fail, `*` for any text: image-pull, crash-loop, never-ready or job-failed.",
)
@click.option(
    "--audit-log",
    default="",
    metavar="FILE",
    help="Add all that the API is asked to a file, as Kubernetes' own does (audit.k8s.io/v1), values of Secrets as HMACs.",
)
@with_session
def command(
    session: Session, folder: str, port: int, failures: tuple[str, ...], audit_log: str,
    *, workloads: bool, ready_after_seconds: float,
) -> None:  # fmt: skip
    """Run the embedded Kubernetes API by itself, until Ctrl-C: for rehearsals and tests, with no platform.

    \b
    Examples:
      jx local kubernetes --dir /tmp/k8s &
      kubectl --kubeconfig /tmp/k8s/admin.kubeconfig get namespaces
      jx local kubernetes --dir /tmp/k8s --audit-log /tmp/audit.log
      jx local kubernetes --ready-after-seconds 5 --fail 'example/bad:*=image-pull'
    """
    directory = Path(folder).absolute() if folder else session.settings.home / "kubernetes"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    output.hint(f"kubeconfig: {directory / 'admin.kubeconfig'}")
    session.wiring.run_kubernetes(
        directory,
        port=port,
        workloads=workloads,
        ready_after_seconds=ready_after_seconds,
        failures=failures,
        audit_log=Path(audit_log).absolute() if audit_log else None,
    )
