"""`jx step env apply`: the rescue, and what pipelines do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import click

from jx.cli import exit_codes
from jx.cli.applying import apply_options, begin_apply, confirm_cluster, show_plan, show_report
from jx.cli.session import Session, goes_on
from jx.cli.session import command as with_session
from jx.domain.guards import Allowed, Guard

FORMS = click.Choice(["table", "diff", "json", "yaml"])
GUARDS = click.Choice([guard.value for guard in Guard])


@click.command()
@apply_options
@click.option("--reason", default="", help="Why it is applied by hand; kept in the ledger.")
@click.option("--wait/--no-wait", default=True, help="For health.")
@click.option("--timeout", default=600, show_default=True, help="How long to wait for health, in seconds.")
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["table", "diff", "json", "yaml"]),
    default="table",
    help="Of --dry-run.",
)
@click.option("--reviewed", default="", metavar="DIGEST", help="Apply only the plan that has this digest.")
@click.option(
    "--allow",
    "allowed",
    multiple=True,
    type=GUARDS,
    help="What a guard refuses.",
)
@click.option(
    "--allow-prune",
    "prunes",
    multiple=True,
    metavar="KIND/NAME",
    help="An object that holds data and may be deleted.",
)
@click.option("-b", "--batch-mode", is_flag=True, help="Ask no question.")
@click.option("--change-namespace", is_flag=True, hidden=True)
@click.option("--vault", is_flag=True, hidden=True)
@click.option("-f", "--force", is_flag=True, hidden=True)
@click.option("--no-helm-version", is_flag=True, hidden=True)
@with_session
def command(
    session: Session, reason: str, timeout: int, form: str, reviewed: str, allowed: tuple[str, ...], prunes: tuple[str, ...],
    *, wait: bool, dry_run: bool, batch_mode: bool, change_namespace: bool, vault: bool, force: bool, no_helm_version: bool,
    **options: str,
) -> int:  # fmt: skip
    """Apply an environment from a clone of its repository, as it is on disk.

    When CI/CD itself is broken, this is the way back: clone the environment's repository, revert what broke it, apply. Other
    files than the branch's head put the environment on hold: the skipped commit is not applied again. Pushing the revert ends
    the hold.

    \b
    Examples:
      git clone $MY_DEV_GIT_CLONE_URL jenkins-x-dev-env
      cd jenkins-x-dev-env/env && git revert -m 1 HEAD
      jx step env apply --dry-run
      jx step env apply
    """
    request = replace(
        begin_apply(session, **options),
        dry_run=dry_run,
        reason=reason,
        wait=wait,
        timeout=timedelta(seconds=timeout),
        allowed=Allowed(frozenset(Guard(name) for name in allowed), frozenset(prunes), reviewed),
    )
    apply = session.wiring.apply_environment()
    if dry_run:
        report = apply(request)
        show_plan(report, form)
        return exit_codes.DONE if not report.refusals else exit_codes.REFUSED
    confirm_cluster(session, request, batch=batch_mode)
    with goes_on("What was sent stays; the same command finishes the rest."):
        report = apply(request)
    show_report(report)
    return exit_codes.DONE if report.is_good else exit_codes.FAILED
