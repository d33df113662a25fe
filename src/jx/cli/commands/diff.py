"""`jx diff`."""

from __future__ import annotations

from dataclasses import replace

import click

from jx.cli import exit_codes
from jx.cli.applying import apply_options, begin_apply, show_plan
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@apply_options
@click.option("--exit-code", "tells", is_flag=True, help="Exit 11 where there are changes.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["diff", "table", "json", "yaml"]),
    default="diff",
    show_default=True,
)
@with_session
def command(session: Session, form: str, *, tells: bool, **options: str) -> int:
    """Show what an apply of this folder would change in the cluster; nothing is written.

    \b
    Examples:
      jx diff
      jx diff --dir env --exit-code
    """
    report = session.wiring.apply_environment()(replace(begin_apply(session, **options), dry_run=True))
    show_plan(report, form)
    return exit_codes.DIFFERENT if tells and report.plan.has_changes else exit_codes.DONE
