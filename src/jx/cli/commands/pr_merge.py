"""`jx pr merge`."""

from __future__ import annotations

from datetime import timedelta

import click

from jx.cli import output
from jx.cli.pulls import Place, await_checks, choose_pull, find_environment, place_options, review
from jx.cli.session import Session, goes_on
from jx.cli.session import command as with_session
from jx.usecases.following.await_apply import AwaitApplyRequest
from jx.usecases.reviewing.review_change import Merge


@click.command()
@click.argument("pull")
@place_options("dev")
@click.option("--squash", is_flag=True, help="One commit instead of a merge commit.")
@click.option("--wait", is_flag=True, help="Wait until it is applied and healthy.")
@click.option("--timeout", default=120, show_default=True, help="How long to wait, in seconds.")
@click.option(
    "--override",
    default="",
    metavar="REASON",
    help="Merge although something is missing; only the owner may. The merge and a comment keep who, why and what.",
)
@with_session
def command(
    session: Session, pull: str, place: Place, timeout: int, override: str, *, squash: bool, wait: bool
) -> None:
    """Merge a pull request; the merge applies itself. Checks that are on their way are waited for.

    \b
    Examples:
      jx pr merge 3
      jx pr merge 3 --wait
      jx pr merge 3 --override "the charts' server is down"
    """
    chosen = choose_pull(session, pull, place)
    base = None if override else await_checks(session, chosen, timedelta(seconds=timeout))
    merged = review(session, chosen, Merge("squash" if squash else "merge", override, base))
    environment = find_environment(session, merged.repo)
    if environment is None:
        output.hint(f"what it starts: jx get activities -f {merged.repo.full_name}")
        return
    if not wait or merged.merged_as is None:
        output.hint("it applies itself; to wait for that: jx get env --wait")
        return
    with goes_on("The merge is applied without you; look with: jx get activities"):
        session.wiring.await_apply()(
            AwaitApplyRequest(environment, merged.merged_as, timedelta(seconds=timeout))
        )
