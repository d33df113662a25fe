"""`jx get history`."""

from __future__ import annotations

import click

from jx.cli import history as shown
from jx.cli import output
from jx.cli.objects import parse_object
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.history import history
from jx.domain.history.history_choice import HistoryChoice
from jx.usecases.history.show_history import HistoryRequest


@click.command()
@click.argument("env", default="")
@click.option("--app", default="", help="Only what is about this app.")
@click.option(
    "--since", default="", help="30m, 2h, 7d, 4w, 2026-03-31, 2026-03-31T18:00 (UTC). Default: always."
)
@click.option(
    "--by", default="", metavar="PERSON", help="Only what this person asked for, approved or applied."
)
@click.option("--object", "thing", default="", metavar="KIND/NAME", help="Only what is about this object.")
@click.option("-n", "--namespace", default="", help="Of the object. Default: any.")
@click.option(
    "--limit",
    default=0,
    type=click.IntRange(min=0),
    metavar="N",
    help="The newest so many of each environment.",
)
@shown.clone_option
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of a table."
)
@with_session
def command(session: Session, env: str, form: str | None, limit: int, folder: str, **which: str) -> None:
    """Show what changed: by meaning, who asked, who approved, when it was applied and how it went.

    Drift, applies by hand, locks that were taken over and holds stand there, too. In a clone it needs no network.

    \b
    Examples:
      jx get history
      jx get history production --since 7d --app shop
      jx get history --by ann --object Ingress/shop
      jx get history --dir . -o json
    """
    since = history.parse_since(which["since"], session.wiring.clock.now()) if which["since"] else None
    ref = (*parse_object(which["thing"]), which["namespace"]) if which["thing"] else None
    past = shown.find_past(session, env, folder)
    request = HistoryRequest(
        places=past.places,
        since=since,
        choice=HistoryChoice(which["app"], which["by"], ref),
        limit=limit,
        must_be_known=True,
        is_everything=not env,
    )
    entries = session.wiring.show_history(past.clone)(request)
    if form:
        output.document([shown.to_data(one) for one in entries], form)
    else:
        of = request.choice.words + (f" since {since:%Y-%m-%d %H:%M} UTC" if since else "")
        shown.show_table(entries, of=of)
