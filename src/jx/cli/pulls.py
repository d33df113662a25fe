"""What the commands on pull requests share: finding one by number or URL, and its form as a document."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from jx.cli.session import Session
from jx.domain.changes.changes import PullRequest
from jx.domain.environments.environments import Environment
from jx.domain.errors import NotFound, Usage
from jx.domain.names import Repo, Revision
from jx.usecases.reviewing.review_change import ReviewRequest, Verdict

_FOLDED = re.compile(r"<details><summary>(.*?)</summary>.*?</details>\n*", re.DOTALL)
_URL = re.compile(r"(?P<repo>.+?)/(?:pulls|pull|-/merge_requests)/(?P<number>\d+)/?")


def environment_option(default: str) -> Callable[..., Any]:
    """`--env`, the environment whose repository is meant."""
    text = "The environment." if default else "The environment. Default: all."
    return click.option("-e", "--env", default=default, show_default=bool(default), help=text)


def find_pull(session: Session, text: str, env: str) -> PullRequest:
    """A pull request by `3`, `#3` or its URL."""
    repo, number = _locate(session, text, env)
    return session.wiring.forge.observe(repo, number)


def review(session: Session, text: str, env: str, verdict: Verdict) -> PullRequest:
    """Give a verdict on a pull request."""
    repo, number = _locate(session, text, env)
    return session.wiring.review_change()(ReviewRequest(repo, number, verdict))


def await_checks(session: Session, text: str, env: str, within: timedelta) -> Revision | None:
    """Wait for what a merge of it needs, as long as that is on its way; the commit of the base that it was said of."""
    repo, number = _locate(session, text, env)
    return session.wiring.await_checks()(repo, number, within=within)


def find_environment(session: Session, repo: Repo, env: str) -> Environment:
    """The environment that a repository holds."""
    known = session.wiring.environments("")
    return next(
        (one for one in known if one.repo and one.repo.is_same(repo)),
        next(one for one in known if one.name == env),
    )


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


def _locate(session: Session, text: str, env: str) -> tuple[Repo, int]:
    if text.lstrip("#").isdigit():
        environment = session.wiring.environments(env)[0]
        if environment.repo is None:
            raise NotFound(f"environment {env} has no git repository")
        return environment.repo, int(text.lstrip("#"))
    match = _URL.fullmatch(text)
    if match is None:
        raise Usage(f"{text!r} is neither the number nor the URL of a pull request")
    wanted = Repo(match["repo"])
    for environment in session.wiring.environments(""):
        if environment.repo and environment.repo.is_same(wanted):
            return environment.repo, int(match["number"])
    raise NotFound(f"{wanted.url} is no repository of this platform", hint="environments: jx get env")
