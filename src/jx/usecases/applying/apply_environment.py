"""Apply an environment: from its files to the cluster, the anchor and the ledger. One way for controller, pipeline and people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from jx.domain.applying import hooks, inventories, locking
from jx.domain.applying.applying import (
    Anchor,
    ApplyReport,
    ApplyResult,
    Hold,
    Outcome,
    Source,
)
from jx.domain.applying.locking import Grip
from jx.domain.environments import guards, holds
from jx.domain.environments.environments import EnvironmentSpec
from jx.domain.environments.guards import Allowed, Guard
from jx.domain.errors import Forbidden, JxError, NotFound, Refused, Unavailable
from jx.domain.events import Event, Level
from jx.domain.layouts import umbrella
from jx.domain.ledger import ledger
from jx.domain.ledger.recalls import Recall
from jx.domain.names import DEV, EnvironmentName, Repo
from jx.domain.trees import Tree
from jx.ports.anchor import Anchors, Locks
from jx.ports.clock import Clock
from jx.ports.reporter import Reporter
from jx.ports.repos import Repos
from jx.usecases.applying.apply_run import Opened, Run
from jx.usecases.applying.await_health import AwaitHealth, HealthReport
from jx.usecases.applying.fenced_cluster import FencedCluster
from jx.usecases.applying.hold_lock import HeldLock, HoldLock
from jx.usecases.applying.publish_ledger import PublishLedger
from jx.usecases.applying.send_plan import SendPlan, Terms
from jx.usecases.applying.start_watchdog import StartWatchdog
from jx.usecases.applying.write_anchor import WriteAnchor
from jx.usecases.planning.ask_server import AskServer
from jx.usecases.planning.plan_environment import PlanEnvironment, Planned, PlanRequest

_LOOK_EVERY = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class ApplyRequest:
    """What to apply, and how."""

    tree: Tree
    """All files of the repository (or folder)."""
    source: Source
    holder: str
    """Who asks, for the lock: unique to this process."""
    environment: EnvironmentName | None = None
    """None: the one that the files say."""
    namespace: str = ""
    """Over what the files say; so is `release`."""
    release: str = ""
    branch: str = "master"
    """The environment's branch, whose head the controller applies."""
    dry_run: bool = False
    """Stop after the guards. Nothing is written anywhere."""
    asks_server: bool = False
    """In a dry run: let the API server say what it thinks of each change."""
    by_hand: bool = False
    """A person applies, in spite of holds; files that are not the branch's head put the environment on hold."""
    reason: str = ""
    """Why a person applies by hand."""
    take_lock: str = ""
    """Why the lock is taken from whoever has it; empty where it is waited for, or given up on."""
    applier: str = "controller"
    """Who applies, for the ledger; a person who applies by hand is named by the cluster."""
    wait: bool = True
    """For health, up to `timeout`."""
    timeout: timedelta = timedelta(minutes=10)
    allowed: Allowed = field(default_factory=Allowed)
    hold: Hold | None = None
    """The hold that there is to be from now on: of a watchdog that goes back."""
    recall: Recall | None = None
    """What to apply in place of what the files render to: an earlier state, which `source` tells of."""


@dataclass(frozen=True, slots=True)
class ApplyEnvironment:
    """Decides everything first, then acts from the plan alone. Repeating it is harmless at any point, and finishes what a crash
    left: the anchor knows what was about to be sent before anything is sent, and keeps each ledger entry until it is pushed."""

    plan: PlanEnvironment
    send: SendPlan
    await_health: AwaitHealth
    anchors: Anchors
    locks: Locks
    repos: Repos
    clock: Clock
    reporter: Reporter
    watchdog: StartWatchdog | None = None
    """None where nobody would be there to start one from: a person's machine."""

    def __call__(self, request: ApplyRequest) -> ApplyReport:
        """Apply; the report says how it went, object by object.

        Raises Locked where somebody else applies; Held, and each guard's Refused, with nothing changed; Invalid for files that
        are wrong; Unavailable and Forbidden where the cluster cannot be asked. What fails object by object is in the report.
        """
        spec = umbrella.read(request.tree, name=request.environment)
        if request.dry_run:
            return self._dry_run(request, spec)
        with self._lock(spec.name, holder=request.holder, reason=request.take_lock) as held:
            opened = self._open(request, spec)
            rescue, words = self._check_holds(request, opened)
            planned = self._plan(request, spec, opened.anchor)
            guards.enforce(planned.refusals)
            self._start_watchdog(request, planned, opened, opened.anchor)
            anchor = self._announce(opened, planned, rescue, held.grip)
            if (
                anchor.verified != opened.anchor.verified
            ):  # what was applied before has proven itself only now
                self._start_watchdog(request, planned, opened, anchor)
            if words:
                self._tell(words, Level.WARNING if rescue else Level.INFO)
            run = self._send(request, opened, planned, held)
            with _telling(run):
                anchor = self._publish(self._record(run, anchor), opened.repo)
                if held.grip.taken_from and run.result is ApplyResult.APPLIED:
                    self._look_again(request, run, anchor, held)
        with _telling(run):
            return self._finish(request, run, anchor)

    def _start_watchdog(
        self, request: ApplyRequest, planned: Planned, opened: Opened, anchor: Anchor
    ) -> None:
        """One that goes back to what is verified now: a later proof would be taken for that of what is about to be applied."""
        if self.watchdog and opened.spec.name == DEV and not (request.by_hand or request.recall):
            self.watchdog(planned, opened.spec, anchor, source=request.source, tree=request.tree)

    def _send(self, request: ApplyRequest, opened: Opened, planned: Planned, held: HeldLock) -> Run:
        """Do what is planned, as far as the lock covers it."""
        if planned.plan.has_changes:
            held.enforce()
        send = replace(self.send, cluster=FencedCluster(self.send.cluster, held))
        terms = Terms(
            force=Guard.CONFLICTS in request.allowed.guards,
            within=request.timeout,
            renew=held.check,
            is_overtaken=self._overtaking(request),
        )
        sent = send(planned, terms)
        return Run(
            source=request.source,
            opened=opened,
            planned=planned,
            sent=sent,
            at=self.clock.now(),
            grip=held.grip,
            reason=request.reason or request.take_lock,
            is_lock_taken=bool(request.take_lock),
            is_awaited=request.wait,
        )

    def _look_again(self, request: ApplyRequest, run: Run, anchor: Anchor, held: HeldLock) -> None:
        """After a holder that had not given the lock back: what it sent late, between our plan and now, is put right."""
        held.await_settled()
        opened = replace(run.opened, anchor=anchor, adopted_head=None)
        request = replace(request, allowed=replace(request.allowed, redraws=frozenset()))
        planned = self._plan(request, opened.spec, anchor)
        if not planned.plan.has_changes or planned.refusals:
            return
        words = ", ".join(str(step.ref) for step in planned.plan.changes[:5])
        self._tell(f"{run.grip.taken_from} still wrote after it had lost the lock: {words}", Level.WARNING)
        rescue = next((hold for hold in anchor.holds if hold.kind == holds.RESCUE), None)
        anchor = self._announce(opened, planned, rescue, held.grip)
        again = self._send(request, opened, planned, held)
        self._publish(self._record(again, anchor), opened.repo)

    def _dry_run(self, request: ApplyRequest, spec: EnvironmentSpec) -> ApplyReport:
        planned = self._plan(request, spec, self.anchors.find(spec.name))
        outcomes = tuple(
            Outcome(step, planned.live.get(step.ref), skipped=True) for step in planned.plan.steps
        )
        if request.asks_server:
            force = Guard.CONFLICTS in request.allowed.guards
            outcomes = AskServer(self.send.cluster)(planned, force=force)
        result = ApplyResult.FAILED if any(one.error for one in outcomes) else ApplyResult.APPLIED
        return ApplyReport(planned.plan, outcomes, result, refusals=planned.refusals, is_dry_run=True)

    def _plan(self, request: ApplyRequest, spec: EnvironmentSpec, anchor: Anchor | None) -> Planned:
        return self.plan(
            PlanRequest(
                spec=spec,
                tree=request.tree,
                anchor=anchor,
                repo=request.source.repo,
                namespace=request.namespace,
                release=request.release,
                allowed=request.allowed,
                purpose=_purpose(request, spec),
                recall=request.recall,
            )
        )

    @property
    def _lock(self) -> HoldLock:
        return HoldLock(self.locks, self.clock)

    def _open(self, request: ApplyRequest, spec: EnvironmentSpec) -> Opened:
        """The anchor with its ledger caught up. LedgerMoved where the branch is not what the anchor says."""
        by = self.plan.cluster.whoami() if request.by_hand else request.applier
        anchor = self.anchors.find(spec.name) or Anchor(
            spec.name, repo=request.source.repo, cluster_id="", namespace="", release=""
        )
        elsewhere = guards.other_repository(anchor, request.source.repo)
        if elsewhere and Guard.OTHER_CLUSTER not in request.allowed.guards:
            raise elsewhere
        # The branch and the ledger are reached at the address of whoever applies: clusters have others inside than outside.
        repo = request.source.repo or anchor.repo
        if repo is None:
            return Opened(spec, anchor, None, by)
        if Guard.LEDGER_MOVED not in request.allowed.guards:
            return Opened(spec, self._catch_up(anchor, repo), repo, by)
        head = self._publisher().find_other_head(anchor, repo)
        if head is None:
            return Opened(spec, anchor, repo, by)
        self._tell(f"going on from the ledger at {head[:12] or 'its beginning'}", Level.WARNING)
        return Opened(spec, anchor, repo, by, adopted_head=head)

    def _catch_up(self, anchor: Anchor, repo: Repo) -> Anchor:
        """The anchor with its ledger published as far as that can be done. Others may publish meanwhile, such as a proof of what
        was applied before, so the newest anchor counts; LedgerMoved where the branch is not what that one says either."""
        publish = self._publisher()
        while True:
            anchor = publish(anchor, repo)
            head = None if anchor.pending else publish.find_other_head(anchor, repo)
            if head is None:
                return anchor
            newest = self.anchors.find(anchor.environment)
            if newest is None or newest.version == anchor.version:
                raise guards.ledger_moved(
                    anchor.environment, branch_head=head, anchor_head=anchor.ledger_head
                )
            anchor = newest

    def _check_holds(self, request: ApplyRequest, opened: Opened) -> tuple[Hold | None, str]:
        """The rescue hold that there is to be from now on, and what to say of it once it is. Held where the controller may not
        apply this."""
        anchor = opened.anchor
        if request.hold:
            return request.hold, f"on hold: {request.hold.reason}"
        if request.by_hand:
            return self._find_rescue(request, opened)
        blocking = holds.find_blocking(
            anchor.holds, head=request.source.revision, tree=request.tree, now=self.clock.now()
        )
        if blocking:
            raise holds.refusal(blocking, anchor.environment)
        return None, "the hold is over: the branch no longer holds what was undone" if anchor.holds else ""

    def _find_rescue(self, request: ApplyRequest, opened: Opened) -> tuple[Hold | None, str]:
        """The hold that an apply by hand needs; None where it applies what the branch says, or nothing follows a branch."""
        if opened.repo is None:
            return None, ""
        hold = Hold(
            by=opened.by,
            reason=request.reason or "applied by hand",
            since=self.clock.now(),
            kind=holds.RESCUE,
            applied_tree=request.source.tree_digest,
        )
        same = next((old for old in opened.anchor.holds if _is_same_rescue(old, hold)), None)
        try:
            head = self.repos.head(opened.repo, request.branch)
            skipped = self.repos.read(opened.repo, head) if head else None
        except (Unavailable, Forbidden, NotFound) as error:
            words = f"automatic applies are on hold, since {request.branch} cannot be read: {error.message}"
            return same or hold, words
        if head is None or skipped is None or skipped.digest == hold.applied_tree:
            return None, ""
        words = f"on hold: {head[:12]} is not applied again until it is reverted"
        if same and same.skips == head:
            return same, words
        if request.tree.digest != hold.applied_tree:  # an earlier state, whose files nobody has any more
            return replace(hold, skips=head), words
        broken = self._last_applied(opened)
        if broken is None or broken.digest == request.tree.digest:
            broken = skipped
        return replace(hold, skips=head, undoes=holds.undone_hunks(broken, request.tree)), words

    def _last_applied(self, opened: Opened) -> Tree | None:
        """The files of the commit that was applied last: what came after it on the branch was never tried, so it is not what the
        apply by hand undoes."""
        applied = opened.anchor.applied
        if opened.repo is None or applied is None or applied.source.revision is None:
            return None
        try:
            return self.repos.read(opened.repo, applied.source.revision)
        except (Unavailable, Forbidden, NotFound):
            return None

    def _announce(self, opened: Opened, planned: Planned, rescue: Hold | None, grip: Grip) -> Anchor:
        """Write into the anchor what is about to be done and by which holder of the lock, before anything is done."""
        plan = planned.plan
        is_holder_told = plan.has_changes or bool(grip.taken_from)

        def change(current: Anchor) -> Anchor:
            locking.check(grip, current.token)
            persons = tuple(hold for hold in current.holds if hold.kind == holds.PERSON)
            is_adopted = opened.adopted_head is not None
            return replace(
                current,
                repo=current.repo or opened.repo,
                cluster_id=plan.cluster_id,
                namespace=plan.namespace,
                release=plan.release,
                ledger_head=opened.adopted_head or "" if is_adopted else current.ledger_head,
                holds=(*persons, rescue) if rescue else persons,
                inventory=inventories.widen(current.inventory, plan),
                hooks=hooks.begin(current.hooks, plan),
                drawn=planned.drawn,
                token=grip.token if is_holder_told else current.token,
                is_begun=current.is_begun or plan.has_changes,
            )

        return self._writer()(opened.anchor, change)

    def _record(self, run: Run, anchor: Anchor) -> Anchor:
        """Write what was done, and the ledger entry that tells it, in one step."""
        pending = (ledger.pack(run.entry()),) if run.is_news else ()

        def change(current: Anchor) -> Anchor:
            locking.check(run.grip, current.token)
            known = {entry.name for entry in current.pending}
            return replace(
                current,
                inventory=run.inventory,
                applied=run.applied() if run.is_news else current.applied,
                pending=(*current.pending, *(entry for entry in pending if entry.name not in known)),
                platform_versions=run.versions(current.platform_versions),
                hooks=run.hook_record,
                is_begun=False,
            )

        return self._writer()(anchor, change)

    def _publish(self, anchor: Anchor, repo: Repo | None) -> Anchor:
        """Push the ledger as far as it can be pushed; what waits is pushed by the next apply or the controller's timer."""
        if repo is None:
            return anchor
        try:
            return self._publisher()(anchor, repo)
        except Refused as error:
            self._tell(f"applied, but not published: {error.message}", Level.ERROR)
            return anchor
        except Unavailable as error:  # of the cluster: what waits there is taken up by the next apply
            self._tell(f"applied, but not published yet: {error.message}", Level.WARNING)
            return anchor

    def _finish(self, request: ApplyRequest, run: Run, anchor: Anchor) -> ApplyReport:
        health = HealthReport(None)
        if request.wait and run.result is ApplyResult.APPLIED:
            health = self._wait(request, run)
        if health.is_healthy:
            health = self._verify(run, anchor) or health
        return ApplyReport(
            plan=run.planned.plan,
            outcomes=run.outcomes,
            result=run.result,
            ledger_commit=anchor.ledger_head if run.is_news and not anchor.pending else "",
            message=run.message,
            is_healthy=health.is_healthy,
            unhealthy=health.unhealthy,
            hooks=run.hooks,
        )

    def _wait(self, request: ApplyRequest, run: Run) -> HealthReport:
        steps = run.planned.plan.steps
        return self.await_health(
            steps,
            within=request.timeout,
            is_overtaken=self._overtaking(request),
            secret_values=run.planned.plan.secret_values,
        )

    def _overtaking(self, request: ApplyRequest) -> Callable[[], bool]:
        """Whether the branch has moved since: a newer commit need not wait for the health of a broken older one."""
        repo, revision = request.source.repo, request.source.revision
        looked = [self.clock.now()]

        def is_overtaken() -> bool:
            now = self.clock.now()
            if repo is None or revision is None or request.by_hand or now - looked[0] < _LOOK_EVERY:
                return False
            looked[0] = now
            try:
                return self.repos.head(repo, request.branch) != revision
            except JxError:
                return False

        return is_overtaken

    def _verify(self, run: Run, anchor: Anchor) -> HealthReport | None:
        """Remember that this state was good. What is healthy may be another by then, such as what a watchdog went back to: then
        that is what is told."""
        digest = anchor.applied.plan_digest if anchor.applied else ""

        def change(current: Anchor) -> Anchor:
            applied = current.applied
            if applied is None or applied.plan_digest != digest or applied.is_verified:
                return current
            return replace(current, applied=replace(applied, is_verified=True))

        if not run.is_same(anchor.applied):
            return None
        there = self._writer()(anchor, change).applied
        if there is None or there.source.tree_digest == run.source.tree_digest:
            return None
        return HealthReport(
            is_healthy=False,
            unhealthy=(f"{there.by} has applied something else since: {there.source.subject}",),
        )

    def _publisher(self) -> PublishLedger:
        return PublishLedger(self.repos, self._writer(), self.reporter)

    def _writer(self) -> WriteAnchor:
        return WriteAnchor(self.anchors)

    def _tell(self, message: str, level: Level = Level.INFO) -> None:
        self.reporter.tell(Event(message, level))


def _purpose(request: ApplyRequest, spec: EnvironmentSpec) -> str:
    """For the audit record of the store of secrets: `apply of dev at 29259323a029 by controller`."""
    what = "dry run" if request.dry_run else "apply"
    who = "hand" if request.by_hand else request.applier
    return f"{what} of {spec.name} at {(request.source.revision or request.tree.digest)[:19]} by {who}"


@contextmanager
def _telling(run: Run) -> Iterator[None]:
    """What goes wrong after everything was sent does not undo it: say so."""
    try:
        yield
    except JxError as error:
        words = ledger.summarize(run.outcomes, run.hooks)
        error.tell_before(f"before that: {words}; the same command does what is left, and nothing twice")
        raise


def _is_same_rescue(old: Hold, new: Hold) -> bool:
    return old.kind == holds.RESCUE and old.applied_tree == new.applied_tree
