"""`jx use`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.config import clusters, load
from jx.domain.errors import NotFound


@click.command()
@click.argument("name", required=False)
@with_session
def command(session: Session, name: str | None) -> None:
    """Choose the embedded platform or cluster to work with; without a name, list them.

    \b
    Examples:
      jx use
      jx use rehearsal
    """
    platforms = session.wiring.platforms.list_names()
    known = clusters.list_clusters(session.settings.home)
    current = session.settings.platform
    if name is None:
        rows = [("*" if one == current else "", one, "embedded") for one in platforms]
        rows += [("*" if one == current else "", one, "cluster") for one in known if one not in platforms]
        output.table(("CURRENT", "NAME", "KIND"), rows)
        return
    if name not in {*platforms, *known}:
        there = ", ".join([*platforms, *known]) or "none yet"
        raise NotFound(
            f"there is no embedded platform and no known cluster {name!r}",
            hint=f"there are: {there}; jx local start --name {name} makes a platform, jx install --provider kubernetes knows its"
            " cluster",
        )
    load.use_platform(session.settings.home, name)
    output.say(f"Using {'platform' if name in platforms else 'cluster'} {name}")
