"""Forge: pull requests, on GitHub and its like."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from jx.domain.changes.changes import Check, PullRequest, PullState
from jx.domain.names import Person, Repo, Revision


class Ability(StrEnum):
    """What one forge can do and another cannot. Asking for what a forge cannot do is Refused, with what to do instead."""

    PULLS = "pull requests"
    STATUSES = "commit statuses"
    REPOSITORIES = "making repositories, with their rights and webhooks"


EVERY_ABILITY = frozenset(Ability)


@dataclass(frozen=True, slots=True)
class Offer:
    """A pull request to be: from branch `head` into `base` of the same repository."""

    head: str
    base: str
    title: str
    body: str
    labels: tuple[str, ...] = ()


class Forge(Protocol):
    """Pull requests of repositories. Every call may raise Unavailable, NotFound and Forbidden.

    Who acts is the user of the token that the forge was made with, never a text.
    """

    @property
    def abilities(self) -> frozenset[Ability]:
        """What this forge can do. Work that does without asks here first, and leaves out what cannot be had."""
        ...

    def whoami(self) -> Person:
        """The user of the token; `login` is set."""
        ...

    def propose(self, repo: Repo, offer: Offer) -> PullRequest:
        """Open a pull request. Where one is open already for that pair of branches, its title and body are renewed and it is
        returned."""
        ...

    def observe(self, repo: Repo, number: int) -> PullRequest:
        """The pull request as it is now, with reviews, comments and checks."""
        ...

    def list_pulls(self, repo: Repo, *, state: PullState | None = PullState.OPEN) -> tuple[PullRequest, ...]:
        """Pull requests, newest first, without comments and reviews; None means every state."""
        ...

    def set_status(self, repo: Repo, revision: Revision, check: Check) -> None:
        """Set a commit status; the same context again replaces it. Forbidden for checks that others report."""
        ...

    def comment(self, repo: Repo, number: int, body: str, *, key: str = "") -> None:
        """Comment on a pull request. With a key, an earlier comment of ours with that key is renewed instead."""
        ...


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """How to merge: `method` is `merge` or `squash`; `expected` is the head that was reviewed, `base` the commit of the base that
    it was checked on (Stale where one of them moved)."""

    number: int
    method: str = "merge"
    expected: Revision | None = None
    base: Revision | None = None
    override: str = ""
    """Why it is merged although something is missing. Forbidden for who does not look after the repository; the merge commit and
    a comment keep who said so, why, and what was missing. A conflict is no matter of rules, and stays Refused."""


class ForgeReviews(Protocol):
    """What a reviewer does."""

    def approve(self, repo: Repo, number: int, *, revision: Revision, body: str = "") -> None:
        """Approve that commit. Refused for one's own pull request, and for one that one has pushed to; Stale where the head has
        moved."""
        ...

    def merge(self, repo: Repo, request: MergeRequest) -> Revision:
        """Merge; the merge commit. Repeating on a merged one returns the same. Refused with the reasons (missing approval,
        failed check, conflict) where the branch is protected, and with what would give each."""
        ...

    def close(self, repo: Repo, number: int) -> None:
        """Close without merging; a closed one stays so."""
        ...


@dataclass(frozen=True, slots=True)
class Protection:
    """The rules of a branch."""

    branch: str
    approvals: int = 0
    required_checks: tuple[str, ...] = ()
    pushers: tuple[str, ...] | None = None
    """Logins that may push to it directly; None: everyone with write access; empty: nobody, changes come by pull request."""
    reporters: tuple[str, ...] | None = None
    """Logins that alone may report those checks, or everybody who may write could let himself in; None: whoever may write."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where events go. The secret is given when it is made and never read back."""

    url: str
    events: tuple[str, ...] = ("push", "pull_request")


class ForgeAdmin(Protocol):
    """What an installation does to a forge once. Each call is repeatable and says whether it changed anything."""

    @property
    def abilities(self) -> frozenset[Ability]:
        """As the forge's."""
        ...

    def ensure_repo(
        self, owner: str, name: str, *, private: bool = True, description: str = ""
    ) -> tuple[Repo, bool]:
        """The repository, made where it was not there."""
        ...

    def ensure_webhook(self, repo: Repo, hook: Webhook, *, secret: str) -> bool:
        """A webhook to that URL with that secret and those events."""
        ...

    def list_webhooks(self, repo: Repo) -> tuple[Webhook, ...]:
        """The webhooks of a repository, without their secrets. Changes nothing."""
        ...

    def ensure_protection(self, repo: Repo, protection: Protection) -> bool:
        """The rules of a branch."""
        ...

    def ensure_collaborator(self, repo: Repo, login: str, *, right: str) -> bool:
        """A user's right on a repository: `read`, `write` or `admin`."""
        ...

    def delete_repo(self, repo: Repo) -> bool:
        """Delete a repository with all it holds; False where there was none."""
        ...
