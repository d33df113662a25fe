"""`jx pr list`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.pulls import environment_option, pull_to_data
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.changes.changes import PullState


@click.command()
@environment_option("")
@click.option(
    "--state", type=click.Choice(["open", "merged", "closed", "all"]), default="open", show_default=True
)
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of a table."
)
@with_session
def command(session: Session, env: str, state: str, form: str | None) -> None:
    """List pull requests, of one environment or all.

    \b
    Examples:
      jx pr list
      jx pr list --env staging --state all
    """
    wanted = None if state == "all" else PullState(state)
    found = [
        (environment.name, pull)
        for environment in session.wiring.environments(env)
        if environment.repo
        for pull in session.wiring.forge.list_pulls(environment.repo, state=wanted)
    ]
    if form:
        output.document([{"environment": name, **pull_to_data(pull)} for name, pull in found], form)
        return
    rows = [(f"#{pull.number}", name, pull.state, pull.author.login, pull.title) for name, pull in found]
    output.table(("PR", "ENVIRONMENT", "STATE", "AUTHOR", "TITLE"), rows)
