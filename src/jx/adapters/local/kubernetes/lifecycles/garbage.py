"""Owner references: dependents go with their last owner, before it (foreground), or are let go (orphan)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from jx.adapters.local.kubernetes.calls.requests import DeleteOptions, Request
from jx.adapters.local.kubernetes.store import Change, Collection, Key, Stored
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.writes.deletion import FOREGROUND, ORPHAN
from jx.adapters.local.kubernetes.writes.verbs import Verbs

Place: TypeAlias = tuple[Collection, Key]

_MANAGER = "kube-controller-manager"


@dataclass(frozen=True)
class _Owner:
    uid: str
    blocks: bool


class GarbageCollector:
    """A reactor that keeps the graph of owners and acts on every object that leaves it."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs
        self._dependents: defaultdict[str, set[Place]] = defaultdict(set)
        self._living: dict[str, Place] = {}
        for place, stored in self._everything():
            self._enter(place, stored.obj)

    def resume(self) -> None:
        """Finish what a crash left undone."""
        for place, stored in self._everything():
            self._look_at(place, stored.obj)

    def react(self, change: Change) -> None:
        place = (change.collection, change.key)
        if change.type == "DELETED":
            self._leave(place, change.new.obj)
            return
        before = _owners(change.old.obj) if change.old else ()
        if _owners(change.new.obj) != before:
            for owner in before:
                self._dependents[owner.uid].discard(place)
            self._enter(place, change.new.obj)
        elif change.old is None:
            self._enter(place, change.new.obj)
        elif "deletionTimestamp" not in change.new.obj["metadata"]:
            return
        self._look_at(place, change.new.obj)

    def _everything(self) -> list[tuple[Place, Stored]]:
        store = self._verbs.store
        return [
            ((collection, _key(stored.obj)), stored)
            for collection in store.collections()
            for stored in store.entries(collection)
        ]

    def _enter(self, place: Place, obj: Obj) -> None:
        self._living[obj["metadata"]["uid"]] = place
        for owner in _owners(obj):
            self._dependents[owner.uid].add(place)

    def _leave(self, place: Place, obj: Obj) -> None:
        uid = obj["metadata"]["uid"]
        self._living.pop(uid, None)
        owners = _owners(obj)
        for owner in owners:
            self._dependents[owner.uid].discard(place)
        for dependent in sorted(self._dependents.pop(uid, ())):
            if stored := self._verbs.store.find(*dependent):
                self._drop_if_ownerless(dependent, stored.obj)
        for owner in owners:
            if (above := self._living.get(owner.uid)) and (stored := self._verbs.store.find(*above)):
                self._look_at(above, stored.obj)

    def _look_at(self, place: Place, obj: Obj) -> None:
        meta = obj["metadata"]
        finalizers = meta.get("finalizers") or ()
        if "deletionTimestamp" in meta and ORPHAN in finalizers:
            self._orphan(place, meta["uid"])
        elif "deletionTimestamp" in meta and FOREGROUND in finalizers:
            self._delete_dependents(place, meta["uid"])
        elif meta.get("ownerReferences"):
            self._drop_if_ownerless(place, obj)

    def _drop_if_ownerless(self, place: Place, obj: Obj) -> None:
        meta = obj["metadata"]
        owners = _owners(obj)
        living = {owner.uid for owner in owners if owner.uid in self._living}
        if not owners or len(living) == len(owners) or "deletionTimestamp" in meta:
            return
        request = self._request(place)
        if living:
            references = [ref for ref in meta["ownerReferences"] if ref["uid"] in living]
            self._verbs.rewrite(request, partial(_with, key="ownerReferences", value=references))
            return
        self._verbs.delete(request, DeleteOptions(uid=meta["uid"], propagation="Background"))

    def _orphan(self, place: Place, uid: str) -> None:
        for dependent in sorted(self._dependents.get(uid, ())):
            stored = self._verbs.store.find(*dependent)
            if stored is None:
                continue
            references = [
                ref for ref in stored.obj["metadata"].get("ownerReferences") or () if ref["uid"] != uid
            ]
            request = self._request(dependent)
            self._verbs.rewrite(request, partial(_with, key="ownerReferences", value=references))
        self._release(place, ORPHAN)

    def _delete_dependents(self, place: Place, uid: str) -> None:
        blocking = 0
        for dependent in sorted(self._dependents.get(uid, ())):
            stored = self._verbs.store.find(*dependent)
            if stored is None:
                continue
            blocking += any(owner.uid == uid and owner.blocks for owner in _owners(stored.obj))
            if "deletionTimestamp" in stored.obj["metadata"]:
                continue
            below = self._dependents.get(stored.obj["metadata"]["uid"])
            options = DeleteOptions(propagation="Foreground" if below else "Background")
            deleted = self._verbs.delete(self._request(dependent), options)
            blocking -= deleted.gone and any(
                owner.uid == uid and owner.blocks for owner in _owners(stored.obj)
            )
        if not blocking:
            self._release(place, FOREGROUND)

    def _release(self, place: Place, finalizer: str) -> None:
        stored = self._verbs.store.find(*place)
        if stored is None:
            return
        kept = [name for name in stored.obj["metadata"].get("finalizers") or () if name != finalizer]
        self._verbs.rewrite(self._request(place), partial(_with, key="finalizers", value=kept))

    def _request(self, place: Place) -> Request:
        collection, (namespace, name) = place
        served = self._verbs.registry.of_collection(collection)
        return Request(served, namespace=namespace, name=name, manager=_MANAGER)


def _owners(obj: Obj) -> tuple[_Owner, ...]:
    references = obj["metadata"].get("ownerReferences") or ()
    return tuple(_Owner(ref["uid"], bool(ref.get("blockOwnerDeletion"))) for ref in references)


def _key(obj: Obj) -> Key:
    return (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def _with(obj: Obj, key: str, value: list[Any]) -> Obj:
    meta = {**obj["metadata"], key: value}
    if not value:
        del meta[key]
    return {**obj, "metadata": meta}
