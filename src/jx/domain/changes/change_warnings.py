"""Change warnings: what a reviewer has to see before all else: deletions, data at stake, downtime, definitions of kinds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jx.domain.applying import replacing
from jx.domain.applying.applying import Action, ApplyPlan, LiveObject, Step
from jx.domain.ledger.diffing import sides
from jx.domain.objects.manifests import Body, ObjectRef

_SHOWN = 20
"""How many objects a warning names."""

_RUNNING = frozenset(
    {
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("apps", "DaemonSet"),
        ("apps", "ReplicaSet"),
        ("", "Pod"),
    }
)
_ROUTES = frozenset({("", "Service"), ("networking.k8s.io", "Ingress")})

Live = Mapping[ObjectRef, LiveObject]


Bodies = Mapping[ObjectRef, Body]
_NOTHING: Bodies = {}


def find_warnings(
    plan: ApplyPlan, live: Live, protected: Iterable[str] = (), sent: Bodies = _NOTHING
) -> tuple[tuple[str, str], ...]:
    """What and which objects, gravest first. `protected` are further kinds that hold data (`Kind`, `Kind.group`); `sent` is what
    objects were last sent as, as far as that is known."""
    kinds = frozenset(protected)
    found = (
        ("Deletes", [f"`{step.ref}`" for step in plan.steps if step.action is Action.PRUNE]),
        ("Data at stake", list(_data(plan, live, kinds))),
        ("Downtime", list(_downtime(plan, live, sent))),
        ("Definitions of kinds (CRDs), for the whole cluster", list(_definitions(plan, live))),
    )
    return tuple((what, _listed(items)) for what, items in found if items)


def _listed(items: list[str]) -> str:
    left = len(items) - _SHOWN
    return "; ".join(items[:_SHOWN]) + (f"; and {left} more" if left > 0 else "")


def _data(plan: ApplyPlan, live: Live, protected: frozenset[str]) -> Iterator[str]:
    """What goes with its data, and what would, were it not kept."""
    verbs = {Action.PRUNE: "is deleted", Action.REPLACE: "is deleted and made anew"}
    for step in plan.steps:
        there = live.get(step.ref)
        what = replacing.takes_data_along(step.ref, there.body, protected) if there else ""
        if what and step.action in verbs:
            yield f"`{step.ref}` {verbs[step.action]}, with {what}"
        elif what and step.action is Action.KEEP:
            yield f"`{step.ref}` is kept: {step.reason}"


def _downtime(plan: ApplyPlan, live: Live, sent: Bodies) -> Iterator[str]:
    for step in plan.changes:
        there = live.get(step.ref)
        why = _why_down(step, there, sent.get(step.ref)) if there else ""
        if why:
            yield f"`{step.ref}` {why}"


def _why_down(step: Step, live: LiveObject, sent: Body | None) -> str:
    """Why nothing may answer for a while; empty where pods are replaced one after the other, or none is."""
    kind = (step.ref.group, step.ref.kind)
    if kind not in _RUNNING | _ROUTES:
        return ""
    if step.action in {Action.PRUNE, Action.REPLACE}:
        return "goes for good" if step.action is Action.PRUNE else "is gone until it is made anew"
    old, new = (_spec(body) for body in sides(step, live, sent))
    whole = _spec(step.manifest.body) if step.manifest else {}
    wanted = whole.get("replicas", _spec(live.body).get("replicas", 1))
    if wanted == 0:
        return "is scaled to nothing" if old.get("replicas", 1) != 0 else ""
    return _why_restarted(kind[1], whole, wanted) if old.get("template") != new.get("template") else ""


def _why_restarted(kind: str, spec: Body, replicas: Any) -> str:
    if kind == "Deployment" and (spec.get("strategy") or {}).get("type") == "Recreate":
        return "stops all its pods before new ones start (strategy Recreate)"
    is_by_hand = (spec.get("updateStrategy") or {}).get("type") == "OnDelete"
    if kind == "StatefulSet" and replicas == 1 and not is_by_hand:
        return "restarts its only pod"
    if kind == "DaemonSet" and not is_by_hand:
        return "restarts its pod on each node, one node after the other"
    return ""


def _definitions(plan: ApplyPlan, live: Live) -> Iterator[str]:
    for step in plan.changes:
        if step.ref.kind != "CustomResourceDefinition":
            continue
        there = live.get(step.ref)
        before = _versions(there.body) if there else []
        after = _versions(step.manifest.body) if step.manifest else []
        gone = [one for one in before if one not in after]
        lost = f", which loses version {', '.join(gone)}" if gone and step.action is not Action.PRUNE else ""
        yield f"{step.action.value} `{step.ref}`{lost}"


def _versions(body: Body) -> list[str]:
    return [str(one.get("name")) for one in _spec(body).get("versions") or () if isinstance(one, Mapping)]


def _spec(body: Body) -> Mapping[str, Any]:
    spec = body.get("spec")
    return spec if isinstance(spec, Mapping) else {}
