"""Return to the last verified state, from its snapshot, with nothing else at hand than the API server."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby

from jx.domain.applying.applying import ApplyReport, ApplyResult, Step
from jx.domain.environments import watchdogs
from jx.domain.environments.environments import EnvironmentSpec
from jx.domain.environments.guards import Allowed, Guard
from jx.domain.environments.watchdogs import Orders
from jx.domain.errors import JxError, Refused
from jx.domain.events import Event, Level
from jx.domain.layouts import umbrella
from jx.domain.ledger.snapshots import Snapshot
from jx.domain.names import Person
from jx.ports.reporter import Reporter
from jx.ports.snapshots import Snapshots
from jx.usecases.applying.apply_environment import ApplyEnvironment, ApplyRequest
from jx.usecases.applying.send_plan import Terms
from jx.usecases.planning.plan_environment import Planned, PlanRequest

_ALLOWED = Allowed(
    frozenset({Guard.DELETIONS, Guard.CONFLICTS, Guard.REPLACE, Guard.PLATFORM_DOWNGRADE, Guard.EMPTY_RENDER})
)
"""A state that was applied and verified here before is plausible; what holds data is kept all the same."""


@dataclass(frozen=True, slots=True)
class ReturnToVerified:
    """First what can refuse everything else, without lock and record, since those may be refused as well; then the one apply that
    there is, which takes the lock from whoever hangs on to it. Repeating it finishes what was interrupted."""

    apply: ApplyEnvironment
    snapshots: Snapshots
    reporter: Reporter
    holder: str

    def __call__(self, orders: Orders, why: str, *, within: timedelta) -> ApplyReport:
        """Apply the snapshot. Refused where it is not that of the state that the orders name; what the apply raises."""
        snapshot = self.snapshots.find(orders.environment, orders.good)
        if snapshot is None:
            raise Refused("there is no snapshot of the state to go back to any more", hint="jx get env")
        spec = umbrella.read(snapshot.tree, name=orders.environment)
        self._open_gates(spec, snapshot)
        source = replace(
            snapshot.source,
            author=Person("jx watchdog"),
            subject=f"Go back to: {snapshot.source.subject}",
            pull_request="",  # nobody asked for the return, and nobody approved it
            approvers=(),
        )
        return self.apply(
            ApplyRequest(
                tree=snapshot.tree,
                source=source,
                holder=self.holder,
                environment=orders.environment,
                reason=why,
                take_lock=why,
                applier=watchdogs.NAME,
                timeout=within,
                allowed=_ALLOWED,
                recall=snapshot.recall,
                hold=replace(orders.hold, reason=why),
            )
        )

    def _open_gates(self, spec: EnvironmentSpec, snapshot: Snapshot) -> None:
        """Turn by turn; what fails in one does not keep the next from being tried."""
        try:
            planned = self._plan(spec, snapshot)
        except JxError as error:
            self._tell(f"cannot look at what is there: {error.message}")
            return
        steps = sorted(
            (step for step in planned.plan.changes if watchdogs.gate_of(step.ref) is not None), key=_rank
        )
        for _, turn in groupby(steps, key=_rank):
            some = replace(planned.plan, steps=tuple(turn), hooks=())
            try:
                sent = self.apply.send(replace(planned, plan=some), Terms(force=True))
            except JxError as error:
                self._tell(error.message)
                continue
            for outcome in sent.outcomes:
                if outcome.error:
                    self._tell(f"{outcome.step.ref}: {outcome.error}")

    def _plan(self, spec: EnvironmentSpec, snapshot: Snapshot) -> Planned:
        return self.apply.plan(
            PlanRequest(
                spec=spec,
                tree=snapshot.tree,
                anchor=self.apply.anchors.find(spec.name),
                repo=snapshot.source.repo,
                allowed=_ALLOWED,
                recall=snapshot.recall,
            )
        )

    def _tell(self, message: str) -> None:
        self.reporter.tell(Event(message, Level.WARNING))


def _rank(step: Step) -> int:
    rank = watchdogs.gate_of(step.ref)
    assert rank is not None
    return rank


def is_back(report: ApplyReport) -> bool:
    """Whether everything is as it was, and healthy."""
    return report.result is ApplyResult.APPLIED and report.is_healthy is not False
