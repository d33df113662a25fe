"""Watchdogs: when an apply needs one, what it is told, and what it decides from what it sees.

A watchdog is started before an apply of the dev environment changes what CI/CD needs. If the new state does not prove itself in
time, it brings the last verified one back: never to any other, never twice, and then there is a hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jx.domain.applying.applying import Anchor, ApplyPlan, Hold, LiveObject, Step
from jx.domain.charts import apps as apps_of_charts
from jx.domain.charts.apps import OLD_PLATFORM_CHART, PLATFORM_CHART
from jx.domain.environments.holds import RESCUE
from jx.domain.errors import Refused
from jx.domain.ledger.ledger import is_by_platform
from jx.domain.names import EnvironmentName
from jx.domain.objects.manifests import ObjectRef
from jx.domain.objects.membership import labels_of

NAME = "watchdog"
"""Who applies, for anchor and ledger."""


class Phase(StrEnum):
    """Where a watchdog stands."""

    STARTING = "starting"
    WATCHING = "watching"
    STOOD_DOWN = "stood down"
    RETURNING = "returning"
    RETURNED = "returned"
    STUCK = "stuck"


DONE = frozenset({Phase.STOOD_DOWN, Phase.RETURNED, Phase.STUCK})


@dataclass(frozen=True, slots=True)
class Orders:
    """What a watchdog is told before the apply begins."""

    number: str
    """Tells one watchdog from the next."""
    environment: EnvironmentName
    tree_digest: str
    """Of the files that are about to be applied."""
    deadline: timedelta
    good: str
    """Plan digest of the last verified state: where it goes back to, and nowhere else."""
    good_at: datetime
    """When that was verified: a later time means that something was verified since."""
    applied_at: datetime | None
    """When the last apply before this one ended."""
    hold: Hold
    """What it holds after it went back."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A watchdog's record."""

    orders: Orders
    phase: Phase = Phase.STARTING
    words: str = ""
    since: datetime | None = None
    """When it began to watch, by its own clock."""
    version: str = ""
    """For compare-and-swap. Opaque."""


class Verdict(StrEnum):
    """What is to be done now."""

    WAIT = "wait"
    STAND_DOWN = "stand down"
    RETURN = "return"


def decide(watch: Watch, anchor: Anchor | None, now: datetime) -> tuple[Verdict, str]:
    """What a watchdog does, and why. `anchor` is None where it cannot be read."""
    orders = watch.orders
    is_over = watch.since is not None and now - watch.since >= orders.deadline
    late = f"it did not prove itself within {orders.deadline.total_seconds():.0f} s"
    if anchor is None:
        return (Verdict.RETURN, late) if is_over else (Verdict.WAIT, "")
    if anchor.verified and anchor.verified.at > orders.good_at:
        return Verdict.STAND_DOWN, f"the new state is verified ({anchor.verified.version or 'no platform'})"
    if any(hold.kind == RESCUE and hold.since > orders.hold.since for hold in anchor.holds):
        return Verdict.STAND_DOWN, "a person has taken over"
    applied = anchor.applied
    is_other = applied is not None and applied.at != orders.applied_at
    if is_other and applied and applied.source.tree_digest != orders.tree_digest and _is_by_hand(applied.by):
        return Verdict.STAND_DOWN, "a person has applied something else"
    if not is_over:
        return Verdict.WAIT, ""
    if not is_other and not anchor.is_begun:
        return Verdict.STAND_DOWN, "nothing was changed"
    return Verdict.RETURN, late


def _is_by_hand(by: str) -> bool:
    return by != NAME and not is_by_platform(by)


_GATES = {
    "ValidatingAdmissionPolicyBinding": 0,
    "MutatingAdmissionPolicyBinding": 0,
    "ValidatingAdmissionPolicy": 1,
    "MutatingAdmissionPolicy": 1,
    "ValidatingWebhookConfiguration": 2,
    "MutatingWebhookConfiguration": 2,
    "ResourceQuota": 3,
    "LimitRange": 3,
    "CustomResourceDefinition": 4,
    "ClusterRole": 5,
    "Role": 5,
    "ClusterRoleBinding": 6,
    "RoleBinding": 6,
}
"""What can keep everything else from being put right, in the order in which it comes back."""

_AROUND = frozenset({"ResourceQuota", "LimitRange", "NetworkPolicy"})
"""What reaches every pod of its namespace."""

_EVERYWHERE = frozenset(kind for kind, rank in _GATES.items() if rank <= 2) | {"APIService", "PriorityClass"}
"""What reaches every request to the API server."""


def gate_of(ref: ObjectRef) -> int | None:
    """In which turn an object comes back before all others; None for the rest."""
    return _GATES.get(ref.kind)


def list_needed(plan: ApplyPlan, live: Mapping[ObjectRef, LiveObject]) -> tuple[ObjectRef, ...]:
    """The objects that CI/CD needs and that a plan changes."""
    charts = {PLATFORM_CHART, OLD_PLATFORM_CHART}
    keys = tuple(pin.key for pin in plan.charts)
    platform = {pin.key for pin in plan.charts if pin.name in charts}

    def is_needed(step: Step) -> bool:
        kind, there = step.ref.kind, live.get(step.ref)
        if kind in _EVERYWHERE or (kind in _AROUND and step.ref.namespace == plan.namespace):
            return True
        if step.manifest and apps_of_charts.app_of(step.manifest.source, keys) in platform:
            return True
        name = labels_of(there.body).get("app.kubernetes.io/name", "") if there else ""
        return name in charts

    return tuple(step.ref for step in plan.changes if is_needed(step))


class NoWayBack(Refused):
    """A change that could not be taken back by a machine."""


def find_no_way_back(plan: ApplyPlan, live: Mapping[ObjectRef, LiveObject]) -> NoWayBack | None:
    """What a watchdog could not take back: once objects are stored in a version that the old CRD does not know, the old CRD is
    refused; once a Job of the platform has changed data, its objects do not bring the data back."""
    for step in plan.changes:
        there = live.get(step.ref)
        if step.ref.kind != "CustomResourceDefinition" or step.manifest is None or there is None:
            continue
        stored, known = _stored_version(step.manifest.body), _versions(there.body)
        if stored and stored not in known:
            return NoWayBack(
                f"{step.ref} would store objects in version {stored}, which the CRD that is there does not know: there would be"
                " no way back",
                hint=f"first a version of the chart that serves {stored} and does not store it; or a person applies it by hand"
                " (jx step env apply), who then watches over it",
            )
    charts = {PLATFORM_CHART, OLD_PLATFORM_CHART}
    platform = {pin.key for pin in plan.charts if pin.name in charts}
    moves = [step.ref for step in plan.hooks if step.app in platform and step.is_awaited]
    if moves:
        return NoWayBack(
            f"{moves[0]} of the platform's chart runs before or after this upgrade, and what it does to data is not taken back",
            hint="a person applies it by hand (jx step env apply), who then watches over it",
        )
    return None


def _stored_version(body: Mapping[str, object]) -> str:
    return next((str(one["name"]) for one in _list_versions(body) if one.get("storage")), "")


def _versions(body: Mapping[str, object]) -> set[str]:
    return {str(one["name"]) for one in _list_versions(body)}


def _list_versions(body: Mapping[str, object]) -> list[Mapping[str, object]]:
    spec = body.get("spec")
    found = spec.get("versions") if isinstance(spec, Mapping) else None
    return [one for one in found or [] if isinstance(one, Mapping) and "name" in one]
