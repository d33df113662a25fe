"""`jx pr list`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.pulls import Place, find_repo, place_options, pull_to_data
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.changes.changes import PullState
from jx.domain.names import Repo


@click.command()
@place_options("all, and the applications")
@click.option(
    "--state", type=click.Choice(["open", "merged", "closed", "all"]), default="open", show_default=True
)
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of a table."
)
@with_session
def command(session: Session, place: Place, state: str, form: str | None) -> None:
    """List pull requests, of one environment or application, or all.

    \b
    Examples:
      jx pr list
      jx pr list --env staging --state all
      jx pr list --repo acme/shop
    """
    wanted = None if state == "all" else PullState(state)
    found = [
        (name, pull)
        for name, repo in _repositories(session, place)
        for pull in session.wiring.forge.list_pulls(repo, state=wanted)
    ]
    if form:
        output.document([{"environment": name, **pull_to_data(pull)} for name, pull in found], form)
        return
    rows = [(f"#{pull.number}", name, pull.state, pull.author.login, pull.title) for name, pull in found]
    output.table(("PR", "WHERE", "STATE", "AUTHOR", "TITLE"), rows)


def _repositories(session: Session, place: Place) -> list[tuple[str, Repo]]:
    """Each with what it is called here: environments by their names, applications by theirs."""
    if place.repo:
        repo = find_repo(session, place)
        return [(repo.full_name, repo)]
    platform = session.wiring.declared()
    environments = (platform.get_environment(place.env),) if place.env else platform.environments
    applications = () if place.env else platform.applications
    named = [(str(one.name), one.repo) for one in environments if one.repo]
    return named + [(one.repo.full_name, one.repo) for one in applications]
