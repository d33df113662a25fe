"""Await needs: what has to be healthy, served or gone before the next steps of an apply may be done. Shared by what sends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from jx.domain.applying.applying import Action, LiveObject, Outcome, Step
from jx.domain.objects import health
from jx.domain.objects.health import Health, State
from jx.domain.objects.manifests import ObjectRef
from jx.ports.cluster import Cluster, Scope
from jx.usecases.applying.await_health import AwaitHealth

Pulse = Callable[[], bool]
"""Asked about once a second while waiting: keeps the lock, and says whether to break the wait off."""


@dataclass(frozen=True, slots=True)
class AwaitNeeds:
    """Answers why steps cannot be done: a line for each object that is not as it has to be."""

    cluster: Cluster
    await_health: AwaitHealth
    established_within: timedelta = timedelta(seconds=60)
    """How long a CRD may take until its kind is served."""

    def healthy(
        self,
        needs: Iterable[Step],
        *,
        within: timedelta,
        pulse: Pulse,
        secret_values: frozenset[str],
    ) -> dict[ObjectRef, str]:
        """Wait until each is healthy."""
        waiting = tuple(needs)
        if not waiting:
            return {}
        report = self.await_health(
            waiting, within=within, is_overtaken=pulse, secret_values=secret_values, every=True
        )
        if report.is_healthy is None:
            return {step.ref: "the wait for it was broken off" for step in waiting}
        return dict(zip(report.refs, (line.partition(": ")[2] for line in report.unhealthy), strict=True))

    def gone(self, steps: Iterable[Step], *, within: timedelta, pulse: Pulse) -> dict[ObjectRef, str]:
        """Wait until each object that was deleted is really gone: finalizers may take their time."""
        waiting = {step.ref: step for step in steps}
        self._drop_gone(waiting)
        if not waiting:
            return {}
        refs = tuple((ref, step.api_version) for ref, step in waiting.items())
        for seen in self.cluster.changes(refs, within=within):
            if seen is not None:
                continue
            self._drop_gone(waiting)
            if not waiting:
                break
            if pulse():
                return dict.fromkeys(waiting, "the wait for its end was broken off")
        return dict.fromkeys(waiting, f"it is still being deleted after {within.total_seconds():.0f} s")

    def established(self, outcomes: list[Outcome]) -> list[Outcome]:
        """CRDs are done when their kinds are served: the next wave may hold objects of them."""
        waiting = {
            outcome.step.ref: health.assess(outcome.live.body)
            for outcome in outcomes
            if _defines(outcome) and outcome.live and not is_current(outcome.live)
        }
        if not waiting:
            return outcomes
        refs = tuple((one.step.ref, one.step.api_version) for one in outcomes if one.step.ref in waiting)
        for seen in self.cluster.changes(refs, within=self.established_within):
            if is_current(seen) and seen is not None:
                waiting.pop(seen.ref, None)
            elif seen is not None and seen.ref in waiting:
                waiting[seen.ref] = health.assess(seen.body)
            if all(found.state is State.FAILED for found in waiting.values()):
                break
        return [
            self._not_established(one, waiting[one.step.ref]) if one.step.ref in waiting else one
            for one in outcomes
        ]

    def _not_established(self, outcome: Outcome, found: Health) -> Outcome:
        can_retry = found.state is not State.FAILED
        seconds = f" within {self.established_within.total_seconds():.0f} s" if can_retry else ""
        words = f"the CRD was not established{seconds}: {found.message}"
        return Outcome(outcome.step, outcome.live, error=words, can_retry=can_retry)

    def _drop_gone(self, waiting: dict[ObjectRef, Step]) -> None:
        scopes = {Scope(step.api_version, ref.kind, ref.namespace) for ref, step in waiting.items()}
        there = {one.ref: one.uid for one in self.cluster.live(tuple(scopes))}
        for ref, step in list(waiting.items()):
            if there.get(ref) != step.uid:
                del waiting[ref]


def _defines(outcome: Outcome) -> bool:
    is_sent = not outcome.error and outcome.step.action is not Action.PRUNE
    return is_sent and outcome.step.ref.kind == "CustomResourceDefinition"


def is_current(live: LiveObject | None) -> bool:
    """Whether an object is there and does what it says."""
    return live is not None and health.assess(live.body).state is State.CURRENT
