"""The embedded API in process: what the HTTP server, the controllers and tests call."""

from __future__ import annotations

from builtins import list as list_of
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from jx.adapters.local.kubernetes.access.accounts import Accounts
from jx.adapters.local.kubernetes.access.escalation import EscalationCheck
from jx.adapters.local.kubernetes.access.pki import Pki
from jx.adapters.local.kubernetes.access.rbac import Authorizer, CreateCheck
from jx.adapters.local.kubernetes.admission.class_defaults import ClaimGrowth, DefaultClasses
from jx.adapters.local.kubernetes.admission.limits import LimitDefaults, Limits
from jx.adapters.local.kubernetes.admission.pod_admission import (
    PodAccounts,
    PodPriorities,
    PodRuntimes,
    PodTolerations,
)
from jx.adapters.local.kubernetes.admission.policies import MutatingPolicies, ValidatingPolicies
from jx.adapters.local.kubernetes.admission.quotas import Quotas
from jx.adapters.local.kubernetes.admission.webhooks import (
    MutatingWebhooks,
    ValidatingWebhooks,
    Webhooks,
)
from jx.adapters.local.kubernetes.calls import admission
from jx.adapters.local.kubernetes.calls.drafts import Draft, attempt
from jx.adapters.local.kubernetes.calls.requests import DeleteOptions, Request
from jx.adapters.local.kubernetes.errors import ApiError
from jx.adapters.local.kubernetes.lifecycles import furniture
from jx.adapters.local.kubernetes.lifecycles.crds import DefinitionRules, Definitions
from jx.adapters.local.kubernetes.lifecycles.garbage import GarbageCollector
from jx.adapters.local.kubernetes.lifecycles.namespaces import Namespaces
from jx.adapters.local.kubernetes.lifecycles.protection import NodeTaints, StorageProtection
from jx.adapters.local.kubernetes.registry import Registry, Served
from jx.adapters.local.kubernetes.store import Change, ChangeType, Store, Stored
from jx.adapters.local.kubernetes.types import conversions
from jx.adapters.local.kubernetes.types.facts import Obj, Resource
from jx.adapters.local.kubernetes.views.logs import LogSource
from jx.adapters.local.kubernetes.views.reading import Selection, select
from jx.adapters.local.kubernetes.writes import bindings
from jx.adapters.local.kubernetes.writes.services import ServiceAddresses
from jx.adapters.local.kubernetes.writes.verbs import Clock, Verbs, Written, utc_now

__all__ = ["Api", "ApiError", "LogSource", "Obj", "Resource", "WatchEvent"]


@dataclass(frozen=True)
class WatchEvent:
    """One committed change. `obj` is the new object (the last one for DELETED), `old` the one before; never change them."""

    type: ChangeType
    resource: Resource
    obj: Obj
    old: Obj | None


class Api:
    """All verbs, thread-safe by one lock; the caller is all-mighty (RBAC is checked by the HTTP server).

    Returned objects are the caller's own copies. Every refusal is an `ApiError` with the real server's code,
    reason and message. Subresources are `status`, and for pods `binding` is a write of `spec.nodeName`.
    """

    def __init__(self, directory: Path | None = None, *, clock: Clock = utc_now) -> None:
        """Open the state in `directory` (made when missing); everything stays in memory for None."""
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._store = Store(directory / "state.db" if directory else None)
        self.verbs = Verbs(self._store, Registry(), clock=clock)
        self.pki = Pki.open(directory / "pki" if directory else None, clock())
        self.accounts = Accounts(self.verbs, self.pki)
        self.authorizer = Authorizer(self._store)
        self.service_addresses = ServiceAddresses(self._store)
        """Its `allocate` may be replaced before the first Service is made."""
        self.log_source: LogSource | None = None
        protection = StorageProtection(self.verbs)
        self.verbs.plugins += [
            admission.NamespaceLifecycle(self._store),
            DefinitionRules(self._store),
            PodAccounts(self._store),
            PodTolerations(),
            PodPriorities(self._store),
            PodRuntimes(self._store),
            LimitDefaults(self._store),
            NodeTaints(),
            DefaultClasses(self._store),
            protection,
            MutatingPolicies(),
        ]
        self.webhooks = Webhooks(self._store, self.verbs.registry)
        """Its `is_played` may be replaced by who runs pods."""
        self.verbs.plugins += [
            MutatingWebhooks(self.webhooks, self.verbs.shape, tuple(self.verbs.plugins)),
            EscalationCheck(self.authorizer),
            self.service_addresses,
        ]
        quotas = Quotas(self.verbs)
        self.verbs.judges += [
            CreateCheck(self.authorizer),
            Limits(self._store),
            ClaimGrowth(self._store),
            ValidatingPolicies(self._store, self.verbs.registry),
            ValidatingWebhooks(self.webhooks),
            quotas,
        ]
        definitions = Definitions(self.verbs)
        with self.verbs.operation():
            # Custom resources are served before anything looks at their objects.
            definitions.resume()
            garbage = GarbageCollector(self.verbs)
            namespaces = Namespaces(self.verbs, lambda: self.pki.authority_pem)
            self.verbs.reactors += [definitions.react, garbage.react, namespaces.react, self.accounts.react]
            self.verbs.reactors += [self.authorizer.react, quotas.react, protection.react]
            garbage.resume()
            namespaces.resume()
            self.authorizer.furnish(self.verbs)
            furniture.furnish(self.verbs)
            quotas.resume()
            protection.resume()

    @staticmethod
    def open(directory: Path | None) -> Api:
        """The API on the state in `directory` (made when missing); in memory only for None."""
        return Api(directory)

    def close(self) -> None:
        """Close the store; later calls fail."""
        with self.verbs.operation():
            self._store.close()

    def resource(self, group: str, plural_or_kind: str, version: str = "") -> Resource:
        """The resource of that plural or kind (the preferred version by default); ApiError 404 if not served."""
        return self.verbs.registry.get(group, plural_or_kind, version).resource

    def get(self, resource: Resource, namespace: str, name: str) -> Obj:
        return self._copy(resource, self.verbs.get(self._request(resource, namespace, name)))

    def list(
        self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list_of[Obj]:
        """The objects by name, of all namespaces for ""; selectors as in kubectl's `-l` and `--field-selector`."""
        selection = Selection.parse(namespace, labels, fields)
        collection = conversions.collection_of((resource.group, resource.plural))
        with self.verbs.operation():
            found = select(self._store.entries(collection, namespace), selection)
        return [self._copy(resource, stored) for stored in found]

    def create(self, resource: Resource, namespace: str, obj: Obj, *, manager: str) -> Obj:
        request = self._request(resource, namespace, "", manager=manager)
        return self._result(resource, attempt(lambda: self.verbs.create(request, _own(obj))))

    def update(
        self, resource: Resource, namespace: str, name: str, obj: Obj, *, subresource: str = "", manager: str
    ) -> Obj:
        """PUT: 409 on a resourceVersion that is not the newest (none given: unconditional)."""
        request = self._request(resource, namespace, name, manager=manager, subresource=subresource)
        return self._result(resource, attempt(lambda: self.verbs.update(request, _own(obj))))

    def merge(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Obj,
        *,
        subresource: str = "",
        manager: str,
    ) -> Obj:
        """A JSON merge patch."""
        request = self._request(resource, namespace, name, manager=manager, subresource=subresource)
        return self._result(resource, attempt(lambda: self.verbs.patch(request, "merge", _own(patch))))

    def bind(self, namespace: str, name: str, node: str) -> Obj:
        """Give a pod to a node; 409 where it has one."""
        resource = self.resource("", "pods")
        request = self._request(resource, namespace, name, subresource="binding")
        now = self.verbs.now()
        return self._result(
            resource, self.verbs.overwrite(request, lambda pod: bindings.bound(pod, node, now))
        )

    def apply(  # noqa: PLR0913 - the options that a server-side apply has
        self,
        resource: Resource,
        namespace: str,
        name: str,
        obj: Obj,
        *,
        manager: str,
        force: bool = False,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Obj:
        """Server-side apply; 409 with the causes where other managers own what would change."""
        request = self._request(resource, namespace, name, manager=manager, subresource=subresource)
        request = replace(request, dry_run=dry_run)
        return self._result(resource, attempt(lambda: self.verbs.apply(request, _own(obj), force=force)))

    def delete(  # noqa: PLR0913 - the options that a delete has
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: str = "",
        grace_seconds: int | None = None,
    ) -> Obj:
        """Remove, or mark as terminating where finalizers (or a pod's grace) hold it; gives the last object.

        A pod bound to a node is only marked; the node removes it with `grace_seconds=0` once its processes ended.
        """
        options = DeleteOptions(uid, resource_version, propagation, grace_seconds)
        request = self._request(resource, namespace, name)
        return _own(attempt(lambda: self.verbs.delete(request, options)).obj)

    def subscribe(self, listener: Callable[[WatchEvent], None]) -> Callable[[], None]:
        """Hear every committed change, in order, under the lock (be quick, do not call back); gives the unsubscribe."""

        def hear(change: Change) -> None:
            resource = self.verbs.registry.of_collection(change.collection).resource
            listener(
                WatchEvent(change.type, resource, change.new.obj, change.old.obj if change.old else None)
            )

        with self.verbs.operation():
            self.verbs.listeners.append(hear)
        return lambda: self.verbs.listeners.remove(hear)

    def token_for(self, namespace: str, serviceaccount: str) -> str:
        """A bearer token for a ServiceAccount, good until it (or its namespace) is deleted."""
        return self.accounts.token_for(namespace, serviceaccount)

    def token_for_run(self, pod: Obj) -> str:
        """A bearer token for the ServiceAccount of a pod that is good until this very pod has ended or is deleted."""
        return self.accounts.token_for_run(pod)

    def _served(self, resource: Resource) -> Served:
        served = self.verbs.registry.find(resource.group, resource.version, resource.plural)
        return served or self.verbs.registry.get(resource.group, resource.plural, resource.version)

    def _request(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        manager: str = "unknown",
        subresource: str = "",
    ) -> Request:
        return Request(self._served(resource), namespace, name, subresource, manager=manager, draft=Draft())

    def _copy(self, resource: Resource, stored: Stored) -> Obj:
        head = {"kind": resource.kind, "apiVersion": stored.obj["apiVersion"]}
        obj = {**head, **orjson.loads(stored.body)}
        served = self.verbs.registry.find(resource.group, resource.version, resource.plural)
        # A definition may be gone with the last of its objects.
        return served.as_version(obj) if served else {**obj, "apiVersion": resource.api_version}

    def _result(self, resource: Resource, written: Written) -> Obj:
        return self._copy(resource, written.stored)


def _own(obj: Obj) -> Obj:
    """A copy that shares nothing with the caller's object."""
    copy: Obj = orjson.loads(orjson.dumps(obj))
    if not isinstance(copy.get("metadata"), dict):
        copy["metadata"] = {}
    return copy
