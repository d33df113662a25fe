"""What the commands on pull requests share: where they are, finding one by number or URL, and its form as a document."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

import click

from jx.cli.session import Session
from jx.domain.changes.changes import PullRequest
from jx.domain.environments.environments import Environment
from jx.domain.errors import NotFound, Refused, Usage
from jx.domain.names import DEV, Repo, Revision
from jx.usecases.proposing.import_repository import beside
from jx.usecases.reviewing.review_change import ReviewRequest, Verdict

_FOLDED = re.compile(r"<details><summary>(.*?)</summary>.*?</details>\n*", re.DOTALL)
_URL = re.compile(r"(?P<repo>.+?)/(?:pulls|pull|-/merge_requests)/(?P<number>\d+)/?")


Chosen: TypeAlias = tuple[Repo, int]
"""One pull request: its repository and number."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where pull requests are, as it was said: an environment's repository, or any of the platform's git server; both empty where
    nothing was said."""

    env: str = ""
    repo: str = ""


def place_options(default: str) -> Callable[..., Any]:
    """`--env` and `--repo`, given to the command as `place`; `default` is what its help says of neither."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def with_place(*args: Any, env: str, repo: str, **kwargs: Any) -> Any:
            return function(*args, place=Place(env, repo), **kwargs)

        for option in (
            click.option(
                "-R", "--repo", default="", metavar="OWNER/NAME", help="... or an application's repository."
            ),
            click.option("-e", "--env", default="", help=f"The environment. Default: {default}."),
        ):
            with_place = option(with_place)
        return with_place

    return decorate


def find_pull(session: Session, text: str, place: Place) -> PullRequest:
    """A pull request by `3`, `#3` or its URL."""
    repo, number = _locate(session, text, place)
    return session.wiring.forge.observe(repo, number)


def choose_pull(session: Session, text: str, place: Place) -> Chosen:
    """The one that is to be acted on. Usage where it could be one of another repository, whose clone one is in."""
    _require_said(session, text, place)
    return _locate(session, text, place)


def review(session: Session, chosen: Chosen, verdict: Verdict) -> PullRequest:
    """Give a verdict on a pull request."""
    repo, number = chosen
    return session.wiring.review_change()(ReviewRequest(repo, number, verdict))


def await_checks(session: Session, chosen: Chosen, within: timedelta) -> Revision | None:
    """Wait for what a merge of it needs, as long as that is on its way; the commit of the base that it was said of. Nothing of
    that is said of an application's."""
    repo, number = chosen
    if find_environment(session, repo) is None:
        return None
    return session.wiring.await_checks()(repo, number, within=within)


def require_environment(session: Session, pull: PullRequest) -> Environment:
    """The environment that a pull request would change; Refused for one of an application."""
    found = find_environment(session, pull.repo)
    if found is None:
        raise Refused(
            f"{pull.repo.full_name} is the repository of no environment: what is merged there changes nothing in a cluster",
            hint=f"its files: {pull.url}",
        )
    return found


def find_environment(session: Session, repo: Repo) -> Environment | None:
    """The environment that a repository holds."""
    return session.wiring.declared().find_environment_of(repo)


def pull_to_data(pull: PullRequest) -> dict[str, Any]:
    """For `-o json|yaml`."""
    return {
        "number": pull.number,
        "title": pull.title,
        "state": pull.state.value,
        "url": pull.url,
        "author": pull.author.login or pull.author.name,
        "head": {"branch": pull.head_branch, "sha": pull.head},
        "base": {"branch": pull.base_branch},
        "created": pull.created.isoformat(),
        "mergedAs": pull.merged_as,
        "labels": list(pull.labels),
        "checks": [
            {"context": c.context, "state": c.state.value, "description": c.description} for c in pull.checks
        ],
        "approvedBy": [r.author.login for r in pull.reviews if r.approves and r.revision == pull.head],
    }


def comment_text(body: str) -> str:
    """A comment for a terminal: indented, and of what a browser folds only the headings."""
    folded = _FOLDED.sub(lambda part: f"- {part[1]}\n", body)
    lines = re.sub(r"\n{2,}", "\n\n", folded).strip().splitlines()
    return "\n".join(f"  {line}".rstrip() for line in lines)


def _locate(session: Session, text: str, place: Place) -> Chosen:
    if text.lstrip("#").isdigit():
        return find_repo(session, place), int(text.lstrip("#"))
    match = _URL.fullmatch(text)
    if match is None:
        raise Usage(f"{text!r} is neither the number nor the URL of a pull request")
    wanted, dev = Repo(match["repo"]), session.wiring.platform_at.repo
    environment = find_environment(session, wanted)
    if environment is not None and environment.repo is not None:
        return environment.repo, int(match["number"])
    if dev.sibling(wanted.full_name).is_same(wanted):
        return dev.sibling(wanted.full_name), int(match["number"])
    raise NotFound(f"{wanted.url} is no repository of this platform", hint="environments: jx get env")


def _require_said(session: Session, text: str, place: Place) -> None:
    """A number alone means one of dev, wherever one is. In a clone of another repository it is likely meant otherwise."""
    if place.env or place.repo or not text.lstrip("#").isdigit():
        return
    here, dev = session.wiring.folders.look(".").origin, session.wiring.platform_at.repo
    if here is None or here.is_same(dev) or not dev.sibling(here.full_name).is_same(here):
        return
    environment = find_environment(session, here)
    this = f"--env {environment.name}" if environment else f"--repo {here.full_name}"
    raise Usage(
        f"you are in a clone of {here.full_name}, and {text} without a repository is one of dev",
        hint=f"say which: {this}, or --env {DEV}",
    )


def find_repo(session: Session, place: Place) -> Repo:
    """The repository that was said."""
    if place.repo:
        return beside(session.wiring.platform_at.repo, place.repo)
    environment = session.wiring.environments(place.env)[0]  # dev is the first
    if environment.repo is None:
        raise NotFound(f"environment {environment.name} has no git repository")
    return environment.repo
