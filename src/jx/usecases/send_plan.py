"""Send a plan: wave by wave, as decided, and say what came of each step. The only place that changes a cluster's objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby

from jx.domain import health
from jx.domain.applying import Action, Outcome, Step
from jx.domain.errors import JxError, Retryable, Stale
from jx.domain.events import Event, Level
from jx.domain.health import State
from jx.domain.manifests import ObjectRef
from jx.domain.membership import PART_OF, labels_of
from jx.domain.ordering import Wave
from jx.domain.secrets import scrub, values_of
from jx.ports.cluster import Cluster, Scope
from jx.ports.reporter import Reporter
from jx.usecases.plan_environment import Planned

_BATCH = 64
"""Steps between two renewals of the lock."""

_LOOKS = 3
"""How often an object that changes while it is deleted is looked at again."""

_SENT = frozenset({Action.CREATE, Action.UPDATE, Action.TAKE_OVER, Action.REPLACE})


@dataclass(frozen=True, slots=True)
class SendPlan:
    """An error ends the wave it is in and keeps later ones from starting; nothing is pruned unless everything was sent."""

    cluster: Cluster
    reporter: Reporter
    workers: int = 8
    """Requests in flight."""
    established_within: timedelta = timedelta(seconds=60)
    """How long a CRD may take until its kind is served."""

    def __call__(self, planned: Planned, *, force: bool, renew: Callable[[], None]) -> tuple[Outcome, ...]:
        """An outcome for each step, in the plan's order. `renew` is called before each batch and may raise to stop the apply."""
        plan = planned.plan
        secret_values = values_of(step.manifest.body for step in plan.steps if step.manifest)
        done: dict[ObjectRef, Outcome] = {}
        for wave, batch in _batches(plan.changes):
            if any(outcome.error for outcome in done.values()):
                done |= {step.ref: Outcome(step, skipped=True) for step in batch}
                continue
            renew()
            outcomes = self._send_batch(batch, force=force)
            if wave == Wave.DEFINITIONS:
                outcomes = self._establish(outcomes)
            outcomes = [_without_secrets(outcome, secret_values) for outcome in outcomes]
            done |= {outcome.step.ref: outcome for outcome in outcomes}
            self._tell(outcomes)
        return tuple(
            done[step.ref] if step.ref in done else Outcome(step, planned.live.get(step.ref))
            for step in plan.steps
        )

    def _send_batch(self, batch: tuple[Step, ...], *, force: bool) -> list[Outcome]:
        def do(step: Step) -> Outcome:
            return self._do(step, force=force)

        if self.workers <= 1 or len(batch) == 1:
            return [do(step) for step in batch]
        with ThreadPoolExecutor(min(self.workers, len(batch)), thread_name_prefix="apply") as pool:
            return list(pool.map(do, batch))

    def _do(self, step: Step, *, force: bool) -> Outcome:
        try:
            if step.action in _SENT:
                return Outcome(step, self.cluster.send(step, force=force))
            self._delete(step)
        except JxError as error:
            text = error.message + (f" ({error.hint})" if error.hint else "")
            return Outcome(step, error=text, can_retry=isinstance(error, Retryable))
        return Outcome(step)

    def _delete(self, step: Step) -> None:
        """Delete what was decided on. A workload's status changes all the time: the same object with another version is looked at
        again, and deleted if it is still ours."""
        for _ in range(_LOOKS):
            try:
                return self.cluster.delete(step)
            except Stale:
                found = self.cluster.live((Scope(step.api_version, step.ref.kind, step.ref.namespace),))
                live = next((one for one in found if one.ref == step.ref), None)
                if live is None:
                    return None
                if live.uid != step.uid or PART_OF not in labels_of(live.body):
                    raise
                step = replace(step, resource_version=live.resource_version)
        return self.cluster.delete(step)

    def _establish(self, outcomes: list[Outcome]) -> list[Outcome]:
        """CRDs are done when their kinds are served: the next wave may hold objects of them."""
        waiting = {
            outcome.step.ref: outcome
            for outcome in outcomes
            if not outcome.error and outcome.live and health.assess(outcome.live.body).state != State.CURRENT
        }
        if not waiting:
            return outcomes
        refs = tuple((ref, outcome.step.api_version) for ref, outcome in waiting.items())
        for seen in self.cluster.changes(refs, within=self.established_within):
            if seen is not None and health.assess(seen.body).state is State.CURRENT:
                waiting.pop(seen.ref, None)
            if not waiting:
                break
        seconds = self.established_within.total_seconds()
        return [
            Outcome(
                one.step,
                one.live,
                error=f"the CRD was not established within {seconds:.0f} s",
                can_retry=True,
            )
            if one.step.ref in waiting
            else one
            for one in outcomes
        ]

    def _tell(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            step = outcome.step
            facts = {"object": str(step.ref), "action": step.action.value, "why": step.reason}
            if outcome.error:
                text = f"{step.ref}: {step.action} failed: {outcome.error}"
                self.reporter.tell(Event(text, Level.ERROR, facts | {"error": outcome.error}))
            else:
                self.reporter.tell(Event(f"{step.ref}: {step.action}", Level.INFO, facts, key="apply"))


def _batches(steps: tuple[Step, ...]) -> Iterator[tuple[int, tuple[Step, ...]]]:
    """The steps wave by wave, a wave's in parts of bounded size. Deletes come in waves of their own, after all sends."""
    ordered = sorted(steps, key=lambda step: step.wave)
    for wave, group in groupby(ordered, key=lambda step: step.wave):
        members = tuple(group)
        for start in range(0, len(members), _BATCH):
            yield wave, members[start : start + _BATCH]


def _without_secrets(outcome: Outcome, values: frozenset[str]) -> Outcome:
    if not outcome.error:
        return outcome
    text = scrub(outcome.error, values)
    return Outcome(outcome.step, outcome.live, error=text, can_retry=outcome.can_retry)
