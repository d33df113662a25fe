"""Offer a branch: a pull request for what a person has committed and pushed."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from jx.domain.changes.changes import PullRequest
from jx.domain.errors import NotFound, Refused, Usage
from jx.domain.events import Event
from jx.domain.names import Repo, Revision
from jx.domain.runs.pushes import HEADS
from jx.ports.forge import Ability, Forge, Offer
from jx.ports.reporter import Reporter
from jx.ports.repos import Repos
from jx.usecases.propose_change import AUTO_MERGE_LABEL
from jx.usecases.proposing.import_repository import USUAL_BRANCHES


@dataclass(frozen=True, slots=True)
class OfferRequest:
    """Which branch into which: `base` empty means main, else master; `title` empty the subject of the newest commit."""

    repo: Repo
    head: str
    base: str = ""
    title: str = ""
    body: str = ""
    seen: Revision | None = None
    """The commit that the person has and means; None: whatever the branch has."""
    auto_merge: bool = False


@dataclass(frozen=True, slots=True)
class OfferBranch:
    """Opens pull requests for branches that are there."""

    repos: Repos
    forge: Forge
    reporter: Reporter

    def __call__(self, request: OfferRequest) -> PullRequest:
        """The pull request. Repeating it meets the one that is open, with its title and body renewed.

        NotFound for a branch that was not pushed; Refused where it was pushed otherwise than `seen`, where the base has all of
        it, and where the git server knows no pull requests.
        """
        repo = request.repo
        if Ability.PULLS not in self.forge.abilities:
            raise Refused(
                f"{repo.url} is plain git: there are no pull requests to open",
                hint="push to the branch itself, or open it where the git server has them",
            )
        refs = self.repos.refs(repo)
        base = _find_base(request, refs)
        if base == request.head:
            raise Usage(
                f"{base} cannot be merged into itself", hint="git switch -c NAME; git push -u origin NAME"
            )
        head = _find_head(request, refs.get(HEADS + request.head))
        title = request.title or self.repos.log(repo, head, limit=1)[0].subject
        labels = (AUTO_MERGE_LABEL,) if request.auto_merge else ()
        pull = self.forge.propose(repo, Offer(request.head, base, title, request.body, labels))
        facts = {"url": pull.url, "number": str(pull.number)}
        self.reporter.tell(Event(f"Created Pull Request: {pull.url}", facts=facts))
        return pull


def _find_head(request: OfferRequest, head: Revision | None) -> Revision:
    push = f"git push -u origin {request.head}"
    if head is None:
        raise NotFound(f"{request.repo.full_name} has no branch {request.head}", hint=push)
    if request.seen and head != request.seen:
        raise Refused(
            f"branch {request.head} is at {request.seen[:12]} here and at {head[:12]} in {request.repo.full_name}",
            hint=f"{push}, or git pull",
        )
    return head


def _find_base(request: OfferRequest, refs: Container[str]) -> str:
    tried = (request.base,) if request.base else USUAL_BRANCHES
    for branch in tried:
        if HEADS + branch in refs:
            return branch
    raise NotFound(
        f"{request.repo.full_name} has no branch {' and no branch '.join(tried)}",
        hint="name the branch that it goes into: --base NAME",
    )
