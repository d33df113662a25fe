"""What a claim or an Ingress is given from the classes of its cluster, and what a class lets a claim become."""

from __future__ import annotations

from typing import Final

from jx.adapters.local.kubernetes.calls.admission import Operation
from jx.adapters.local.kubernetes.calls.requests import Request
from jx.adapters.local.kubernetes.errors import forbidden
from jx.adapters.local.kubernetes.store import Collection, Store
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import quantities

_CLAIMS: Final[Collection] = ("", "persistentvolumeclaims")
_STORAGE: Final[Collection] = ("storage.k8s.io", "storageclasses")
_INGRESSES: Final[Collection] = ("networking.k8s.io", "ingresses")
_INGRESS_CLASSES: Final[Collection] = ("networking.k8s.io", "ingressclasses")
_DEFAULT_STORAGE: Final = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_DEFAULT_INGRESS: Final = ("ingressclass.kubernetes.io/is-default-class",)
_OLD_STORAGE: Final = "volume.beta.kubernetes.io/storage-class"
_OLD_INGRESS: Final = "kubernetes.io/ingress.class"


class DefaultClasses:
    """An admission plugin: what names no class gets the default one, where the cluster has one."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        if operation != "CREATE" or request.subresource:
            return new
        if request.served.collection == _CLAIMS:
            return self._with_class(new, "storageClassName", _OLD_STORAGE, _STORAGE, _DEFAULT_STORAGE)
        if request.served.collection == _INGRESSES:
            return self._with_class(new, "ingressClassName", _OLD_INGRESS, _INGRESS_CLASSES, _DEFAULT_INGRESS)
        return new

    def _with_class(
        self, new: Obj, field: str, annotation: str, classes: Collection, marks: tuple[str, ...]
    ) -> Obj:
        spec = new.get("spec") or {}
        if spec.get(field) is not None or annotation in (new["metadata"].get("annotations") or {}):
            return new
        found = [stored.obj["metadata"] for stored in self._store.entries(classes)]
        marked = [
            meta
            for meta in found
            if any((meta.get("annotations") or {}).get(mark) == "true" for mark in marks)
        ]
        if not marked:
            return new
        # Of several the newest; of those the first by name.
        newest = max(meta["creationTimestamp"] for meta in marked)
        name = min(meta["name"] for meta in marked if meta["creationTimestamp"] == newest)
        return {**new, "spec": {**spec, field: name}}


class ClaimGrowth:
    """A judge: a claim grows only while it is bound, and by a class that lets it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def judge(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> None:
        if request.served.collection != _CLAIMS or request.subresource or operation != "UPDATE" or not old:
            return
        if quantities.parse(_size(new)) <= quantities.parse(_size(old)):
            return
        why = ""
        if (old.get("status") or {}).get("phase") != "Bound":
            why = "Only bound persistent volume claims can be expanded"
        elif not self._may_grow(_class_of(new), _class_of(old)):
            why = (
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc"
                " must support resize"
            )
        if why:
            raise forbidden("", "persistentvolumeclaims", request.name, why)

    def _may_grow(self, now: str, before: str) -> bool:
        found = self._store.find(_STORAGE, ("", now)) if now and now == before else None
        return found is not None and bool(found.obj.get("allowVolumeExpansion"))


def _size(claim: Obj) -> str:
    amount: str = ((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage", "0")
    return amount


def _class_of(claim: Obj) -> str:
    noted = (claim["metadata"].get("annotations") or {}).get(_OLD_STORAGE)
    return noted or claim["spec"].get("storageClassName") or ""
