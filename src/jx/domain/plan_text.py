"""A plan as text for people: a table with totals, a summary in words, the comment on a pull request."""

from __future__ import annotations

from collections.abc import Mapping

from jx.domain.applying import Action, ApplyPlan, HookStep, LiveObject, Step
from jx.domain.diffing import diff_step
from jx.domain.errors import Refused
from jx.domain.manifests import ObjectRef

_LIMIT = 60_000
"""Characters of a comment: below the limits of all forges."""

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


def plan_comment(
    plan: ApplyPlan,
    live: Mapping[ObjectRef, LiveObject],
    refusals: tuple[Refused, ...],
    versions: tuple[str, ...],
    notes: tuple[str, ...] = (),
) -> str:
    """What a pull request will do to the cluster, in Markdown: warnings first, then totals, then each object's diff, folded."""
    head = [f"### Plan: {totals(plan)}\n"]
    head += [f"> **Note:** {note}\n" for note in notes]
    head += [f"> **Refused:** {refusal.message}\n" for refusal in refusals]
    head += [f"**{line}**\n" for line in versions]
    deleted = [step for step in plan.steps if step.action is Action.PRUNE]
    if deleted:
        head.append(f"\n> **Deletes** {', '.join(str(step.ref) for step in deleted[:20])}\n")
    if plan.hooks:
        head.append(f"\n> **Runs** {', '.join(f'{hook.ref} ({hook.phase})' for hook in plan.hooks[:20])}\n")
    head.append(f"\nPlan `{plan.digest}` for namespace `{plan.namespace}`.\n")
    text = "\n".join(head)
    for step in plan.changes:
        part = _folded(step, live.get(step.ref))
        if len(text) + len(part) > _LIMIT:
            return f"{text}\n… cut here; the whole of it: `jx pr diff`\n"
        text += part
    return text


def _folded(step: Step, live: LiveObject | None) -> str:
    fence = "````"
    return f"\n<details><summary>{step.action} {step.ref}</summary>\n\n{fence}diff\n{diff_step(step, live)}{fence}\n</details>\n"


def version_changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Apps whose version moves, by key: `redis: 1.0.0 → 1.1.0`."""
    lines = []
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old != new:
            lines.append(f"{key}: {old or 'not installed'} → {new or 'removed'}")
    return tuple(lines)
