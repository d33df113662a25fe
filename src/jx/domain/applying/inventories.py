"""Inventories: what we applied, as the anchor keeps it. Widened before an apply sends anything, narrowed after it."""

from __future__ import annotations

from jx.domain.applying.applying import Action, ApplyPlan, InventoryItem, LiveObject, Outcome, Step, body_hash
from jx.domain.applying.field_ownership import observed_digest
from jx.domain.applying.planning import NOT_OURS_ANY_MORE
from jx.domain.objects.secret_parts import SECRETS_MANAGER


def widen(inventory: tuple[InventoryItem, ...], plan: ApplyPlan) -> tuple[InventoryItem, ...]:
    """With everything that the plan is about to send: after a crash nothing is left behind that no record names."""
    known = {item.ref for item in inventory}
    meant = tuple(
        InventoryItem(step.ref, step.api_version, uid="", sent="", observed="")
        for step in plan.steps
        if step.manifest and step.ref not in known
    )
    return (*inventory, *meant)


def narrow(before: tuple[InventoryItem, ...], outcomes: tuple[Outcome, ...]) -> tuple[InventoryItem, ...]:
    """What is ours after an apply. `before` is the inventory before it was widened.

    What failed may have been done nevertheless, so it stays on record. What is gone, or is not ours any more, leaves.
    """
    items = {item.ref: item for item in before}
    after = (_after(items.get(outcome.step.ref), outcome) for outcome in outcomes)
    return tuple(sorted((item for item in after if item is not None), key=lambda item: item.ref))


def _after(item: InventoryItem | None, outcome: Outcome) -> InventoryItem | None:
    step = outcome.step
    is_done = not outcome.error and not outcome.skipped
    match step.action:
        case Action.UNCHANGED:
            return item
        case Action.KEEP:
            return None if step.reason in NOT_OURS_ANY_MORE else item
        case Action.PRUNE:
            return None if is_done else item
    if is_done and step.manifest and outcome.live:
        return InventoryItem(
            step.ref,
            step.api_version,
            uid=outcome.live.uid,
            sent=step.sent or body_hash(step.parts.own if step.parts else step.manifest.body),
            observed=observed_digest(outcome.live.body, outcome.live.uid),
            **_of_secrets(item, step, outcome.live),
        )
    if outcome.error and item is None:
        return InventoryItem(step.ref, step.api_version, uid="", sent="", observed="")
    return item


def _of_secrets(item: InventoryItem | None, step: Step, live: LiveObject) -> dict[str, str]:
    """What is known of the half that comes from secrets; as it was where the values were not to be had."""
    if step.parts is None:
        return {}
    if step.parts.secret is None:
        return {
            "secret_sent": item.secret_sent if item else "",
            "secret_observed": item.secret_observed if item else "",
            "marked": item.marked if item else "",
        }
    return {
        "secret_sent": body_hash(step.parts.secret),
        "secret_observed": observed_digest(live.body, live.uid, manager=SECRETS_MANAGER),
        "marked": step.manifest.marked if step.manifest else "",
    }
