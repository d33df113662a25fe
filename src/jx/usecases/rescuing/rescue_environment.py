"""Rescue an environment: apply an earlier state from its ledger by hand, with everything else down."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jx.domain.applying.applying import Anchor, ApplyReport, ApplyResult
from jx.domain.environments.guards import Guard
from jx.domain.errors import JxError
from jx.domain.events import Event, Level
from jx.domain.layouts import umbrella
from jx.domain.ledger.snapshots import Snapshot
from jx.domain.names import EnvironmentName, Repo
from jx.ports.folders import Folder
from jx.ports.reporter import Reporter
from jx.ports.snapshots import Snapshots
from jx.usecases.applying.apply_environment import ApplyEnvironment, ApplyRequest
from jx.usecases.rescuing.check_rescue import CheckRescue, Finding
from jx.usecases.rescuing.find_state import FindState, FoundState, StateRequest
from jx.usecases.rescuing.leave_branch import BranchRequest, LeaveBranch, LeftBranch


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a rescue will do, before anything is done."""

    request: ApplyRequest
    found: FoundState
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Rescued:
    """What came of it."""

    report: ApplyReport
    left: LeftBranch | None = None


@dataclass(frozen=True, slots=True)
class RescueEnvironment:
    """The same plan, guards, lock and sends as every apply; only what is wanted comes from the ledger. Doing it again finishes
    what was interrupted, and changes nothing where all is done."""

    apply: ApplyEnvironment
    find_state: FindState
    check: CheckRescue
    leave_branch: LeaveBranch
    snapshots: Snapshots
    reporter: Reporter

    def prepare(self, request: ApplyRequest, folder: Folder, word: str) -> Prepared:
        """Which state, and what the rescue will go without. `request` is that of an apply of the clone by hand; nothing is
        written. NotFound and LedgerMoved as FindState raises them."""
        anchor = self._find_anchor(request, folder.origin)
        name = anchor.environment if anchor else umbrella.read(request.tree, name=request.environment).name
        found = self.find_state(
            StateRequest(
                folder=folder.path,
                environment=name,
                tree=request.tree,
                repo=folder.origin,
                word=word,
                person=folder.user,
                trusts_branch=Guard.LEDGER_MOVED in request.allowed.guards,
            ),
            anchor,
        )
        findings = self.check(found.spec, anchor, repo=folder.origin, branch=request.branch)
        snapshot, words = self._find_snapshot(anchor)
        kept = {one.ref: one for one in snapshot.objects} if snapshot else {}
        changed = replace(
            request,
            tree=found.tree,
            source=found.source,
            environment=name,
            recall=replace(found.recall, kept=kept),
        )
        findings = (*findings, Finding("snapshot", words, "" if snapshot else "the live objects"))
        return Prepared(changed, found, findings)

    def __call__(self, prepared: Prepared, folder: Folder) -> Rescued:
        """Apply it; raises as every apply does. What is left for git comes last, so that nothing of it holds up the rescue."""
        report = self.apply(prepared.request)
        if report.is_dry_run or report.result is not ApplyResult.APPLIED:
            return Rescued(report)
        return Rescued(report, self._leave(prepared, folder))

    def _leave(self, prepared: Prepared, folder: Folder) -> LeftBranch | None:
        request = prepared.request
        if request.tree.digest != request.source.tree_digest:
            self._tell("the files of this state are not at hand, so no branch is left; revert what broke it")
            return None
        try:
            return self.leave_branch(
                BranchRequest(
                    folder=folder.path,
                    branch=request.branch,
                    tree=request.tree,
                    undone=prepared.found.undone,
                    person=folder.user,
                    at=self.apply.clock.now(),
                    subject=request.source.subject,
                    reason=request.reason,
                )
            )
        except JxError as error:
            self._tell(f"no branch is left in the clone: {error.message}")
            return None

    def _find_snapshot(self, anchor: Anchor | None) -> tuple[Snapshot | None, str]:
        if anchor is None or anchor.verified is None:
            return None, "none: no state is known to be good"
        try:
            found = self.snapshots.find(anchor.environment, anchor.verified.plan_digest)
        except JxError as error:
            return None, f"cannot be read: {error.message}"
        return found, f"of {found.source.subject or found.plan_digest}" if found else "none"

    def _find_anchor(self, request: ApplyRequest, repo: Repo | None) -> Anchor | None:
        """By the clone's remote: the files of the clone may be what is broken."""
        same: list[EnvironmentName] = []
        if repo is not None and request.environment is None:
            every = self.apply.anchors.list_all()
            same = [one.environment for one in every if one.repo and one.repo.full_name == repo.full_name]
        name = same[0] if len(same) == 1 else umbrella.read(request.tree, name=request.environment).name
        return self.apply.anchors.find(name)

    def _tell(self, message: str) -> None:
        self.reporter.tell(Event(message, Level.WARNING))
