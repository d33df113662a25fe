"""The life of namespaces: what each is furnished with, and how it is emptied before it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from jx.adapters.local.kubernetes.calls.admission import NAMESPACES
from jx.adapters.local.kubernetes.calls.requests import DeleteOptions, Request
from jx.adapters.local.kubernetes.errors import ApiError
from jx.adapters.local.kubernetes.lifecycles import namespace_conditions
from jx.adapters.local.kubernetes.store import Change, Collection, Stored
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.writes.verbs import Verbs

INITIAL = ("default", "kube-system", "kube-public", "kube-node-lease")
_MANAGER = "kube-controller-manager"
_ACCOUNTS = ("", "serviceaccounts")
_CONFIGS = ("", "configmaps")
_ROOT_CA = "kube-root-ca.crt"
_ROOT_CA_NOTE = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the"
    " internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes"
    " clusters."
)


class Namespaces:
    """A reactor. `authority` gives the PEM text of the server's CA ("" before there is one)."""

    def __init__(self, verbs: Verbs, authority: Callable[[], str]) -> None:
        self._verbs = verbs
        self._authority = authority

    def resume(self) -> None:
        """Make what every cluster has, and finish what a crash left undone."""
        served = self._verbs.registry.get("", "namespaces")
        for name in INITIAL:
            if self._verbs.store.find(NAMESPACES, ("", name)) is None:
                obj: Obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
                self._verbs.create(Request(served, manager="kube-apiserver"), obj)
        for stored in self._verbs.store.entries(NAMESPACES):
            self._tend(stored.obj)

    def react(self, change: Change) -> None:
        if change.collection == NAMESPACES:
            if change.type != "DELETED":
                self._tend(change.new.obj)
            return
        namespace, name = change.key
        if change.type != "DELETED" or not namespace:
            return
        parent = self._verbs.store.find(NAMESPACES, ("", namespace))
        if parent is None:
            return
        if "deletionTimestamp" in parent.obj["metadata"]:
            self._finalize(namespace)
        elif (change.collection, name) in ((_ACCOUNTS, "default"), (_CONFIGS, _ROOT_CA)):
            self._furnish(namespace)

    def _tend(self, namespace: Obj) -> None:
        name = namespace["metadata"]["name"]
        if "deletionTimestamp" not in namespace["metadata"]:
            self._furnish(name)
        elif namespace["spec"].get("finalizers"):
            self._empty(name)

    def _furnish(self, namespace: str) -> None:
        store = self._verbs.store
        if store.find(_ACCOUNTS, (namespace, "default")) is None:
            self._create("serviceaccounts", namespace, {"metadata": {"name": "default"}})
        authority = self._authority()
        bundle = store.find(_CONFIGS, (namespace, _ROOT_CA))
        if not authority or (bundle and bundle.obj.get("data") == {"ca.crt": authority}):
            return
        if bundle:
            self._verbs.delete(self._request("configmaps", namespace, _ROOT_CA), DeleteOptions())
            return
        meta = {"name": _ROOT_CA, "annotations": {"kubernetes.io/description": _ROOT_CA_NOTE}}
        self._create("configmaps", namespace, {"metadata": meta, "data": {"ca.crt": authority}})

    def _create(self, plural: str, namespace: str, obj: Obj) -> None:
        request = self._request(plural, namespace, "")
        resource = request.served.resource
        self._verbs.create(request, {"apiVersion": resource.api_version, "kind": resource.kind, **obj})

    def _request(self, plural: str, namespace: str, name: str) -> Request:
        served = self._verbs.registry.get("", plural)
        return Request(served, namespace=namespace, name=name, manager=_MANAGER)

    def _empty(self, namespace: str) -> None:
        for collection in self._verbs.store.collections():
            for stored in self._verbs.store.entries(collection, namespace):
                meta = stored.obj["metadata"]
                if "deletionTimestamp" in meta:
                    continue
                served = self._verbs.registry.of_collection(collection)
                request = Request(served, namespace=namespace, name=meta["name"], manager=_MANAGER)
                try:
                    self._verbs.delete(request, DeleteOptions(propagation="Background"))
                except ApiError as error:
                    if error.status != 404:
                        raise
        self._finalize(namespace)

    def _finalize(self, namespace: str) -> None:
        """Let a namespace go that holds nothing any more; say of another what holds it."""
        store = self._verbs.store
        live = store.find(NAMESPACES, ("", namespace))
        if live is None:
            return
        left = {
            collection: entries
            for collection in store.collections()
            if (entries := store.entries(collection, namespace))
        }
        if left or live.obj["metadata"].get("finalizers"):
            self._tell(namespace, live.obj, left)
        if not left and live.obj["spec"].get("finalizers"):
            request = replace(self._request("namespaces", "", namespace), subresource="finalize")
            self._verbs.rewrite(request, lambda found: {**found, "spec": {**found["spec"], "finalizers": []}})

    def _tell(self, namespace: str, live: Obj, left: Mapping[Collection, Sequence[Stored]]) -> None:
        found = namespace_conditions.of_remaining(left)
        before = (live.get("status") or {}).get("conditions") or []
        conditions = namespace_conditions.merged(before, found, self._verbs.now())
        if conditions == before:
            return
        request = replace(self._request("namespaces", "", namespace), subresource="status")
        self._verbs.rewrite(
            request, lambda obj: {**obj, "status": {**(obj.get("status") or {}), "conditions": conditions}}
        )
