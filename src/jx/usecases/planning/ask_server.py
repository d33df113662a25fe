"""Ask the server: what it says to each change of a plan, by dry runs. Nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from jx.domain.applying import conflicts
from jx.domain.applying.applying import Action, ApplyPlan, Outcome, Step, sends_of
from jx.domain.errors import Conflict, JxError
from jx.domain.objects import error_texts
from jx.ports.cluster import Cluster
from jx.usecases.planning.plan_environment import Planned

_SENT = frozenset({Action.CREATE, Action.UPDATE, Action.TAKE_OVER})


@dataclass(frozen=True, slots=True)
class AskServer:
    """Admission, quotas, field names, other managers: what only the server knows. It cannot be asked of objects in a namespace,
    or of a kind, that the plan itself brings."""

    cluster: Cluster
    workers: int = 8
    """Requests in flight."""

    def __call__(self, planned: Planned, *, force: bool) -> tuple[Outcome, ...]:
        """An outcome for each step, in the plan's order; skipped where the server was not asked."""
        brought = _Brought.by(planned.plan)

        def ask(step: Step) -> Outcome:
            return self._ask(step, planned, brought, force=force)

        with ThreadPoolExecutor(self.workers, thread_name_prefix="ask") as pool:
            return tuple(pool.map(ask, planned.plan.steps))

    def _ask(self, step: Step, planned: Planned, brought: _Brought, *, force: bool) -> Outcome:
        live = planned.live.get(step.ref)
        if step.action not in _SENT or brought.has(step):
            return Outcome(step, live, skipped=True)
        try:
            for part in sends_of(step):
                self._send(part, planned, force=force)
        except JxError as error:
            text = error.message + (f" ({error.hint})" if error.hint else "")
            return Outcome(
                step, live, error=error_texts.cleaned(text, step.manifest, planned.plan.secret_values)
            )
        return Outcome(step, live)

    def _send(self, step: Step, planned: Planned, *, force: bool) -> None:
        try:
            self.cluster.send(step, dry_run=True, force=force)
        except Conflict as conflict:
            if conflicts.may_take(step.ref, conflict, planned.rules):
                return
            assert step.manifest is not None
            raise conflicts.explain(step.manifest, planned.live.get(step.ref), conflict) from conflict


@dataclass(frozen=True, slots=True)
class _Brought:
    """What is not there before the plan is done."""

    namespaces: frozenset[str]
    kinds: frozenset[tuple[str, str]]

    @classmethod
    def by(cls, plan: ApplyPlan) -> _Brought:
        made = [step for step in plan.steps if step.action is Action.CREATE and step.manifest]
        names = frozenset(step.ref.name for step in made if step.ref.kind == "Namespace")
        specs = [step.manifest.body.get("spec") for step in made if step.manifest and _is_definition(step)]
        return cls(names, frozenset(_kind_of(spec) for spec in specs if isinstance(spec, Mapping)))

    def has(self, step: Step) -> bool:
        return step.ref.namespace in self.namespaces or (step.ref.group, step.ref.kind) in self.kinds


def _is_definition(step: Step) -> bool:
    return step.ref.kind == "CustomResourceDefinition"


def _kind_of(spec: Mapping[str, object]) -> tuple[str, str]:
    names = spec.get("names")
    return str(spec.get("group", "")), str(names.get("kind", "")) if isinstance(names, Mapping) else ""
