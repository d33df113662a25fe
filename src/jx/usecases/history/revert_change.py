"""Revert a change: a pull request that takes it back by meaning, after a look at what that will do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jx.domain.changes.changes import PullRequest
from jx.domain.changes.wording import Wording
from jx.domain.environments.edits import content_suffix
from jx.domain.environments.environments import Environment
from jx.domain.errors import Refused
from jx.ports.anchor import Anchors
from jx.usecases.history.find_revert import FindRevert, FoundRevert, RevertTarget
from jx.usecases.history.preview_revert import Preview, PreviewRevert
from jx.usecases.propose_change import PlatformAt, ProposeChange

_LONGEST = 72


@dataclass(frozen=True, slots=True)
class RevertRequest:
    """What to take back, from which environment."""

    platform: PlatformAt
    environment: str
    target: RevertTarget
    dry_run: bool = False
    """Stop after the preview."""
    auto_merge: bool = False


@dataclass(frozen=True, slots=True)
class RevertReport:
    """What is taken back, what that does, and the pull request; None where it was not offered."""

    environment: Environment
    found: FoundRevert
    preview: Preview
    pull: PullRequest | None = None


@dataclass(frozen=True, slots=True)
class RevertChange:
    """Looks first. Repeating it meets the same pull request."""

    propose: ProposeChange
    find: FindRevert
    preview: PreviewRevert
    anchors: Anchors

    def __call__(self, request: RevertRequest, *, agree: Callable[[RevertReport], bool]) -> RevertReport:
        """The report. `agree` is asked with the preview, and nothing is offered where it says no. Refused where later changes are
        in the way, or nothing is left to take back."""
        target = self.propose.target(request.platform, request.environment)
        environment = target.environment
        anchor = self.anchors.find(environment.name) if request.target.to else None
        good = anchor.verified.plan_digest if anchor and anchor.verified else ""
        found = self.find(environment.name, (target.repo, environment.branch), request.target, verified=good)
        edit = found.reverted.edit
        if edit is None:
            raise Refused(
                f"{found.subject}: nothing of it is left, so there is nothing to revert",
                hint="later changes took it back already",
            )
        looked = self.preview(environment, target.platform.environments, found)
        report = RevertReport(environment, found, looked)
        if request.dry_run or not agree(report):
            return report
        branch = f"revert-{found.commits[0].revision[:7]}-{content_suffix(edit)}"
        words = Wording(branch, f"Revert {found.subject}"[:_LONGEST], _body(report))
        pull = self.propose(target, edit, words=words, auto_merge=request.auto_merge)
        return RevertReport(environment, found, looked, pull)


def _body(report: RevertReport) -> str:
    """What the pull request says: the commits, and what a reviewer has to think of."""
    commits = [f"* {one.revision[:12]} {one.subject} ({one.author.name})" for one in report.found.commits]
    looked = report.preview
    warnings = [*looked.data, *looked.schemas, *looked.secrets, *looked.above]
    later = [f"later change: {one.revision[:12]} {one.subject}" for one in report.found.later[:10]]
    rest = [f"* {line}" for line in (*warnings, *later)]
    return "\n".join(["Takes back:", *commits, *(["", "Mind:", *rest] if rest else [])])
