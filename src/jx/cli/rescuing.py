"""`jx step env apply --from-ledger`: what is checked, asked, applied and left."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import click

from jx.cli import applying, exit_codes, output
from jx.cli.session import Session, goes_on
from jx.domain.errors import JxError, Refused, Usage
from jx.domain.names import DEV
from jx.usecases.applying.apply_environment import ApplyRequest
from jx.usecases.rescuing.rescue_environment import Prepared, Rescued

_PATIENCE = timedelta(seconds=60)
"""How long CI/CD may take to answer after a rescue."""


def rescue(session: Session, request: ApplyRequest, *, folder: str, word: str, form: str, batch: bool) -> int:
    """Go back to a state of the ledger; the exit code."""
    use_case = session.wiring.rescue_environment()
    clone = session.wiring.folders.read(folder)
    prepared = use_case.prepare(request, clone, word)
    _show_check(prepared)
    if request.dry_run:
        report = use_case(prepared, clone).report
        applying.show_plan(report, form)
        return exit_codes.REFUSED if report.refusals else exit_codes.DONE if report.is_good else 1
    prepared = _with_reason(session, prepared, batch=batch)
    if not session.confirm("Apply this state to this cluster?", batch=batch):
        raise Refused("nothing was applied", hint="another state: --from-ledger STATE; look: --dry-run")
    with goes_on("What was sent stays; the same command finishes the rest."):
        rescued = use_case(prepared, clone)
    if form == "events":
        session.reporter.tell(applying.last_event(rescued.report))
    else:
        applying.show_report(rescued.report)
    _verify(session, rescued, prepared)
    _show_left(rescued, prepared)
    return exit_codes.DONE if rescued.report.is_good else exit_codes.FAILED


def _with_reason(session: Session, prepared: Prepared, *, batch: bool) -> Prepared:
    reason = prepared.request.reason
    if not reason and session.can_ask(batch=batch):
        reason = click.prompt("Why", err=True)
    if not reason:
        raise Usage("a rescue needs a reason, which the ledger keeps", hint="--reason TEXT")
    return replace(prepared, request=replace(prepared.request, reason=reason))


def _verify(session: Session, rescued: Rescued, prepared: Prepared) -> None:
    """Whether CI/CD works again, where it was CI/CD that was rescued. With its forge down it cannot: then that is all there is to
    say."""
    if prepared.found.spec.name != DEV or not prepared.request.wait or not rescued.report.is_good:
        return
    try:
        for line in session.wiring.verify_install()(within=_PATIENCE):
            output.say(line)
        output.say("CI/CD works")
    except JxError as error:
        output.hint(f"CI/CD is not verified: {error.message}")
        output.hint("once what it needs is back: jx step verify install")


def _show_check(prepared: Prepared) -> None:
    for one in prepared.findings:
        instead = f"; instead: {one.instead}" if one.instead else ""
        output.hint(f"{one.what}: {one.state}{instead}")
    output.hint(f"back to {prepared.found.recall.name}")


def _show_left(rescued: Rescued, prepared: Prepared) -> None:
    left = rescued.left
    if left is None:
        return
    for path in left.conflicts:
        output.hint(f"{path} was changed by others since: look at it in branch {left.name}")
    branch = prepared.request.branch
    output.say(
        f"Branch {left.name} makes git say the same. Once its server is back:\n"
        f"  git push origin {left.name}:{branch}      (or push {left.name}, and open a pull request)"
    )
