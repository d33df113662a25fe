"""How an object goes: preconditions, grace, finalizers and what shall become of its dependents."""

from __future__ import annotations

from datetime import datetime, timedelta

from jx.adapters.local.kubernetes.calls.requests import DeleteOptions, Request
from jx.adapters.local.kubernetes.definitions import definition_names
from jx.adapters.local.kubernetes.errors import conflict
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.writes.metadata import timestamp

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"

# These leave their dependents alone unless told otherwise, as they did before there was garbage collection.
_ORPHANING = frozenset({("", "ReplicationController"), ("batch", "Job")})
_DEFINITION = ("apiextensions.k8s.io", "CustomResourceDefinition")


def check_preconditions(request: Request, live: Obj, options: DeleteOptions) -> None:
    """409 where the object is another one, or a newer state, than the caller means."""
    resource, meta = request.served.resource, live["metadata"]
    if request.served.collection == ("", "namespaces"):
        _check_namespace(request, meta, options)
    if options.uid and options.uid != meta["uid"]:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({meta['uid']})."
            " The object might have been deleted and then recreated"
        )
        raise conflict(resource.group, resource.kind, request.name, why)
    if options.resource_version and options.resource_version != meta["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match the ResourceVersion"
            f" in record ({meta['resourceVersion']}). The object might have been modified"
        )
        raise conflict(resource.group, resource.kind, request.name, why)


def _check_namespace(request: Request, meta: Obj, options: DeleteOptions) -> None:
    """Namespaces have words of their own for the same."""
    for what, wanted, found in (
        ("UID", options.uid, meta["uid"]),
        ("ResourceVersion", options.resource_version, meta["resourceVersion"]),
    ):
        if wanted and wanted != found:
            why = f"Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {found}"
            raise conflict("", "namespaces", request.name, why)


def is_held(obj: Obj) -> bool:
    """Whether an object that is marked for deletion has to stay for now."""
    meta = obj["metadata"]
    if meta.get("finalizers") or meta.get("deletionGracePeriodSeconds"):
        return True
    return obj["kind"] == "Namespace" and obj["apiVersion"] == "v1" and bool(obj["spec"].get("finalizers"))


def marked(request: Request, live: Obj, options: DeleteOptions, now: datetime) -> Obj:
    """The object as a delete leaves it: marked as terminating where something holds it, or where its kind goes with grace.

    An object that is as it was goes at once, unless it `is_held`.
    """
    meta = dict(live["metadata"])
    kind = (request.served.resource.group, request.served.resource.kind)
    finalizers = _finalizers(kind, live, options)
    if finalizers:
        meta["finalizers"] = finalizers
    else:
        meta.pop("finalizers", None)
    obj = {**live, "metadata": meta}
    if "deletionTimestamp" in meta:
        _shorten(meta, options, now)
        return obj
    grace = _grace_seconds(live, options) if kind == ("", "Pod") else 0
    if kind != ("", "Pod") and not is_held(obj):
        return live
    if "generation" in meta and kind != _DEFINITION:
        meta["generation"] += 1
    meta["deletionTimestamp"] = timestamp(now + timedelta(seconds=grace))
    if kind == ("", "Namespace"):
        obj["status"] = {**(live.get("status") or {}), "phase": "Terminating"}
    elif kind == _DEFINITION:
        _mark_definition(obj, timestamp(now))
    else:
        meta["deletionGracePeriodSeconds"] = grace
    return obj


def _mark_definition(obj: Obj, now: str) -> None:
    """Definitions have no grace, and say that their objects are next."""
    text = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    pending = definition_names.condition("Terminating", "InstanceDeletionPending", text, holds=True)
    obj["status"] = definition_names.with_condition(obj.get("status") or {}, pending, now)


def _shorten(meta: Obj, options: DeleteOptions, now: datetime) -> None:
    """Whoever deletes what is going already may only ask for less grace."""
    before, wanted = meta.get("deletionGracePeriodSeconds") or 0, options.grace_seconds
    if not before or wanted is None or wanted >= before:
        return
    wanted = max(wanted, 0) if wanted >= 0 else 1
    end = datetime.fromisoformat(meta["deletionTimestamp"]) + timedelta(seconds=wanted - before)
    if end < now:
        end, wanted = now, min(wanted, 1)
    meta["deletionTimestamp"] = timestamp(end)
    meta["deletionGracePeriodSeconds"] = wanted


def _grace_seconds(pod: Obj, options: DeleteOptions) -> int:
    spec, phase = pod.get("spec") or {}, (pod.get("status") or {}).get("phase")
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    grace = options.grace_seconds
    if grace is None:
        grace = spec.get("terminationGracePeriodSeconds", 30)
    return grace if grace >= 0 else 1


def _finalizers(kind: tuple[str, str], live: Obj, options: DeleteOptions) -> list[str]:
    finalizers = list(live["metadata"].get("finalizers") or ())
    propagation = options.propagation
    if not propagation and not {ORPHAN, FOREGROUND} & set(finalizers) and kind in _ORPHANING:
        propagation = "Orphan"
    if propagation:
        finalizers = [name for name in finalizers if name not in (ORPHAN, FOREGROUND)]
    if propagation == "Orphan":
        finalizers.append(ORPHAN)
    elif propagation == "Foreground":
        finalizers.append(FOREGROUND)
    if kind == _DEFINITION and CLEANUP not in finalizers:
        finalizers.append(CLEANUP)
    return finalizers
