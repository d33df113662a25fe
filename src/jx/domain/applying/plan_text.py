"""A plan as text for people: a table with totals, and versions that move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jx.domain.applying.applying import Action, ApplyPlan, HookStep, Step

TABLE_HEADER = ("OPERATION", "KIND", "NAME", "NAMESPACE", "WAIT", "WHY")


def table_rows(plan: ApplyPlan, *, all_of_them: bool = False) -> list[tuple[str, ...]]:
    """One row per object that changes (or per object), in the plan's order, hooks where they run; the header is TABLE_HEADER."""
    steps = plan.steps if all_of_them else plan.changes
    rows = [
        (
            step.action.value,
            step.ref.kind,
            step.ref.name,
            step.ref.namespace or "-",
            wait_of(step),
            step.reason,
        )
        for step in steps
    ]
    before, after = (
        [_hook_row(one) for one in plan.hooks if one.is_before is early] for early in (True, False)
    )
    return [*before, *rows, *after]


def _hook_row(hook: HookStep) -> tuple[str, ...]:
    of = f"hook of {hook.app}" if hook.app else "hook"
    return "run", hook.ref.kind, hook.ref.name, hook.ref.namespace or "-", hook.phase, of


def wait_of(step: Step) -> str:
    """What a step waits for beyond the order of kinds: an explicit wave, objects that it depends on; `-` for nothing."""
    wave = [f"wave {step.group}"] if step.group and step.action is not Action.PRUNE else []
    return ", ".join([*wave, *(f"{ref.kind}/{ref.name}" for ref in step.needs)]) or "-"


def totals(plan: ApplyPlan) -> str:
    """`2 to create, 1 to update, 0 to delete, 11 unchanged`."""
    updates = plan.count(Action.UPDATE) + plan.count(Action.TAKE_OVER) + plan.count(Action.REPLACE)
    run = f"{len(plan.hooks)} hook{'' if len(plan.hooks) == 1 else 's'} to run, " if plan.hooks else ""
    kept = f", {plan.count(Action.KEEP)} to keep" if plan.count(Action.KEEP) else ""
    return (
        f"{plan.count(Action.CREATE)} to create, {updates} to update, {plan.count(Action.PRUNE)} to delete{kept}, "
        f"{run}{plan.count(Action.UNCHANGED)} unchanged"
    )


@dataclass(frozen=True, slots=True)
class VersionMove:
    """An app whose version moves; `before` is empty where it is new, `after` where it goes."""

    app: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.app}: {self.before or 'not installed'} → {self.after or 'removed'}"


def version_moves(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[VersionMove, ...]:
    """Apps whose version moves, by key; as text `redis: 1.0.0 → 1.1.0`."""
    moves = (VersionMove(key, before.get(key, ""), after.get(key, "")) for key in sorted({*before, *after}))
    return tuple(one for one in moves if one.before != one.after)
