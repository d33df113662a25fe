"""`jx step env apply`: the rescue, and what pipelines do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import click

from jx.cli import applying, exit_codes
from jx.cli.session import Session, goes_on
from jx.cli.session import command as with_session

FORMS = click.Choice(["table", "diff", "json", "yaml"])


@click.command()
@applying.apply_options
@applying.guard_options
@click.option("--reason", default="", help="Why it is applied by hand; kept in the ledger.")
@click.option(
    "--take-lock", is_flag=True, help="From whoever is applying; needs --reason, and their apply stops."
)
@click.option("--wait/--no-wait", default=True, help="For health.")
@click.option("--timeout", default=600, show_default=True, help="How long to wait for health, in seconds.")
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@click.option("-o", "--output", "form", type=FORMS, default="table", help="Of --dry-run.")
@click.option("-b", "--batch-mode", is_flag=True, help="Ask no question.")
@with_session
def command(
    session: Session,
    reason: str,
    timeout: int,
    form: str,
    *,
    take_lock: bool,
    wait: bool,
    dry_run: bool,
    batch_mode: bool,
    **options: Any,
) -> int:
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
    allowed = applying.allowed_by(options)
    begun = applying.begin_apply(session, **options)
    request = replace(
        begun,
        dry_run=dry_run,
        reason=reason,
        take_lock=applying.why_to_take_lock(reason) if take_lock else "",
        wait=wait,
        timeout=timedelta(seconds=timeout),
        allowed=allowed,
    )
    apply = session.wiring.apply_environment()
    if dry_run:
        report = apply(request)
        applying.show_plan(report, form)
        return exit_codes.DONE if not report.refusals else exit_codes.REFUSED
    applying.confirm_cluster(session, request, batch=batch_mode)
    with goes_on("What was sent stays; the same command finishes the rest."):
        report = apply(request)
    applying.show_report(report)
    return exit_codes.DONE if report.is_good else exit_codes.FAILED


applying.accept_old_flags(command, "change-namespace", "vault", "force", "no-helm-version")
