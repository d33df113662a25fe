"""Send a plan: turn by turn, as decided, and say what came of each step. The only place that changes a cluster's objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import groupby

from jx.domain.applying import conflicts
from jx.domain.applying.applying import Action, HookOutcome, LiveObject, Outcome, Step, sends_of
from jx.domain.applying.field_ownership import YIELDER
from jx.domain.errors import Conflict, JxError, Overtaken, Retryable, Unavailable
from jx.domain.events import Event, Level
from jx.domain.ledger import ledger
from jx.domain.objects import error_texts, health
from jx.domain.objects.manifests import Manifest, ObjectRef
from jx.domain.objects.membership import PART_OF, labels_of
from jx.domain.objects.ordering import Wave
from jx.ports.cluster import Cluster
from jx.ports.reporter import Reporter
from jx.usecases.applying import await_needs
from jx.usecases.applying.await_needs import AwaitNeeds, Pulse
from jx.usecases.applying.delete_object import DeleteObject
from jx.usecases.applying.run_hooks import HookTerms, RunHooks
from jx.usecases.planning.plan_environment import Planned

_BATCH = 512
"""Steps whose outcomes are told together."""

_PATIENCE = 3
"""Where so many requests got no good answer, the server is gone, and the others need not find that out one by one."""

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
class Sent:
    """What came of a sending: an outcome for each step and each hook, in the plan's order."""

    outcomes: tuple[Outcome, ...]
    hooks: tuple[HookOutcome, ...] = ()


@dataclass(frozen=True, slots=True)
class SendPlan:
    """An error ends the turn it is in and keeps later ones from starting; nothing is pruned unless everything was sent. Hooks run
    around it: those before it once namespaces and CRDs are there, since they may need them."""

    cluster: Cluster
    await_needs: AwaitNeeds
    reporter: Reporter
    workers: int = 32
    """Requests in flight: as many as a server far away needs to be kept busy. What is too much it says itself (429)."""

    def __call__(self, planned: Planned, terms: Terms) -> Sent:
        """Do what was planned. What fails is in the outcomes; what stops the apply as a whole is raised."""
        plan = planned.plan
        secret_values = plan.secret_values
        run = _Run(planned, terms, secret_values, self._pulse(terms))
        try:
            self._do_all(run)
        except JxError as error:
            error.tell_before(f"before that: {run.so_far}")
            raise
        return Sent(run.outcomes, tuple(run.hooks.values()))

    def _do_all(self, run: _Run) -> None:
        for batch in _batches(run.planned.plan.changes):
            if not _is_early(batch[0]):
                self._run_hooks(run, is_before=True)
            if run.has_failed:
                run.add([Outcome(step, skipped=True) for step in batch])
                continue
            run.terms.renew()
            outcomes = [
                _without_secrets(outcome, run.secret_values) for outcome in self._do_batch(batch, run)
            ]
            run.add(outcomes)
            self._tell(outcomes)
        self._run_hooks(run, is_before=True)
        self._run_hooks(run, is_before=False)

    @property
    def delete(self) -> DeleteObject:
        """How objects are deleted."""
        return DeleteObject(self.cluster)

    def _run_hooks(self, run: _Run, *, is_before: bool) -> None:
        due = [step for step in run.planned.plan.hooks if step.is_before is is_before]
        due = [step for step in due if (step.phase, step.ref) not in run.hooks]
        if not due:
            return
        if run.has_failed:
            run.add_hooks(HookOutcome(step, is_skipped=True) for step in due)
            return
        run.terms.renew()
        terms = HookTerms(run.planned.plan.environment, run.terms.within, run.pulse, run.secret_values)
        run.add_hooks(RunHooks(self.cluster, self.await_needs, self.reporter)(due, terms))

    def _do_batch(self, batch: tuple[Step, ...], run: _Run) -> list[Outcome]:
        unmet = self._await_needs(batch, run)
        outcomes = self._send_batch(tuple(step for step in batch if step.ref not in unmet), run)
        outcomes = self.await_needs.established(outcomes)
        return outcomes + [
            Outcome(step, error=unmet[step.ref], can_retry=True) for step in batch if step.ref in unmet
        ]

    @staticmethod
    def _pulse(terms: Terms) -> Pulse:
        def pulse() -> bool:
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

    def _send_batch(self, batch: tuple[Step, ...], run: _Run) -> list[Outcome]:
        def do(step: Step) -> Outcome:
            return self._do(step, run)

        if self.workers <= 1 or len(batch) <= 1:
            return [do(step) for step in batch]
        with ThreadPoolExecutor(min(self.workers, len(batch)), thread_name_prefix="apply") as pool:
            return list(pool.map(do, batch))

    def _do(self, step: Step, run: _Run) -> Outcome:
        if run.unanswered >= _PATIENCE:
            return Outcome(step, skipped=True)
        try:
            if step.action in _SENT:
                return Outcome(step, self._send(step, run))
            self.delete(step, is_ours=lambda body: PART_OF in labels_of(body))
        except Overtaken:
            raise  # nothing more may be sent
        except JxError as error:
            run.unanswered += isinstance(error, Unavailable)
            text = error.message + (f" ({error.hint})" if error.hint else "")
            return Outcome(step, error=text, can_retry=isinstance(error, Retryable))
        return Outcome(step)

    def _send(self, step: Step, run: _Run) -> LiveObject:
        """Send an object, or the halves of it; what is given up is held by our co-owner first, what is stiff is deleted first."""
        if step.held is not None:
            holder = Manifest(step.ref, step.api_version, step.held)
            self.cluster.send(replace(step, manifest=holder, manager=YIELDER, held=None, absorbs=()))
        if step.action is Action.REPLACE:
            self._remove(step, run)
            parts = replace(step.parts, is_first=True) if step.parts else None
            step = replace(step, uid="", resource_version="", parts=parts)
        *first, last = sends_of(step)
        for part in first:
            self._send_part(part, run)
        return self._send_part(last, run)

    def _send_part(self, step: Step, run: _Run) -> LiveObject:
        try:
            return self.cluster.send(step, force=run.terms.force)
        except Conflict as conflict:
            if conflicts.may_take(step.ref, conflict, run.planned.rules):
                return self.cluster.send(step, force=True)
            assert step.manifest is not None
            raise conflicts.explain(step.manifest, run.planned.live.get(step.ref), conflict) from conflict

    def _remove(self, step: Step, run: _Run) -> None:
        """A kill after this is finished by the next apply, which finds the object missing."""
        self.delete(step, is_ours=lambda _: True)
        missing = self.await_needs.gone((step,), within=run.terms.within, pulse=run.pulse)
        if missing:
            raise Unavailable(f"it cannot be made anew: {missing[step.ref]}")

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
    hooks: dict[tuple[str, ObjectRef], HookOutcome] = field(default_factory=dict)
    """By phase and object."""
    unanswered: int = 0
    """Requests that got no good answer although they were tried again."""

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

    def add_hooks(self, outcomes: Iterable[HookOutcome]) -> None:
        for outcome in outcomes:
            self.hooks[outcome.step.phase, outcome.step.ref] = outcome

    @property
    def has_failed(self) -> bool:
        return any(one.error for one in self.done.values()) or any(one.error for one in self.hooks.values())

    @property
    def so_far(self) -> str:
        """What was done and what is left, in numbers."""
        left = sum(step.ref not in self.done for step in self.planned.plan.changes)
        done = ledger.summarize(tuple(self.done.values()), tuple(self.hooks.values()))
        return f"{done if self.done or self.hooks else 'nothing was sent'}; {left} not done or not known"

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


def _is_early(step: Step) -> bool:
    """Whether a step comes before the hooks that run before everything else."""
    return step.ref.kind in {"Namespace", "CustomResourceDefinition"} and step.wave <= Wave.DEFINITIONS


def _batches(steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    """The steps turn by turn, a turn's in parts of bounded size. Deletes come in turns of their own, after all sends."""
    for _, group in groupby(sorted(steps, key=lambda step: step.turn), key=lambda step: step.turn):
        members = tuple(group)
        for start in range(0, len(members), _BATCH):
            yield members[start : start + _BATCH]


def _without_secrets(outcome: Outcome, values: frozenset[str]) -> Outcome:
    if not outcome.error:
        return outcome
    text = error_texts.cleaned(outcome.error, outcome.step.manifest, values)
    return Outcome(outcome.step, outcome.live, error=text, can_retry=outcome.can_retry)
