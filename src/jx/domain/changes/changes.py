"""Changes: an edit offered to an environment as a pull request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from jx.domain.changes.wording import Wording
from jx.domain.environments.edits import Edit, edit_to_json, parts_of
from jx.domain.environments.environments import Environment
from jx.domain.names import Person, Repo, Revision


@dataclass(frozen=True, slots=True)
class Change:
    """An edit for one environment, by whom, and the words that go with it. The branch is named by the pattern of Jenkins X 2
    (`add-app-redis-1.2.3`) plus, where the pattern alone would not tell two edits apart, a short digest of the content: offering
    the same twice meets its own trace."""

    environment: Environment
    edit: Edit
    words: Wording
    requester: Person

    @property
    def message(self) -> str:
        """The commit's message: title, body, and trailers that name the requester and hold the edit."""
        said = f"{self.words.title}\n\n{self.words.body}"
        return f"{said}\n\nJx-Requested-By: {self.requester}\nJx-Edit: {edit_to_json(self.edit)}\n"

    @property
    def parts(self) -> tuple[Change, ...]:
        """What is a commit of its own, in order; usually all of it is one."""
        if not self.words.parts:
            return (self,)
        pairs = zip(parts_of(self.edit), self.words.parts, strict=True)
        return tuple(replace(self, edit=edit, words=words) for edit, words in pairs)


class PullState(StrEnum):
    """Where a pull request stands."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


class CheckState(StrEnum):
    """A commit status."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Check:
    """A commit status under its context (`jx/apply`)."""

    context: str
    state: CheckState
    description: str = ""
    target_url: str = ""


CHECKED_ON = "Jx-Checked-On"
"""The trailer of a merge that tells the commit of the base that it was held to."""
GUARDS = ("jx/approval", "jx/check", "jx/plan")
"""The checks without which nothing gets into the branch of an environment: the people's word, the pipeline's, and the plan's."""


@dataclass(frozen=True, slots=True)
class Review:
    """A verdict of one person on one commit."""

    author: Person
    approves: bool
    revision: Revision
    body: str = ""
    may_write: bool = False
    """Whether its author may write to the repository, as the forge says now."""


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody said on a pull request."""

    author: Person
    body: str
    created: datetime
    key: str = ""
    """A comment with a key is renewed, not repeated."""
    revision: Revision | None = None
    """The head when it was said; None where the forge does not tell."""
    is_edited: bool = False
    """Whether it says something else now than when it was made."""
    may_write: bool = False
    """Whether its author may write to the repository, as the forge says now."""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as its forge shows it now."""

    repo: Repo
    number: int
    url: str
    title: str
    body: str
    author: Person
    state: PullState
    head_branch: str
    head: Revision
    base_branch: str
    created: datetime
    merged_as: Revision | None = None
    merged_by: Person | None = None
    is_mergeable: bool | None = None
    """None while the forge has not looked."""
    labels: tuple[str, ...] = ()
    reviews: tuple[Review, ...] = ()
    comments: tuple[Comment, ...] = ()
    checks: tuple[Check, ...] = ()
    author_may_write: bool = False
    """Whether the author may write to the repository, as the forge says now."""
    pushed_by: tuple[Person, ...] = ()
    """Whose tokens pushed what it brings, in the order of their names; empty where the forge does not tell."""
