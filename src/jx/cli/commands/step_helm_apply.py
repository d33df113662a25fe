"""`jx step helm apply`."""

from __future__ import annotations

from dataclasses import replace

import click

from jx.cli import exit_codes
from jx.cli.applying import accept_old_flags, begin_apply, confirm_cluster, show_report
from jx.cli.session import Session, goes_on
from jx.cli.session import command as with_session


@click.command()
@click.argument("release_name", default="")
@click.argument("folder_name", default="")
@click.option("--namespace", default="", help="Default: $DEPLOY_NAMESPACE, then what the repository says.")
@click.option("-n", "--name", "release", default="", help="Helm release. Default: what the repository says.")
@click.option("-d", "--dir", "folder", default=".", show_default=True, help="The clone, or a folder in it.")
@click.option(
    "--kubeconfig", default="", help="Default: $KUBECONFIG, the embedded platform's, ~/.kube/config."
)
@click.option("--context", "kube_context", default="", help="Of the kubeconfig. Default: its current one.")
@click.option("--wait/--no-wait", default=True, help="For health.")
@click.option("-b", "--batch-mode", is_flag=True, help="Ask no question.")
@with_session
def command(
    session: Session, release_name: str, folder_name: str, *, wait: bool, batch_mode: bool,
    **where: str,
) -> int:  # fmt: skip
    """Apply the chart in a folder: what `jx step env apply` does, with the flags of pipelines of Jenkins X 2.

    \b
    Examples:
      jx step helm apply
      jx step helm apply --namespace jx-staging --dir env
    """
    where["release"] = where["release"] or release_name
    where["folder"] = folder_name or where["folder"]
    request = replace(begin_apply(session, **where), wait=wait)
    confirm_cluster(session, request, batch=batch_mode)
    with goes_on("What was sent stays; the same command finishes the rest."):
        report = session.wiring.apply_environment()(request)
    show_report(report)
    return exit_codes.DONE if report.is_good else exit_codes.FAILED


accept_old_flags(command, "remote", "vault", "no-vault", "boot", "no-masking", "force", "no-helm-version")
