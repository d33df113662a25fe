"""Claims and volumes are not taken away from under those who use them; new nodes get no pods before they are ready."""

from __future__ import annotations

from typing import Final

from jx.adapters.local.kubernetes.calls.admission import Operation
from jx.adapters.local.kubernetes.calls.requests import Request
from jx.adapters.local.kubernetes.store import Change, Collection
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.writes.verbs import Verbs

_CLAIMS: Final[Collection] = ("", "persistentvolumeclaims")
_VOLUMES: Final[Collection] = ("", "persistentvolumes")
_PODS: Final[Collection] = ("", "pods")
_NODES: Final[Collection] = ("", "nodes")
_FINALIZERS: Final = {
    _CLAIMS: "kubernetes.io/pvc-protection",
    _VOLUMES: "kubernetes.io/pv-protection",
}
_NOT_READY: Final = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


class NodeTaints:
    """An admission plugin: a new node is not ready."""

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        if operation != "CREATE" or request.served.collection != _NODES or request.subresource:
            return new
        taints = (new.get("spec") or {}).get("taints") or []
        if any(_NOT_READY.items() <= taint.items() for taint in taints):
            return new
        return {**new, "spec": {**(new.get("spec") or {}), "taints": [*taints, dict(_NOT_READY)]}}


class StorageProtection:
    """An admission plugin that holds claims and volumes, and a reactor that lets them go once nobody uses them."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        finalizer = _FINALIZERS.get(request.served.collection)
        meta = new["metadata"]
        if operation != "CREATE" or finalizer is None or finalizer in (meta.get("finalizers") or ()):
            return new
        return {**new, "metadata": {**meta, "finalizers": [*(meta.get("finalizers") or ()), finalizer]}}

    def resume(self) -> None:
        """Let go what a crash left held."""
        for collection in _FINALIZERS:
            for stored in self._verbs.store.entries(collection):
                self._release(collection, stored.obj)

    def react(self, change: Change) -> None:
        if change.collection in _FINALIZERS:
            if change.type != "DELETED":
                self._release(change.collection, change.new.obj)
        elif change.collection == _PODS:
            for claim in self._verbs.store.entries(_CLAIMS, change.key[0]):
                if "deletionTimestamp" in claim.obj["metadata"]:
                    self._release(_CLAIMS, claim.obj)

    def _release(self, collection: Collection, obj: Obj) -> None:
        meta, finalizer = obj["metadata"], _FINALIZERS[collection]
        if "deletionTimestamp" not in meta or finalizer not in (meta.get("finalizers") or ()):
            return
        if self._is_used(collection, obj):
            return
        served = self._verbs.registry.of_collection(collection)
        request = Request(served, meta.get("namespace", ""), meta["name"], manager="kube-controller-manager")
        if self._verbs.store.find(collection, request.key):
            self._verbs.rewrite(request, lambda live: _without(live, finalizer))

    def _is_used(self, collection: Collection, obj: Obj) -> bool:
        if collection == _VOLUMES:
            return (obj.get("status") or {}).get("phase") == "Bound"
        name = obj["metadata"]["name"]
        return any(
            (volume.get("persistentVolumeClaim") or {}).get("claimName") == name
            for pod in self._verbs.store.entries(_PODS, obj["metadata"]["namespace"])
            if (pod.obj.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
            for volume in pod.obj["spec"].get("volumes") or ()
        )


def _without(obj: Obj, finalizer: str) -> Obj:
    left = [one for one in obj["metadata"].get("finalizers") or () if one != finalizer]
    return {**obj, "metadata": {**obj["metadata"], "finalizers": left}}
