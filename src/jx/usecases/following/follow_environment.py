"""Follow an environment: apply its branch's head when it is not what was applied last, and tell forge and records how it went."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from jx.domain.applying.applying import Anchor, ApplyReport, ApplyResult
from jx.domain.changes.changes import Check, CheckState
from jx.domain.environments.environments import Environment
from jx.domain.errors import Held, JxError, Retryable
from jx.domain.events import Event, Level
from jx.domain.names import EnvironmentName, Repo, Revision
from jx.domain.runs.activities import UNTOLD, Activity, ActivityStatus, ActivityStep
from jx.ports.activities import Activities
from jx.ports.clock import Clock
from jx.ports.forge import Ability, Forge
from jx.ports.reporter import Reporter
from jx.ports.repos import Commit, Repos
from jx.usecases.applying.apply_environment import ApplyEnvironment, ApplyRequest
from jx.usecases.find_source import FindSource
from jx.usecases.following.heed_holds import HeedHolds

CONTEXT = "jx/apply"
_DEEPEST = 100_000
_OPEN = frozenset({ActivityStatus.PENDING, ActivityStatus.RUNNING, ActivityStatus.WAITING})


@dataclass(frozen=True, slots=True)
class FollowRequest:
    """Which environment, and who asks (for the lock)."""

    environment: Environment
    holder: str
    timeout: timedelta = timedelta(minutes=5)
    """For health after the apply."""
    head: Revision | None = None
    """The head of its branch, where whoever asks has just looked."""


@dataclass(frozen=True, slots=True)
class FollowEnvironment:
    """Level-triggered: only the difference between branch and anchor counts, so a lost, doubled or late signal is harmless."""

    repos: Repos
    forge: Forge
    activities: Activities
    apply: ApplyEnvironment
    clock: Clock
    reporter: Reporter
    _told: dict[EnvironmentName, Revision] = field(default_factory=dict, repr=False, compare=False)
    """Heads that were seen to be recorded; it only spares asking again."""

    def __call__(self, request: FollowRequest) -> ApplyReport | None:
        """Apply the head; None where there is nothing to do. Raises what the apply raises, after it was recorded."""
        environment = request.environment
        if environment.repo is None or environment.is_remote:
            return None
        head = request.head or self.repos.head(environment.repo, environment.branch)
        anchor = self.apply.anchors.find(environment.name)
        if head is None:
            return None
        heed = HeedHolds(self.repos, self.apply.anchors, self.clock, self.reporter)
        heed(environment, anchor, head)
        if is_applied(anchor, head) and not self._is_left_open(environment, head):
            if anchor and (anchor.pending or anchor.holds):
                heed.publish_what_waits(environment)
            return None
        commit = self.repos.log(environment.repo, head, limit=1)[0]
        record = self._begin(environment, commit)
        try:
            report = self._apply(request, environment.repo, commit)
        except JxError as error:
            is_open = isinstance(error, Held | Retryable)
            status = ActivityStatus.WAITING if is_open else ActivityStatus.FAILED
            self._tell(environment, self._end(record, status, error.message))
            raise
        words = "; ".join(report.unhealthy) or report.message.partition("\n")[0]
        status = ActivityStatus.SUCCEEDED if report.is_good else ActivityStatus.FAILED
        self._tell(environment, self._end(record, status, words))
        return report

    def _apply(self, request: FollowRequest, repo: Repo, commit: Commit) -> ApplyReport:
        tree = self.repos.read(repo, commit.revision)
        source = FindSource(self.repos, self.forge)(repo, commit, tree.digest)
        report = self.apply(
            ApplyRequest(
                tree=tree,
                source=source,
                holder=request.holder,
                environment=request.environment.name,
                branch=request.environment.branch,
                timeout=request.timeout,
            )
        )
        if report.result is ApplyResult.FAILED:
            self.reporter.tell(Event(f"{request.environment.name}: {report.message}", Level.ERROR))
        return report

    def _is_left_open(self, environment: Environment, head: Revision) -> bool:
        """Whether a crash left the record of an applied commit open: then it is applied once more, which changes nothing, waits
        for health again and ends the record. A record whose ending the forge was not told is told here."""
        if self._told.get(environment.name) == head:
            return False
        try:
            records = self.activities.list_all()
        except JxError as error:
            self._warn(error)
            return False
        mine = (one for one in records if one.pipeline == _pipeline(environment) and one.revision == head)
        record = next(mine, None)
        if record and record.status in _OPEN:
            return True
        if record and _is_untold(record):
            record = self._tell(environment, replace(record, steps=record.steps[:-1]))
        if record is None or not _is_untold(record):
            self._told[environment.name] = head
        return False

    def _begin(self, environment: Environment, commit: Commit) -> Activity:
        assert environment.repo is not None
        repo, now = environment.repo, self.clock.now()
        records = self._records(environment)
        build = self._number(repo, commit, records)
        step = ActivityStep("apply", ActivityStatus.RUNNING, started=now, description=commit.subject)
        record = Activity(
            name=f"{repo.owner}-{repo.name}-{environment.branch}-{build}",
            pipeline=_pipeline(environment),
            build=build,
            status=ActivityStatus.RUNNING,
            revision=commit.revision,
            author=commit.author.name,
            message=commit.subject,
            git_url=repo.url,
            started=now,
            steps=(step,),
        )
        self._close_overtaken(environment, record, records)
        return self._tell(environment, record)

    def _records(self, environment: Environment) -> list[Activity]:
        """Those of the environment, as well as they can be read."""
        try:
            return [one for one in self.activities.list_all() if one.pipeline == _pipeline(environment)]
        except JxError as error:
            self._warn(error)
            return []

    def _number(self, repo: Repo, commit: Commit, records: list[Activity]) -> str:
        """How many commits there are; more where that number is another commit's, of which a run was recorded."""
        taken = {one.build for one in records if one.revision != commit.revision}
        number = len(self.repos.log(repo, commit.revision, limit=_DEEPEST))
        while str(number) in taken:
            number += 1
        return str(number)

    def _close_overtaken(self, environment: Environment, record: Activity, records: list[Activity]) -> None:
        """Nobody comes back to the open records of earlier commits: a later one is applied in their place."""
        for one in records:
            if one.name != record.name and one.status in _OPEN:
                words = f"overtaken by {record.revision[:12]}"
                self._tell(environment, self._end(one, ActivityStatus.ABORTED, words))

    def _end(self, record: Activity, status: ActivityStatus, words: str) -> Activity:
        completed = None if status in _OPEN else self.clock.now()
        first = record.steps[0] if record.steps else ActivityStep("apply", status, record.started)
        step = replace(first, status=status, completed=completed, description=words)
        return replace(record, status=status, completed=completed, steps=(step,))

    def _tell(self, environment: Environment, record: Activity) -> Activity:
        """Tell the forge, then the records: as well as they can be reached, since the apply does not depend on it. A record that
        the forge was not told has a step more, which says so."""
        assert environment.repo is not None
        try:
            if Ability.STATUSES in self.forge.abilities:
                self.forge.set_status(environment.repo, Revision(record.revision), _check(record))
        except JxError as error:
            self._warn(error)
            report = ActivityStep(UNTOLD, ActivityStatus.PENDING, description=error.message)
            record = replace(record, steps=(*record.steps, report))
        try:
            self.activities.save(record)
        except JxError as error:
            self._warn(error)
        return record

    def _warn(self, error: JxError) -> None:
        self.reporter.tell(Event(f"not recorded: {error.message}", Level.WARNING))


def _is_untold(record: Activity) -> bool:
    return bool(record.steps) and record.steps[-1].name == UNTOLD


def _pipeline(environment: Environment) -> str:
    assert environment.repo is not None
    return f"{environment.repo.full_name}/{environment.branch}"


def _check(record: Activity) -> Check:
    """The commit status that says the same as a record."""
    words = record.steps[0].description[:140] if record.steps else ""
    match record.status:
        case ActivityStatus.SUCCEEDED:
            return Check(CONTEXT, CheckState.SUCCESS, words)
        case ActivityStatus.RUNNING:
            return Check(CONTEXT, CheckState.PENDING, "is being applied")
        case ActivityStatus.WAITING:
            return Check(CONTEXT, CheckState.PENDING, words)
        case ActivityStatus.ABORTED:
            return Check(CONTEXT, CheckState.ERROR, words)
        case _:
            return Check(CONTEXT, CheckState.FAILURE, words)


def is_applied(anchor: Anchor | None, head: Revision) -> bool:
    """Whether this commit is what was applied last, as a whole."""
    if anchor is None or anchor.applied is None or anchor.is_begun:
        return False
    applied = anchor.applied
    return applied.source.revision == head and applied.result is ApplyResult.APPLIED
