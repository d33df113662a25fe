"""Watch a new state of the platform until it has proven itself, or bring the last verified one back. What the watchdog does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from jx.domain.applying.applying import Anchor
from jx.domain.environments import watchdogs
from jx.domain.environments.watchdogs import DONE, Phase, Verdict, Watch
from jx.domain.errors import JxError, NotFound, Stale
from jx.domain.events import Event, Level
from jx.domain.names import EnvironmentName
from jx.ports.anchor import Anchors
from jx.ports.clock import Clock
from jx.ports.reporter import Reporter
from jx.ports.watchdogs import Watchdogs
from jx.usecases.rescuing.look_health import LookHealth
from jx.usecases.rescuing.return_to_verified import ReturnToVerified, is_back

_LOOK_EVERY = timedelta(seconds=1)
_TRIES = 10
_WITHIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class WatchState:
    """Everything that it knows is in its record, so that it may die at any moment and go on. It needs the API server alone; while
    that does not answer, it waits."""

    watchdogs: Watchdogs
    anchors: Anchors
    go_back: ReturnToVerified
    look: LookHealth
    clock: Clock
    reporter: Reporter

    def __call__(self, environment: EnvironmentName) -> Watch:
        """Blocks until all is well, or the last verified state is back, or only a person can help; the record. NotFound without
        orders; Stale where others came in their place."""
        watch = self._begin(environment)
        while watch.phase not in DONE:
            if watch.phase is Phase.RETURNING:
                return self._return(watch, watch.words)
            anchor = self._find_anchor(environment)
            verdict, words = watchdogs.decide(watch, anchor, self.clock.now())
            if verdict is Verdict.STAND_DOWN:
                return self._report(replace(watch, phase=Phase.STOOD_DOWN, words=words))
            if verdict is Verdict.RETURN:
                why = self._say_why(words, anchor)
                return self._return(self._try_report(replace(watch, phase=Phase.RETURNING, words=why)), why)
            if self.clock.wait(_LOOK_EVERY):
                return watch
        return watch

    def _begin(self, environment: EnvironmentName) -> Watch:
        while True:
            try:
                watch = self.watchdogs.find(environment)
                break
            except JxError as error:
                self._tell(error.message, Level.WARNING)
                self.clock.wait(_LOOK_EVERY)
        if watch is None:
            raise NotFound(f"there are no orders for a watchdog of environment {environment}")
        if watch.phase is not Phase.STARTING:
            return watch
        return self._report(replace(watch, phase=Phase.WATCHING, since=self.clock.now()))

    def _find_anchor(self, environment: EnvironmentName) -> Anchor | None:
        try:
            return self.anchors.find(environment)
        except JxError as error:
            self._tell(f"the anchor cannot be read: {error.message}", Level.WARNING)
            return None

    def _say_why(self, words: str, anchor: Anchor | None) -> str:
        """What is wrong with the new state, as far as it can be seen."""
        try:
            unhealthy = self.look(anchor)[1] if anchor else ()
        except JxError:
            unhealthy = ()
        return f"{words}: {'; '.join(unhealthy[:3])}" if unhealthy else words

    def _return(self, watch: Watch, why: str) -> Watch:
        """As often as it takes, and no oftener than makes sense: requests may be refused for a while after what refuses them is
        gone."""
        self._tell(f"going back to the last verified state: {why}", Level.WARNING)
        trouble = ""
        for _ in range(_TRIES):
            try:
                report = self.go_back(watch.orders, why, within=_WITHIN)
            except JxError as error:
                trouble = error.message
            else:
                if is_back(report):
                    return self._end(watch, Phase.RETURNED, why)
                trouble = "; ".join([report.message, *report.unhealthy])
            self._tell(trouble, Level.WARNING)
            if self.clock.wait(_LOOK_EVERY):
                return watch
        words = (
            f"{why}; the last verified state did not come back by itself: {trouble}. In a clone of the dev repository:"
            ' jx step env apply --from-ledger verified --reason "the watchdog is stuck"'
        )
        return self._end(watch, Phase.STUCK, words)

    def _end(self, watch: Watch, phase: Phase, words: str) -> Watch:
        self._tell(f"{phase}: {words}", Level.INFO if phase is Phase.RETURNED else Level.ERROR)
        return self._try_report(replace(self._newest(watch), phase=phase, words=words))

    def _newest(self, watch: Watch) -> Watch:
        """With the version that the record has now: an earlier report may have been refused, or its answer lost."""
        try:
            found = self.watchdogs.find(watch.orders.environment)
        except JxError:
            return watch
        is_mine = found is not None and found.orders.number == watch.orders.number
        return replace(watch, version=found.version) if found and is_mine else watch

    def _report(self, watch: Watch) -> Watch:
        """Until it is written. Stale where there are other orders."""
        while True:
            try:
                written = self.watchdogs.report(watch)
            except (Stale, NotFound):
                raise
            except JxError as error:
                self._tell(f"cannot report: {error.message}", Level.WARNING)
                if self.clock.wait(_LOOK_EVERY):
                    return watch
            else:
                self._tell(f"{written.phase}: {written.words}" if written.words else written.phase)
                return written

    def _try_report(self, watch: Watch) -> Watch:
        """Best effort: what refuses the report may be what has to be put right."""
        try:
            return self.watchdogs.report(watch)
        except JxError as error:
            self._tell(f"cannot report: {error.message}", Level.WARNING)
            return watch

    def _tell(self, message: str, level: Level = Level.INFO) -> None:
        self.reporter.tell(Event(message, level))
