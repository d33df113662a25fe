"""Hooks: what Helm runs around an install or upgrade. Which of them run, in which order, and what becomes of them afterwards.

An app's hooks run when something of that app changes, not when an apply finds nothing to do or only heals what somebody else
changed; an app that is new in its environment is installed, whatever else is there already. The anchor remembers that a run has
begun, so that after a crash the next apply runs them again, and what they left in the cluster: hooks are no part of the inventory
and are never pruned, but replaced when they run again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum

from jx.domain.applying.applying import (
    ApplyPlan,
    DeletePolicy,
    HookOutcome,
    HookRecord,
    HookStep,
    InventoryItem,
    LiveObject,
)
from jx.domain.charts import apps as apps_of_charts
from jx.domain.names import EnvironmentName
from jx.domain.objects import health, membership, ordering
from jx.domain.objects.health import Health, State
from jx.domain.objects.manifests import Body, Hook, Manifest, ObjectRef

HOOK = "helm.sh/hook"
CRD_INSTALL = "crd-install"
"""Helm 2's way to bring CRDs before there was `crds/`: such objects are applied like all others."""


class Occasion(StrEnum):
    """Why hooks run: which of Helm's phases are meant."""

    INSTALL = "install"
    UPGRADE = "upgrade"


def app_of(manifest: Manifest, known: Iterable[str]) -> str:
    """The app whose chart an object came from; empty for the environment's own templates."""
    return apps_of_charts.app_of(manifest.source, known)


def is_run(hook: Hook) -> bool:
    """Whether an apply ever runs it: tests, rollbacks and deletes are of no apply."""
    return any(phase.rpartition("-")[2] in set(Occasion) for phase in hook.phases)


def find_occasions(
    record: HookRecord,
    digests: Iterable[tuple[str, str]],
    *,
    changed: frozenset[str],
    installed: frozenset[str],
) -> dict[str, Occasion]:
    """The apps whose hooks run, and why. `changed` are apps of which something is rendered otherwise than it was applied."""
    pending, seen = dict(record.pending), dict(record.seen)
    found: dict[str, Occasion] = {}
    for app, digest in digests:
        if app in pending:
            found[app] = Occasion(pending[app])
        elif app not in installed:
            found[app] = Occasion.INSTALL
        elif app in changed or seen.get(app, digest) != digest:
            found[app] = Occasion.UPGRADE
    return found


def choose(
    hooks: Iterable[Hook],
    occasions: Mapping[str, Occasion],
    *,
    apps: Iterable[str],
    shown: Mapping[ObjectRef, str],
) -> tuple[HookStep, ...]:
    """The hooks of the apps that there is an occasion for, in the order in which they run: before, then after; by weight, then as
    Helm's install order has their kinds, then by name. `shown` are the hashes of what a reviewer may see."""
    known = frozenset(apps)
    steps = []
    for hook in hooks:
        app = app_of(hook.manifest, known)
        occasion = occasions.get(app)
        steps += [
            HookStep(
                phase, hook.manifest, hook.weight, policies_of(hook), shown.get(hook.manifest.ref, ""), app
            )
            for phase in (f"pre-{occasion}", f"post-{occasion}")
            if phase in hook.phases
        ]
    return tuple(
        sorted(
            steps,
            key=lambda step: (not step.is_before, step.weight, ordering.rank_of(step.ref), step.ref.name),
        )
    )


def policies_of(hook: Hook) -> frozenset[DeletePolicy]:
    """What is said, or Helm's default; words that Helm does not know count for nothing."""
    known = {policy.value: policy for policy in DeletePolicy}
    said = frozenset(known[name] for name in hook.delete_policies if name in known)
    return said or frozenset({DeletePolicy.BEFORE})


def digests_of(
    hooks: Iterable[Hook], *, apps: Iterable[str], shown: Mapping[ObjectRef, str]
) -> tuple[tuple[str, str], ...]:
    """By app, what tells hooks that changed from hooks that ran already. Hooks that nobody runs here (tests, rollbacks) play no
    part."""
    known = frozenset(apps)
    rows: dict[str, list[str]] = {}
    for hook in hooks:
        ref = hook.manifest.ref
        rows.setdefault(app_of(hook.manifest, known), []).extend(
            f"{phase} {hook.weight} {ref} {shown.get(ref, '')}"
            for phase in hook.phases
            if phase.rpartition("-")[2] in set(Occasion)
        )
    return tuple(
        (app, hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()[:16])
        for app, found in sorted(rows.items())
        if found
    )


def begin(record: HookRecord, plan: ApplyPlan) -> HookRecord:
    """The record before anything is done: what is about to run. A run that a crash ended is begun again by the next apply."""
    return replace(record, pending=tuple(sorted({step.app: step.occasion for step in plan.hooks}.items())))


def end(
    record: HookRecord, plan: ApplyPlan, outcomes: tuple[HookOutcome, ...], *, is_applied: bool
) -> HookRecord:
    """The record after an apply, from that before it. Nothing is seen unless all went well."""
    items = {item.ref: item for item in record.left}
    for outcome in outcomes:
        if outcome.is_skipped:
            continue
        items.pop(outcome.step.ref, None)
        if outcome.left:
            items[outcome.step.ref] = _item(outcome.step, outcome.left)
    left = tuple(items[ref] for ref in sorted(items))
    if not is_applied:
        return replace(begin(record, plan), left=left)
    return HookRecord((), plan.hook_digests, left)


def _item(step: HookStep, live: LiveObject) -> InventoryItem:
    return InventoryItem(step.ref, step.manifest.api_version, uid=live.uid, sent="", observed="")


def judge(body: Body) -> Health:
    """How far a hook is: a pod has to run to its end, unlike a pod that serves."""
    found = health.assess(body)
    is_serving = body.get("kind") == "Pod" and (body.get("status") or {}).get("phase") == "Running"
    if is_serving and found.state is State.CURRENT:
        return Health(State.IN_PROGRESS, "it runs")
    return found


def is_replaceable(body: Body, environment: EnvironmentName) -> bool:
    """Whether a live object may make way for a hook of its name: it is of a hook itself, or ours."""
    return (
        membership.labels_of(body).get(membership.HOOK_OF) == environment
        or HOOK in membership.annotations_of(body)
        or membership.is_member(body, environment)
    )


def find_namesakes(
    steps: Iterable[HookStep], live: Mapping[ObjectRef, LiveObject], environment: EnvironmentName
) -> tuple[tuple[ObjectRef, str], ...]:
    """Objects that a hook would have to replace and may not, with the reason in words."""
    found = {step.ref: live[step.ref] for step in steps if step.ref in live}
    return tuple(
        (ref, "somebody who made it without a hook of this name")
        for ref, one in found.items()
        if not is_replaceable(one.body, environment)
    )
