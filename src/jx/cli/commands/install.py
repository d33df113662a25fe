"""`jx install`."""

from __future__ import annotations

from typing import Any

import click

from jx.cli import cluster_installing, installing, output
from jx.cli.install_flags import install_options, read_flags
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import Refused
from jx.domain.platforms.installing import find_missing_sources, plan_installation


@click.command()
@install_options
@click.option(
    "--kubeconfig", default="", help="The cluster to install on. Default: $KUBECONFIG, ~/.kube/config."
)
@click.option("--context", "kube_context", default="", help="Of the kubeconfig. Default: its current one.")
@click.option("--no-wait", is_flag=True, help="Do not wait for health.")
@click.option("--dry-run", is_flag=True, help="Print what would be installed and stop.")
@click.option("-b", "--batch-mode", is_flag=True, help="Ask no question.")
@with_session
def command(
    session: Session, kubeconfig: str, kube_context: str, *, no_wait: bool, dry_run: bool, batch_mode: bool, **options: Any
) -> None:  # fmt: skip
    """Install Jenkins X, managed by GitOps.

    On this machine it makes a git repository for each environment (dev, staging, production), fills them, registers webhooks and
    applies them. On a cluster (--provider kubernetes, gke, eks, ...) it looks first whether cluster, git and charts are as it
    needs them, fills repositories that are there, and applies them. A second run repairs, and changes nothing that is right.

    \b
    Examples:
      jx install --ng
      jx install --ng --default-environment-prefix acme
      jx install --gitops --vault --no-tiller --tekton --dry-run
      jx install --ng --provider kubernetes --context staging --git-provider-url https://git.example.com \\
        --environment-git-owner acme --default-environment-prefix shop --vault-url https://vault.example.com
    """
    flags, idle = read_flags(options)
    installation = plan_installation(flags)
    for note in installation.notes:
        output.say(note)
    if idle:
        output.say(f"no effect on provider {installation.provider}: {' '.join(idle)}")
    if not installation.is_embedded:
        if dry_run and find_missing_sources(installation):
            installing.show_plan(session, installation)
            return
        session.use_cluster(kubeconfig, kube_context)
        choices = cluster_installing.Choices(options, dry_run=dry_run, batch=batch_mode, wait=not no_wait)
        cluster_installing.install(session, installation, choices)
        return
    if dry_run:
        installing.show_plan(session, installation)
        return
    if installation.not_built_yet:
        hint = "jx install --ng --provider local; --dry-run shows the plan"
        raise Refused(f"not built yet: {installation.not_built_yet}", hint=hint)
    installing.install(session, installation, options)
