"""The forge's JSON, both ways: one place for what server and client agree on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from jx.domain import errors
from jx.domain.changes.changes import Check, CheckState, Comment, PullRequest, PullState, Review
from jx.domain.names import Person, Repo, Revision

Json = dict[str, Any]

UNAUTHORIZED = "unauthorized"

STATUSES: Mapping[type[errors.JxError], int] = MappingProxyType(
    {
        errors.Usage: 400,
        errors.Forbidden: 403,
        errors.NotFound: 404,
        errors.Refused: 409,
        errors.Stale: 412,
        errors.Invalid: 422,
        errors.Failed: 500,
        errors.Unavailable: 503,
    }
)
"""HTTP status by error; a class that is not here goes as its base."""

_BY_CODE: Mapping[str, type[errors.JxError]] = MappingProxyType(
    {kind.__name__.lower(): kind for kind in STATUSES}
)


def error_to_json(error: errors.JxError) -> tuple[int, Json]:
    """HTTP status and body of an error."""
    kind = next((base for base in type(error).__mro__ if base in STATUSES), errors.Failed)
    body: Json = {"code": kind.__name__.lower(), "message": error.message, "hint": error.hint}
    if isinstance(error, errors.Invalid):
        body["problems"] = [{"where": p.where, "what": p.what, "line": p.line} for p in error.problems]
    return STATUSES[kind], {"error": body}


def error_from_json(status: int, answer: Any) -> errors.JxError:
    """The error that an answer tells of."""
    told = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(told, dict):
        return errors.Failed(f"the forge answered HTTP {status}, and did not say why")
    code, message, hint = str(told.get("code")), str(told.get("message")), str(told.get("hint") or "")
    if code == UNAUTHORIZED:
        return errors.Forbidden(message, hint=hint)
    kind = _BY_CODE.get(code, errors.Failed)
    if kind is errors.Invalid:
        problems = (errors.Problem(p["where"], p["what"], p["line"]) for p in told.get("problems", ()))
        return errors.Invalid(message, *problems, hint=hint)
    return kind(message, hint=hint)


def person_to_json(person: Person) -> Json:
    """A user."""
    return {"login": person.login, "name": person.name, "email": person.email}


def person_from_json(body: Json) -> Person:
    """A user."""
    return Person(body["name"], body["email"], body["login"])


def check_to_json(check: Check) -> Json:
    """A commit status."""
    return {
        "context": check.context,
        "state": check.state.value,
        "description": check.description,
        "target_url": check.target_url,
    }


def check_from_json(body: Json) -> Check:
    """A commit status."""
    return Check(body["context"], CheckState(body["state"]), body["description"], body["target_url"])


def pull_to_json(pull: PullRequest) -> Json:
    """A pull request."""
    return {
        "repo": pull.repo.url,
        "number": pull.number,
        "url": pull.url,
        "title": pull.title,
        "body": pull.body,
        "author": person_to_json(pull.author),
        "state": pull.state.value,
        "head_branch": pull.head_branch,
        "head": pull.head,
        "base_branch": pull.base_branch,
        "created": pull.created.isoformat(),
        "merged_as": pull.merged_as,
        "merged_by": person_to_json(pull.merged_by) if pull.merged_by else None,
        "is_mergeable": pull.is_mergeable,
        "labels": list(pull.labels),
        "reviews": [_review_to_json(review) for review in pull.reviews],
        "comments": [_comment_to_json(comment) for comment in pull.comments],
        "checks": [check_to_json(check) for check in pull.checks],
        "author_may_write": pull.author_may_write,
        "pushed_by": [person_to_json(person) for person in pull.pushed_by],
    }


def pull_from_json(body: Json) -> PullRequest:
    """A pull request."""
    return PullRequest(
        repo=Repo(body["repo"]),
        number=body["number"],
        url=body["url"],
        title=body["title"],
        body=body["body"],
        author=person_from_json(body["author"]),
        state=PullState(body["state"]),
        head_branch=body["head_branch"],
        head=Revision(body["head"]),
        base_branch=body["base_branch"],
        created=datetime.fromisoformat(body["created"]),
        merged_as=Revision(body["merged_as"]) if body["merged_as"] else None,
        merged_by=person_from_json(body["merged_by"]) if body["merged_by"] else None,
        is_mergeable=body["is_mergeable"],
        labels=tuple(body["labels"]),
        reviews=tuple(_review_from_json(one) for one in body["reviews"]),
        comments=tuple(_comment_from_json(one) for one in body["comments"]),
        checks=tuple(check_from_json(one) for one in body["checks"]),
        author_may_write=body["author_may_write"],
        pushed_by=tuple(person_from_json(one) for one in body["pushed_by"]),
    )


def _review_to_json(review: Review) -> Json:
    return {
        "author": person_to_json(review.author),
        "approves": review.approves,
        "revision": review.revision,
        "body": review.body,
        "may_write": review.may_write,
    }


def _review_from_json(body: Json) -> Review:
    return Review(
        person_from_json(body["author"]),
        body["approves"],
        Revision(body["revision"]),
        body["body"],
        body["may_write"],
    )


def _comment_to_json(comment: Comment) -> Json:
    return {
        "author": person_to_json(comment.author),
        "body": comment.body,
        "created": comment.created.isoformat(),
        "key": comment.key,
        "revision": comment.revision,
        "is_edited": comment.is_edited,
        "may_write": comment.may_write,
    }


def _comment_from_json(body: Json) -> Comment:
    return Comment(
        person_from_json(body["author"]),
        body["body"],
        datetime.fromisoformat(body["created"]),
        body["key"],
        Revision(body["revision"]) if body["revision"] else None,
        body["is_edited"],
        body["may_write"],
    )
