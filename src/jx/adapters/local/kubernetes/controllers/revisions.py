"""ControllerRevisions: the templates that a StatefulSet or DaemonSet had, for `kubectl rollout history` and `undo`."""

from __future__ import annotations

from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.controllers.cluster import CONTROLLER_REVISIONS, Cluster
from jx.adapters.local.kubernetes.controllers.owners import adopt
from jx.adapters.local.kubernetes.types.facts import Obj

HASH_LABEL = "controller-revision-hash"


def ensure_current(cluster: Cluster, owner: Obj) -> Obj:
    """The revision of the owner's template of now, made or moved to the top where needed."""
    template = owner["spec"]["template"]
    data = {"spec": {"template": {**template, "$patch": "replace"}}}
    adopt(cluster, owner, CONTROLLER_REVISIONS)
    known = cluster.cache.children(owner, CONTROLLER_REVISIONS)
    latest = max((int(each["revision"]) for each in known), default=0)
    same = next((each for each in known if each.get("data") == data), None)
    if same is not None:
        if int(same["revision"]) < latest:
            same = cluster.patch(CONTROLLER_REVISIONS, same, {"revision": latest + 1})
        return same
    suffix = objects.short_hash(template)
    made = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"{objects.name_of(owner)}-{suffix}",
            "namespace": objects.namespace_of(owner),
            "labels": {
                **((template.get("metadata") or {}).get("labels") or {}),
                "controller.kubernetes.io/hash": suffix,
            },
            "ownerReferences": [objects.controller_reference(owner)],
        },
        "data": data,
        "revision": latest + 1,
    }
    return cluster.create(CONTROLLER_REVISIONS, made)


def remove_history(cluster: Cluster, owner: Obj, *, used: set[str]) -> None:
    """Delete the oldest revisions above the limit, but none that is used (by name)."""
    limit = int(owner["spec"].get("revisionHistoryLimit", 10))
    known = cluster.cache.children(owner, CONTROLLER_REVISIONS)
    idle = sorted(
        (each for each in known if objects.name_of(each) not in used), key=lambda each: int(each["revision"])
    )
    for each in idle[: max(0, len(idle) - limit)]:
        cluster.delete(CONTROLLER_REVISIONS, each)


def label(pod: Obj) -> str:
    """The revision that a pod was made from, as its label has it."""
    return objects.labels_of(pod).get(HASH_LABEL, "")
