"""`jx pr diff`."""

from __future__ import annotations

import click

from jx.cli import exit_codes, output
from jx.cli.pulls import Place, find_pull, place_options, require_environment
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.applying.plan_text import TABLE_HEADER, table_rows, totals
from jx.domain.ledger.diffing import render_diff


@click.command()
@click.argument("pull")
@place_options("dev")
@click.option("--summary", is_flag=True, help="The table alone.")
@click.option("--exit-code", "tells", is_flag=True, help="Exit 11 where there are changes.")
@with_session
def command(session: Session, pull: str, place: Place, *, summary: bool, tells: bool) -> int:
    """Show what a pull request changes in the cluster: rendered, planned, secrets masked.

    \b
    Examples:
      jx pr diff 3
      jx pr diff 1 --env staging --summary
    """
    found = find_pull(session, pull, place)
    planned = session.wiring.plan_change()(require_environment(session, found), found)
    plan = planned.planned.plan
    for line in (*planned.versions, *planned.secrets):
        output.say(str(line))
    if plan.has_changes:
        output.table(TABLE_HEADER, table_rows(plan))
        if not summary:
            output.say("\n" + render_diff(plan, planned.planned.live, planned.sent).rstrip())
    output.say(f"\n{totals(plan)}")
    for refusal in planned.planned.refusals:
        output.show_error(refusal)
    return exit_codes.DIFFERENT if tells and plan.has_changes else exit_codes.DONE
