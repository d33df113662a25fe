"""Send a plan: turn by turn, as decided, and say what came of each step. The only place that changes a cluster's objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

from jx.domain import health
from jx.domain.applying import Action, LiveObject, Outcome, Step
from jx.domain.errors import JxError, Overtaken, Retryable, Stale
from jx.domain.events import Event, Level
from jx.domain.manifests import ObjectRef
from jx.domain.membership import PART_OF, labels_of
from jx.domain.secrets import scrub, values_of
from jx.ports.cluster import Cluster, Scope
from jx.ports.reporter import Reporter
from jx.usecases import await_needs
from jx.usecases.await_needs import AwaitNeeds, Pulse
from jx.usecases.plan_environment import Planned

_BATCH = 64
"""Steps between two renewals of the lock."""

_SIGN_OF_LIFE = timedelta(seconds=20)
"""How often the lock is renewed while waiting."""

_LOOKS = 3
"""How often an object that changes while it is deleted is looked at again."""

_SENT = frozenset({Action.CREATE, Action.UPDATE, Action.TAKE_OVER, Action.REPLACE})


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Terms:
    """What a sending may do, and how long it may take."""

    force: bool = False
    """Take over fields of other managers."""
    within: timedelta = timedelta(minutes=5)
    """How long an object may take that others wait for."""
    renew: Callable[[], None] = lambda: None
    """Called before each batch and while waiting; may raise to stop the apply."""
    is_overtaken: Callable[[], bool] = _never
    """Breaks off waiting for what later steps need."""


@dataclass(frozen=True, slots=True)
class SendPlan:
    """An error ends the turn it is in and keeps later ones from starting; nothing is pruned unless everything was sent."""

    cluster: Cluster
    await_needs: AwaitNeeds
    reporter: Reporter
    workers: int = 8
    """Requests in flight."""

    def __call__(self, planned: Planned, terms: Terms) -> tuple[Outcome, ...]:
        """An outcome for each step, in the plan's order."""
        plan = planned.plan
        secret_values = values_of(step.manifest.body for step in plan.steps if step.manifest)
        run = _Run(planned, terms, secret_values, self._pulse(terms))
        for batch in _batches(plan.changes):
            if run.has_failed:
                run.add([Outcome(step, skipped=True) for step in batch])
                continue
            terms.renew()
            unmet = self._await_needs(batch, run)
            outcomes = self._send_batch(tuple(step for step in batch if step.ref not in unmet), terms)
            outcomes = self.await_needs.established(outcomes)
            outcomes += [
                Outcome(step, error=unmet[step.ref], can_retry=True) for step in batch if step.ref in unmet
            ]
            outcomes = [_without_secrets(outcome, secret_values) for outcome in outcomes]
            run.add(outcomes)
            self._tell(outcomes)
        return run.outcomes

    def _pulse(self, terms: Terms) -> Pulse:
        clock = self.await_needs.await_health.clock
        renewed: list[datetime] = [clock.now()]

        def pulse() -> bool:
            if clock.now() - renewed[0] >= _SIGN_OF_LIFE:
                renewed[0] = clock.now()
                terms.renew()
            return terms.is_overtaken()

        return pulse

    def _await_needs(self, batch: tuple[Step, ...], run: _Run) -> dict[ObjectRef, str]:
        """Why steps of a batch cannot be done: what they need is not healthy, or not gone."""
        needs = {step.ref: run.needs_of(step) for step in batch}
        wanted = {one.ref: one for found in needs.values() for one in found}
        if not wanted:
            return {}
        if batch[0].action is Action.PRUNE:
            unmet = self.await_needs.gone(wanted.values(), within=run.terms.within, pulse=run.pulse)
        else:
            sought = [one for one in wanted.values() if not await_needs.is_current(run.live.get(one.ref))]
            unmet = self.await_needs.healthy(
                sought, within=run.terms.within, pulse=run.pulse, secret_values=run.secret_values
            )
        return {
            ref: f"it waits for {missing[0].ref}: {unmet[missing[0].ref]}"
            for ref, found in needs.items()
            if (missing := [one for one in found if one.ref in unmet])
        }

    def _send_batch(self, batch: tuple[Step, ...], terms: Terms) -> list[Outcome]:
        def do(step: Step) -> Outcome:
            return self._do(step, terms)

        if self.workers <= 1 or len(batch) <= 1:
            return [do(step) for step in batch]
        with ThreadPoolExecutor(min(self.workers, len(batch)), thread_name_prefix="apply") as pool:
            return list(pool.map(do, batch))

    def _do(self, step: Step, terms: Terms) -> Outcome:
        try:
            if step.action in _SENT:
                return Outcome(step, self.cluster.send(step, force=terms.force))
            self._delete(step)
        except Overtaken:
            raise  # nothing more may be sent
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

    def _tell(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            step = outcome.step
            facts = {"object": str(step.ref), "action": step.action.value, "why": step.reason}
            if outcome.error:
                text = f"{step.ref}: {step.action} failed: {outcome.error}"
                self.reporter.tell(Event(text, Level.ERROR, facts | {"error": outcome.error}))
            else:
                self.reporter.tell(Event(f"{step.ref}: {step.action}", Level.INFO, facts, key="apply"))


@dataclass
class _Run:
    """What was done so far, and what is live as far as it is known."""

    planned: Planned
    terms: Terms
    secret_values: frozenset[str]
    pulse: Pulse
    done: dict[ObjectRef, Outcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.live: dict[ObjectRef, LiveObject] = dict(self.planned.live)
        self._steps = {step.ref: step for step in self.planned.plan.steps}
        self._workloads = [
            step for step in self._steps.values() if step.manifest and health.is_waited_for(step.ref)
        ]

    def add(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self.done[outcome.step.ref] = outcome
            if outcome.live:
                self.live[outcome.step.ref] = outcome.live

    @property
    def has_failed(self) -> bool:
        return any(outcome.error for outcome in self.done.values())

    def needs_of(self, step: Step) -> tuple[Step, ...]:
        """What a step waits for: what it names, and the workloads of all explicit waves before its own."""
        named = tuple(self._steps[ref] for ref in step.needs if ref in self._steps)
        if step.action is Action.PRUNE:
            return named
        return (*named, *(one for one in self._workloads if one.group < step.group))

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """One for each step, in the plan's order."""
        return tuple(
            self.done.get(step.ref) or Outcome(step, self.planned.live.get(step.ref))
            for step in self.planned.plan.steps
        )


def _batches(steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    """The steps turn by turn, a turn's in parts of bounded size. Deletes come in turns of their own, after all sends."""
    for _, group in groupby(sorted(steps, key=lambda step: step.turn), key=lambda step: step.turn):
        members = tuple(group)
        for start in range(0, len(members), _BATCH):
            yield members[start : start + _BATCH]


def _without_secrets(outcome: Outcome, values: frozenset[str]) -> Outcome:
    if not outcome.error:
        return outcome
    text = scrub(outcome.error, values)
    return Outcome(outcome.step, outcome.live, error=text, can_retry=outcome.can_retry)
