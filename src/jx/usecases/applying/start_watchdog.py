"""Start a watchdog before an apply changes what CI/CD needs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from jx.domain.applying.applying import Anchor, Hold, KnownGood, Source
from jx.domain.environments import holds, watchdogs
from jx.domain.environments.environments import EnvironmentSpec
from jx.domain.environments.watchdogs import DONE, Orders, Phase, Watch
from jx.domain.errors import Failed, Invalid, JxError, Locked, NotFound, Refused, Unavailable
from jx.domain.events import Event, Level
from jx.domain.ledger.snapshots import Snapshot
from jx.domain.trees import Tree
from jx.ports.clock import Clock
from jx.ports.reporter import Reporter
from jx.ports.snapshots import Snapshots
from jx.ports.watchdogs import Watchdogs
from jx.usecases.planning.plan_environment import Planned

_PATIENCE = timedelta(seconds=60)
_LOOK_EVERY = timedelta(milliseconds=200)


class NoWatchdog(Unavailable):
    """The watchdog did not report that it watches; nothing was changed."""


@dataclass(frozen=True, slots=True)
class StartWatchdog:
    """Of the dev environment, and only where there is a verified state to go back to."""

    watchdogs: Watchdogs
    snapshots: Snapshots
    clock: Clock
    reporter: Reporter

    def __call__(
        self, planned: Planned, spec: EnvironmentSpec, anchor: Anchor, *, source: Source, tree: Tree
    ) -> Watch | None:
        """The watchdog that watches by now; None where none is needed. NoWayBack for what it could not take back; NoWatchdog
        where it does not report in time; Locked while one goes back."""
        needed = watchdogs.list_needed(planned.plan, planned.live)
        deadline = spec.requirements.proves_within
        if not needed or not deadline:
            return None
        snapshot = self._find_snapshot(anchor)
        if snapshot is None or anchor.verified is None:
            return None
        there = self.watchdogs.find(spec.name)
        if there and there.phase is Phase.RETURNING:
            raise Locked(
                "the watchdog is going back to the last verified state", hint="wait for it: jx get env"
            )
        if there and there.phase is Phase.WATCHING and _is_same(there.orders, source, anchor.verified):
            return there  # of an apply of the same files that did not get to its end
        refusal = watchdogs.find_no_way_back(planned.plan, planned.live)
        if refusal:
            raise refusal
        orders = Orders(
            number=secrets.token_hex(4),
            environment=spec.name,
            tree_digest=source.tree_digest,
            deadline=deadline,
            good=snapshot.plan_digest,
            good_at=anchor.verified.at,
            applied_at=anchor.applied.at if anchor.applied else None,
            hold=self._hold(source, tree, snapshot),
        )
        watch = self._await(self._start(orders))
        words = f"a watchdog watches for {deadline.total_seconds():.0f} s, since {needed[0]} changes"
        self._tell(f"{words}{f' and {len(needed) - 1} more' if needed[1:] else ''}")
        return watch

    def _find_snapshot(self, anchor: Anchor) -> Snapshot | None:
        """Of the last verified state; said where there is none."""
        if anchor.verified is None:
            self._tell("no watchdog: no state is known to be good yet", Level.WARNING)
            return None
        try:
            snapshot = self.snapshots.find(anchor.environment, anchor.verified.plan_digest)
        except JxError as error:
            self._tell(f"no watchdog: {error.message}", Level.WARNING)
            return None
        if snapshot is None:
            self._tell("no watchdog: there is no snapshot of the last verified state", Level.WARNING)
            return None
        return snapshot

    def _hold(self, source: Source, tree: Tree, snapshot: Snapshot) -> Hold:
        return Hold(
            by=watchdogs.NAME,
            reason="the new state did not prove itself",
            since=self.clock.now(),
            skips=source.revision,
            kind=holds.RESCUE,
            applied_tree=snapshot.source.tree_digest,
            undoes=holds.undone_hunks(tree, snapshot.tree),
        )

    def _start(self, orders: Orders) -> Watch:
        """Whatever keeps it from starting may be gone a moment later: it is tried again, and nothing else is."""
        try:
            return self.watchdogs.start(orders)
        except (Refused, Failed, Invalid, NotFound) as error:
            raise NoWatchdog(
                f"the watchdog cannot be started, so nothing was changed: {error.message}", hint=error.hint
            ) from error

    def _await(self, watch: Watch) -> Watch:
        deadline = self.clock.elapsed() + _PATIENCE
        while True:
            found = self.watchdogs.find(watch.orders.environment)
            if found and found.orders.number == watch.orders.number and found.phase is Phase.WATCHING:
                return found
            is_late = self.clock.elapsed() >= deadline or self.clock.wait(_LOOK_EVERY)
            if is_late or (found and found.phase in DONE):
                raise NoWatchdog(
                    "the watchdog has not reported that it watches; nothing was changed",
                    hint="kubectl get pods -n jx-rescue; kubectl logs -n jx-rescue -l jenkins.io/watchdog=dev",
                )

    def _tell(self, message: str, level: Level = Level.INFO) -> None:
        self.reporter.tell(Event(message, level))


def _is_same(orders: Orders, source: Source, good: KnownGood) -> bool:
    """Whether these are the orders for applying those files, from that verified state."""
    return orders.tree_digest == source.tree_digest and orders.good_at == good.at
