"""`jx step env apply`: the rescue, and what pipelines do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from jx.cli import apply_flags, applying, exit_codes, in_pipeline
from jx.cli.session import Session, goes_on
from jx.cli.session import command as with_session
from jx.domain.applying.applying import ApplyReport

_HOW = ("reason", "take_lock", "wait", "timeout", "dry_run")


@click.command()
@applying.apply_options
@applying.guard_options
@apply_flags.how_options
@click.option(
    "--from-ledger",
    "state",
    is_flag=False,
    flag_value="",
    metavar="[STATE]",
    help="Apply an earlier state, with nothing rendered. Default: the last verified one.",
)
@with_session
def command(session: Session, form: str, state: str | None, *, batch_mode: bool, **options: Any) -> int:
    """Apply an environment from a clone of its repository, as it is on disk.

    When CI/CD itself is broken, this is the way back: clone the environment's repository, revert what broke it, apply. Other
    files than the branch's head put the environment on hold: the skipped commit is not applied again. Pushing the revert ends
    the hold.

    \b
    Examples:
      git clone $MY_DEV_GIT_CLONE_URL jenkins-x-dev-env
      cd jenkins-x-dev-env/env && git revert -m 1 HEAD
      jx step env apply --dry-run
      jx step env apply --dry-run=server -o diff
      jx step env apply
      jx step env apply --from-ledger --reason "the new version does not start"
    """
    if form == "events":
        session.log("json")
    how = {name: options.pop(name) for name in _HOW}
    apply_flags.check(how)
    allowed = applying.allowed_by(options)
    folder = options["folder"]
    begun = replace(applying.begin_apply(session, **options), allowed=allowed)
    request = apply_flags.complete(begun, how)
    if state is not None:
        from jx.cli import rescuing

        return rescuing.rescue(session, request, folder=folder, word=state, form=form, batch=batch_mode)
    apply = session.wiring.apply_environment()
    if request.dry_run:
        report = apply(request)
        applying.show_plan(report, form)
        return exit_codes.REFUSED if report.refusals else _code(report)
    if session.settings.pipeline_run:
        done = in_pipeline.apply_head(session, request, apply)
        return applying.end_with(session, done, form) if done else exit_codes.DONE
    applying.confirm_cluster(session, request, batch=batch_mode)
    with goes_on("What was sent stays; the same command finishes the rest."):
        report = apply(request)
    return applying.end_with(session, report, form)


def _code(report: ApplyReport) -> int:
    return exit_codes.DONE if report.is_good else exit_codes.FAILED


applying.accept_old_flags(command, "change-namespace", "vault", "force", "no-helm-version")
