"""What webhooks say, in the words of GitHub's events."""

from __future__ import annotations

from typing import Any

from jx.adapters.local.forge.git import HEADS, ZERO
from jx.adapters.local.forge.repositories import Repository
from jx.domain.changes.changes import Check, Comment, PullRequest, PullState, Review
from jx.domain.names import Person, Revision

Payload = dict[str, Any]


def push(
    repo: Payload, branch: str, *, before: Revision | None, after: Revision | None, pusher: Person
) -> Payload:
    """A branch was made (`before` is None), moved, or deleted (`after` is None)."""
    return {
        "ref": HEADS + branch,
        "before": before or ZERO,
        "after": after or ZERO,
        "created": before is None,
        "deleted": after is None,
        "repository": repo,
        "pusher": {"name": pusher.login, "email": pusher.email},
        "sender": _user(pusher),
    }


def pull_request(repo: Payload, pull: PullRequest, *, action: str, sender: Person) -> Payload:
    """Something happened to a pull request: `opened`, `edited`, `synchronize` (new commits), `closed`."""
    return {
        "action": action,
        "number": pull.number,
        "pull_request": _pull(pull),
        "repository": repo,
        "sender": _user(sender),
    }


def review(repo: Payload, pull: PullRequest, given: Review) -> Payload:
    """Somebody approved."""
    said = {"state": "approved", "commit_id": given.revision, "body": given.body, "user": _user(given.author)}
    return pull_request(repo, pull, action="submitted", sender=given.author) | {"review": said}


def comment(repo: Payload, pull: PullRequest, said: Comment, *, is_new: bool) -> Payload:
    """Somebody said something."""
    return {
        "action": "created" if is_new else "edited",
        "issue": {
            "number": pull.number,
            "html_url": pull.url,
            "title": pull.title,
            "pull_request": {"url": pull.url},
        },
        "comment": {"body": said.body, "user": _user(said.author), "created_at": said.created.isoformat()},
        "repository": repo,
        "sender": _user(said.author),
    }


def status(repo: Payload, revision: Revision, check: Check, *, sender: Person) -> Payload:
    """A commit got a status."""
    return {
        "sha": revision,
        "context": check.context,
        "state": check.state.value,
        "description": check.description,
        "target_url": check.target_url,
        "repository": repo,
        "sender": _user(sender),
    }


def repository(repo: Repository, *, url: str, default_branch: str) -> Payload:
    """A repository, as every event has it; `url` is the forge's."""
    return {
        "full_name": repo.full_name,
        "name": repo.name,
        "owner": {"login": repo.owner},
        "private": repo.is_private,
        "clone_url": f"{url}/{repo.full_name}.git",
        "html_url": f"{url}/{repo.full_name}",
        "default_branch": default_branch,
    }


def _pull(pull: PullRequest) -> Payload:
    return {
        "number": pull.number,
        "html_url": pull.url,
        "title": pull.title,
        "body": pull.body,
        "state": "open" if pull.state is PullState.OPEN else "closed",
        "merged": pull.state is PullState.MERGED,
        "merge_commit_sha": pull.merged_as,
        "user": _user(pull.author),
        "head": {"ref": pull.head_branch, "sha": pull.head},
        "base": {"ref": pull.base_branch},
        "labels": [{"name": label} for label in pull.labels],
    }


def _user(person: Person) -> Payload:
    return {"login": person.login}
