"""`jx pr create`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import Usage
from jx.domain.names import DEV, Repo
from jx.domain.platforms.platform import Platform
from jx.ports.folders import Folder
from jx.usecases.proposing.import_repository import beside
from jx.usecases.proposing.offer_branch import OfferRequest


@click.command()
@click.option("-t", "--title", default="", help="Default: the first line of its newest commit.")
@click.option("-b", "--body", default="", help="What it is for.")
@click.option(
    "-B",
    "--base",
    default="",
    metavar="BRANCH",
    help="The branch it goes into. Default: the one that is applied, or released.",
)
@click.option(
    "-H",
    "--head",
    default="",
    metavar="BRANCH",
    help="The branch with the commits. Default: the one you are on.",
)
@click.option("-R", "--repo", default="", metavar="OWNER/NAME", help="Default: that of the clone you are in.")
@click.option("--auto-merge", is_flag=True, help="Label it so that it is merged when its checks pass.")
@with_session
def command(
    session: Session, title: str, body: str, base: str, head: str, repo: str, *, auto_merge: bool
) -> None:
    """Open a pull request for a branch that you have pushed, of an environment's repository or an application's.

    \b
    Examples:
      git push -u origin more-memory && jx pr create
      jx pr create --title "More memory" --base main
    """
    folder = session.wiring.folders.look(".")
    platform = session.wiring.declared()
    wanted = _find_repo(session, repo, folder)
    is_here = folder.origin is not None and folder.origin.is_same(wanted)
    head = head or (folder.branch if is_here else "")
    if not head:
        raise Usage("which branch?", hint="jx pr create --head BRANCH")
    seen = folder.head if is_here and head == folder.branch else None
    if seen and folder.is_dirty:
        output.hint("what is changed here and not committed is not in it")
    request = OfferRequest(
        wanted, head, base or _find_base(platform, wanted), title, body, seen, auto_merge=auto_merge
    )
    pull = session.wiring.offer_branch()(request)
    environment = platform.find_environment_of(wanted)
    if environment is None:
        output.hint(f"next: jx pr view {pull.number} --repo {wanted.full_name}")
    else:
        place = "" if environment.name == DEV else f" --env {environment.name}"
        output.hint(f"next: jx pr diff {pull.number}{place}")


def _find_repo(session: Session, said: str, folder: Folder) -> Repo:
    if not said and folder.origin is None:
        raise Usage("which repository?", hint="jx pr create --repo OWNER/NAME, or in a clone of it")
    return beside(session.wiring.platform_at.repo, said or (folder.origin.url if folder.origin else ""))


def _find_base(platform: Platform, repo: Repo) -> str:
    """The branch that is applied, or released; empty where the platform knows nothing of it."""
    named = [(one.repo, one.branch) for one in platform.environments if one.repo]
    named += [(one.repo, one.branch) for one in platform.applications]
    return next((branch for one, branch in named if one.is_same(repo)), "")
