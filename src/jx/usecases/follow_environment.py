"""Follow an environment: apply its branch's head when it is not what was applied last, and tell forge and records how it went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from jx.domain import holds
from jx.domain.activities import Activity, ActivityStatus, ActivityStep
from jx.domain.applying import Anchor, ApplyReport, ApplyResult, Source
from jx.domain.changes import Check, CheckState
from jx.domain.environments import Environment
from jx.domain.errors import Held, JxError, Retryable
from jx.domain.events import Event, Level
from jx.domain.names import Repo, Revision
from jx.domain.trailers import list_trailers
from jx.ports.activities import Activities
from jx.ports.clock import Clock
from jx.ports.forge import Forge
from jx.ports.reporter import Reporter
from jx.ports.repos import Commit, Repos
from jx.usecases.apply_environment import ApplyEnvironment, ApplyRequest
from jx.usecases.publish_ledger import PublishLedger
from jx.usecases.write_anchor import WriteAnchor

CONTEXT = "jx/apply"
_DEEPEST = 100_000


@dataclass(frozen=True, slots=True)
class FollowRequest:
    """Which environment, and who asks (for the lock)."""

    environment: Environment
    holder: str
    timeout: timedelta = timedelta(minutes=5)
    """For health after the apply."""


@dataclass(frozen=True, slots=True)
class FollowEnvironment:
    """Level-triggered: only the difference between branch and anchor counts, so a lost, doubled or late signal is harmless."""

    repos: Repos
    forge: Forge
    activities: Activities
    apply: ApplyEnvironment
    clock: Clock
    reporter: Reporter

    def __call__(self, request: FollowRequest) -> ApplyReport | None:
        """Apply the head; None where there is nothing to do. Raises what the apply raises, after it was recorded."""
        environment = request.environment
        if environment.repo is None or environment.is_remote:
            return None
        head = self.repos.head(environment.repo, environment.branch)
        anchor = self.apply.anchors.find(environment.name)
        if head is None:
            return None
        self._respect_holds(anchor, environment.repo, head)
        if _is_applied(anchor, head):
            self._publish_what_waits(environment)
            return None
        commit = self.repos.log(environment.repo, head, limit=1)[0]
        record = self._begin(environment, commit)
        try:
            report = self._apply(request, environment.repo, commit)
        except JxError as error:
            self._end(
                environment,
                commit,
                record,
                error.message,
                is_good=False,
                is_open=isinstance(error, Held | Retryable),
            )
            raise
        words = "; ".join(report.unhealthy) or report.message.partition("\n")[0]
        self._end(environment, commit, record, words, is_good=report.is_good, is_open=False)
        return report

    def _apply(self, request: FollowRequest, repo: Repo, commit: Commit) -> ApplyReport:
        tree = self.repos.read(repo, commit.revision)
        report = self.apply(
            ApplyRequest(
                tree=tree,
                source=source_of(repo, commit, tree.digest),
                holder=request.holder,
                environment=request.environment.name,
                branch=request.environment.branch,
                timeout=request.timeout,
            )
        )
        if report.result is ApplyResult.FAILED:
            self.reporter.tell(Event(f"{request.environment.name}: {report.message}", Level.ERROR))
        return report

    def _respect_holds(self, anchor: Anchor | None, repo: Repo, head: Revision) -> None:
        """Take off the anchor what has nothing against this head any more. Held where something has: nothing is recorded, since
        a hold is looked at again and again, and the hold itself is its record."""
        if anchor is None or not anchor.holds:
            return
        tree = self.repos.read(repo, head)
        blocking = holds.find_blocking(anchor.holds, head=head, tree=tree)
        if blocking:
            raise holds.refusal(blocking, anchor.environment)

        def drop(current: Anchor) -> Anchor:
            kept = tuple(hold for hold in current.holds if not holds.is_over(hold, head=head, tree=tree))
            return replace(current, holds=kept)

        WriteAnchor(self.apply.anchors)(anchor, drop)
        self.reporter.tell(
            Event(
                f"the hold of {anchor.environment} is over: what was undone by hand is undone on the branch"
            )
        )

    def _publish_what_waits(self, environment: Environment) -> None:
        anchor = self.apply.anchors.find(environment.name)
        if anchor and anchor.pending and environment.repo:
            PublishLedger(self.repos, WriteAnchor(self.apply.anchors), self.reporter)(
                anchor, environment.repo
            )

    def _begin(self, environment: Environment, commit: Commit) -> Activity:
        assert environment.repo is not None
        repo, now = environment.repo, self.clock.now()
        build = str(len(self.repos.log(repo, commit.revision, limit=_DEEPEST)))
        step = ActivityStep("apply", ActivityStatus.RUNNING, started=now, description=commit.subject)
        record = Activity(
            name=f"{repo.owner}-{repo.name}-{environment.branch}-{build}",
            pipeline=f"{repo.full_name}/{environment.branch}",
            build=build,
            status=ActivityStatus.RUNNING,
            revision=commit.revision,
            author=commit.author.name,
            message=commit.subject,
            started=now,
            steps=(step,),
        )
        self._tell(environment, commit, record, Check(CONTEXT, CheckState.PENDING, "is being applied"))
        return record

    def _end(
        self,
        environment: Environment,
        commit: Commit,
        record: Activity,
        words: str,
        *,
        is_good: bool,
        is_open: bool,
    ) -> None:
        """`is_open`: it is tried again, or waits for a person."""
        now = self.clock.now()
        status = (
            ActivityStatus.SUCCEEDED
            if is_good
            else ActivityStatus.WAITING
            if is_open
            else ActivityStatus.FAILED
        )
        state = CheckState.SUCCESS if is_good else CheckState.PENDING if is_open else CheckState.FAILURE
        step = replace(record.steps[0], status=status, completed=None if is_open else now, description=words)
        ended = replace(record, status=status, completed=None if is_open else now, steps=(step,))
        self._tell(environment, commit, ended, Check(CONTEXT, state, words[:140]))

    def _tell(self, environment: Environment, commit: Commit, record: Activity, check: Check) -> None:
        """Forge and records are told as well as they can be reached; the apply does not depend on it."""
        repo = environment.repo
        assert repo is not None
        tells: tuple[Callable[[], None], ...] = (
            lambda: self.activities.save(record),
            lambda: self.forge.set_status(repo, commit.revision, check),
        )
        for tell in tells:
            try:
                tell()
            except JxError as error:
                self.reporter.tell(Event(f"not recorded: {error.message}", Level.WARNING))


def source_of(repo: Repo, commit: Commit, tree_digest: str) -> Source:
    """What is applied, from a commit and its trailers."""
    approvers = tuple(value for key, value in list_trailers(commit.message) if key == "Jx-Approved-By")
    return Source(
        repo=repo,
        revision=commit.revision,
        tree_digest=tree_digest,
        author=commit.author,
        subject=commit.subject,
        pull_request=commit.trailers.get("Jx-Pull-Request", ""),
        approvers=approvers,
    )


def _is_applied(anchor: Anchor | None, head: Revision) -> bool:
    applied = anchor.applied if anchor else None
    return applied is not None and applied.source.revision == head and applied.result is ApplyResult.APPLIED
