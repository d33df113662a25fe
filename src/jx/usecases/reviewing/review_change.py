"""Review a change: comment on a pull request, approve it as it is now, merge it, or close it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from jx.domain.changes.changes import PullRequest, PullState
from jx.domain.errors import Refused, Stale
from jx.domain.events import Event
from jx.domain.names import Repo, Revision
from jx.ports.forge import Forge, ForgeReviews, MergeRequest
from jx.ports.reporter import Reporter


@dataclass(frozen=True, slots=True)
class CommentOn:
    """Say something."""

    text: str


@dataclass(frozen=True, slots=True)
class Approve:
    """Approve the commit that the reviewer has seen; None: the one that is the head now."""

    text: str = ""
    revision: Revision | None = None


@dataclass(frozen=True, slots=True)
class Merge:
    """Merge by `merge` or `squash`; `override` is why, where it is against the rules of the branch; `base` the commit of the base
    that it was checked on (Stale where that moved)."""

    method: str = "merge"
    override: str = ""
    base: Revision | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """Close without merging."""


Verdict = CommentOn | Approve | Merge | Close


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """A verdict on one pull request."""

    repo: Repo
    number: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ReviewChange:
    """Does what a reviewer says; who that is, is the user of the forge's token."""

    forge: Forge
    reviews: ForgeReviews
    reporter: Reporter

    def __call__(self, request: ReviewRequest) -> PullRequest:
        """The pull request after it. Repeating a merge or a close changes nothing.

        Raises Refused where its state or a rule of the branch does not allow it, Stale where its head has moved.
        """
        repo, number = request.repo, request.number
        pull = self.forge.observe(repo, number)
        match request.verdict:
            case CommentOn(text):
                self.forge.comment(repo, number, text)
            case Approve(text, revision):
                self._approve(pull, text, revision)
            case Merge() as merge:
                self._merge(pull, merge)
            case Close():
                self.reviews.close(repo, number)
                self.reporter.tell(Event(f"Closed pull request #{number}: {pull.title}"))
            case _:
                assert_never(request.verdict)
        return self.forge.observe(repo, number)

    def _approve(self, pull: PullRequest, text: str, revision: Revision | None) -> None:
        if pull.state is not PullState.OPEN:
            raise Refused(f"pull request #{pull.number} is {pull.state}: there is nothing to approve")
        if revision and revision != pull.head:
            raise Stale(
                f"pull request #{pull.number} was changed since {revision[:12]}: it is at {pull.head[:12]} now",
                hint=f"look at it again: jx pr diff {pull.number}",
            )
        self.reviews.approve(pull.repo, pull.number, revision=pull.head, body=text)
        self.reporter.tell(Event(f"Approved pull request #{pull.number} at {pull.head[:12]}: {pull.title}"))

    def _merge(self, pull: PullRequest, how: Merge) -> None:
        if pull.state is PullState.CLOSED:
            raise Refused(f"pull request #{pull.number} is closed", hint="open a new one")
        request = MergeRequest(
            pull.number, how.method, expected=pull.head, base=how.base, override=how.override
        )
        merged = self.reviews.merge(pull.repo, request)
        self.reporter.tell(Event(f"Merged pull request #{pull.number} as {merged[:12]}: {pull.title}"))
