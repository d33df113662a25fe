"""Who manages what: keys of owners from events, and the adoption of orphans that a selector names."""

from __future__ import annotations

from collections.abc import Iterable

from jx.adapters.local.kubernetes.api import WatchEvent
from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.controllers.cluster import Cluster, Place, Which, which
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.types.selectors import matches_label_selector


def owners_of(event: WatchEvent, own: Which, kind: str, children: Which) -> Iterable[Place]:
    """The changed object itself where it is of the owner's kind, or its controller where it is a child."""
    if which(event) == own:
        yield (objects.namespace_of(event.obj), objects.name_of(event.obj))
    elif which(event) == children:
        for obj in (event.obj, event.old):
            reference = objects.controller_of(obj) if obj else None
            if obj and reference and reference["kind"] == kind:
                yield (objects.namespace_of(obj), reference["name"])


def adopt(cluster: Cluster, owner: Obj, kind: Which) -> None:
    """Become the controller of objects without one that the owner's selector names."""
    selector = owner["spec"].get("selector")
    for obj in cluster.cache.all(kind, objects.namespace_of(owner)):
        if objects.controller_of(obj) is not None or objects.is_deleting(obj):
            continue
        if objects.status_of(obj).get("phase") in objects.TERMINAL_PHASES:
            continue
        if matches_label_selector(selector, objects.labels_of(obj)):
            references = [
                *(obj["metadata"].get("ownerReferences") or []),
                objects.controller_reference(owner),
            ]
            cluster.patch(kind, obj, {"metadata": {"ownerReferences": references}})
