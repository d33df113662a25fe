"""`jx revert`."""

from __future__ import annotations

import click

from jx.cli import output, reverting
from jx.cli.changes import change_options, tell_next
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.history import history
from jx.usecases.history.find_revert import parse_target
from jx.usecases.history.revert_change import RevertReport, RevertRequest


@click.command()
@click.argument("what", default="")
@click.option(
    "--since", default="", metavar="T", help="All that was merged since: 2h, 7d, 2026-03-31T18:00 (UTC)."
)
@click.option("--to", default="", metavar="STATE", help="All after a state: a commit, `verified`, ~1.")
@click.option("--dry-run", is_flag=True, help="Show what it would do, and stop.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of text."
)
@change_options
@with_session
def command(
    session: Session,
    what: str,
    since: str,
    to: str,
    form: str | None,
    env: str,
    *,
    dry_run: bool,
    **how: bool,
) -> None:
    """Take a change back by a pull request, under later changes of other lines, too.

    WHAT is a pull request (3, #3), a commit of the environment or of its ledger, or an app, whose last change is meant. First it
    is shown what that will do: objects, data, kinds, hooks, secrets, later changes that were made on top of it.

    \b
    Examples:
      jx revert 12 --env staging --dry-run
      jx revert redis
      jx revert --since 2h
      jx revert --to verified
    """
    moment = history.parse_since(since, session.wiring.clock.now()) if since else None
    request = RevertRequest(
        session.wiring.platform_at,
        env,
        parse_target(what, moment, to),
        dry_run=dry_run,
        auto_merge=how["auto_merge"],
    )

    def agree(report: RevertReport) -> bool:
        if not form:
            reverting.show_preview(report)
        return session.confirm("Open the pull request?", batch=how["batch_mode"])

    report = session.wiring.revert_change()(request, agree=agree)
    if form:
        output.document(reverting.to_data(report), form)
    elif dry_run:
        reverting.show_preview(report)
    tell_next(session, report.pull)
