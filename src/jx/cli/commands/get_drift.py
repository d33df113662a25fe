"""`jx get drift`."""

from __future__ import annotations

from typing import Any

import click

from jx.cli import exit_codes, output
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.ledger.drift import Drifted, DriftedField
from jx.usecases.following.find_drift import DriftReport

_HEADER = ("ENVIRONMENT", "KIND", "NAME", "NAMESPACE", "CHANGE", "FIELD", "WAS", "NOW", "BY", "SINCE")


@click.command()
@click.argument("env", default="")
@click.option("--exit-code", "tells", is_flag=True, help="Exit 11 where something was changed.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of a table."
)
@with_session
def command(session: Session, env: str, form: str | None, *, tells: bool) -> int:
    """Show what was changed in the cluster behind our back: which field, by whom, and when.

    \b
    Examples:
      jx get drift
      jx get drift staging --exit-code
      jx get drift production -o json
    """
    find = session.wiring.find_drift()
    environments = [one for one in session.wiring.environments(env) if one.repo and not one.is_remote]
    reports = [find(one.name, repo=one.repo) for one in environments]
    if form:
        output.document([_to_data(report, one) for report in reports for one in report.found], form)
    else:
        _show(reports)
    has_drifted = any(report.found for report in reports)
    return exit_codes.DIFFERENT if tells and has_drifted else exit_codes.DONE


def _show(reports: list[DriftReport]) -> None:
    rows = [row for report in reports for one in report.found for row in _rows(report, one)]
    if rows:
        output.table(_HEADER, rows)
        return
    looked_at = sum(report.looked_at for report in reports)
    output.say(f"Nothing was changed behind our back; {looked_at} objects are as they were left")


def _rows(report: DriftReport, one: Drifted) -> list[tuple[str, ...]]:
    fields = one.fields or (DriftedField("-", "-", "-", one.by, one.since),)
    ref = one.ref
    place = (report.environment, ref.kind, ref.name, ref.namespace or "-", one.kind.value)
    return [
        (*place, field.path, field.was, field.now, field.by or "-", field.since or "-") for field in fields
    ]


def _to_data(report: DriftReport, one: Drifted) -> dict[str, Any]:
    ref = one.ref
    return {
        "environment": report.environment,
        "group": ref.group,
        "kind": ref.kind,
        "name": ref.name,
        "namespace": ref.namespace,
        "change": one.kind.value,
        "by": one.by,
        "since": one.since,
        "fields": [
            {"path": field.path, "was": field.was, "now": field.now, "by": field.by, "since": field.since}
            for field in one.fields
        ],
    }
