"""What controllers see and do: a current copy of the objects, and writes through the API."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeAlias

from jx.adapters.local.kubernetes.api import Api, ApiError, WatchEvent
from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.types.facts import Obj, Resource

Which: TypeAlias = tuple[str, str]
"""Group and plural of a resource."""

BUDGETS: Which = ("policy", "poddisruptionbudgets")
CONFIG_MAPS: Which = ("", "configmaps")
CONTROLLER_REVISIONS: Which = ("apps", "controllerrevisions")
CRON_JOBS: Which = ("batch", "cronjobs")
DAEMON_SETS: Which = ("apps", "daemonsets")
DEPLOYMENTS: Which = ("apps", "deployments")
ENDPOINTS: Which = ("", "endpoints")
ENDPOINT_SLICES: Which = ("discovery.k8s.io", "endpointslices")
EVENTS: Which = ("", "events")
INGRESSES: Which = ("networking.k8s.io", "ingresses")
JOBS: Which = ("batch", "jobs")
NAMESPACES: Which = ("", "namespaces")
NODES: Which = ("", "nodes")
PODS: Which = ("", "pods")
REPLICA_SETS: Which = ("apps", "replicasets")
SECRETS: Which = ("", "secrets")
SERVICE_ACCOUNTS: Which = ("", "serviceaccounts")
SERVICES: Which = ("", "services")
STATEFUL_SETS: Which = ("apps", "statefulsets")
VOLUME_CLAIMS: Which = ("", "persistentvolumeclaims")
VOLUMES: Which = ("", "persistentvolumes")

CACHED: tuple[Which, ...] = (
    *(
        BUDGETS,
        CONFIG_MAPS,
        CONTROLLER_REVISIONS,
        CRON_JOBS,
        DAEMON_SETS,
        DEPLOYMENTS,
        ENDPOINTS,
        ENDPOINT_SLICES,
    ),
    *(INGRESSES, JOBS, NAMESPACES, NODES, PODS, REPLICA_SETS, SECRETS, SERVICE_ACCOUNTS, SERVICES),
    *(STATEFUL_SETS, VOLUME_CLAIMS, VOLUMES),
)

Place: TypeAlias = tuple[str, str]
"""Namespace ("" for none) and name."""


def which(event: WatchEvent) -> Which:
    return (event.resource.group, event.resource.plural)


class Cache:
    """The cached kinds as the API has them at this moment: its events come before a write returns.

    Objects are shared; whoever wants another one builds it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[Which, dict[Place, Obj]] = {kind: {} for kind in CACHED}
        self._children: dict[str, dict[tuple[Which, Place], None]] = {}
        self._deleted: set[str] | None = set()

    def see(self, event: WatchEvent) -> None:
        kind = which(event)
        if kind not in self._objects:
            return
        with self._lock:
            if event.type == "DELETED":
                self._remove(kind, event.obj)
            else:
                self._put(kind, event.obj)

    def prime(self, kind: Which, found: Iterable[Obj]) -> None:
        """Put in what a list gave while events were already coming."""
        with self._lock:
            for obj in found:
                known = self._objects[kind].get(_place(obj))
                if known is None and objects.uid_of(obj) not in (self._deleted or ()):
                    self._put(kind, obj)

    def primed(self) -> None:
        self._deleted = None

    def get(self, kind: Which, namespace: str, name: str) -> Obj | None:
        with self._lock:
            return self._objects[kind].get((namespace, name))

    def all(self, kind: Which, namespace: str = "") -> list[Obj]:
        with self._lock:
            found = list(self._objects[kind].values())
        return [obj for obj in found if not namespace or objects.namespace_of(obj) == namespace]

    def children(self, owner: Obj, kind: Which) -> list[Obj]:
        """The objects of that kind whose controller is the owner, by name."""
        with self._lock:
            places = [place for of, place in self._children.get(objects.uid_of(owner), ()) if of == kind]
            return [self._objects[kind][place] for place in sorted(places)]

    def _put(self, kind: Which, obj: Obj) -> None:
        place = _place(obj)
        old = self._objects[kind].get(place)
        if old is not None:
            self._forget_owner(kind, old)
        self._objects[kind][place] = obj
        owner = objects.controller_of(obj)
        if owner is not None:
            self._children.setdefault(owner["uid"], {})[(kind, place)] = None

    def _remove(self, kind: Which, obj: Obj) -> None:
        if self._deleted is not None:
            self._deleted.add(objects.uid_of(obj))
        old = self._objects[kind].pop(_place(obj), None)
        if old is not None:
            self._forget_owner(kind, old)

    def _forget_owner(self, kind: Which, obj: Obj) -> None:
        owner = objects.controller_of(obj)
        if owner is not None and owner["uid"] in self._children:
            self._children[owner["uid"]].pop((kind, _place(obj)), None)
            if not self._children[owner["uid"]]:
                del self._children[owner["uid"]]


class Cluster:
    """The API as one component of the cluster uses it, with its cache and its clock.

    Writes raise `ApiError`; a lost race (409) is meant to reach the loop, which looks again.
    """

    def __init__(self, api: Api, manager: str, *, now: Callable[[], float] = time.time) -> None:
        self.api = api
        self.cache = Cache()
        self.now = now
        self._manager = manager
        self._resources: dict[Which, Resource] = {}

    def open(self, listener: Callable[[WatchEvent], None]) -> Callable[[], None]:
        """Fill the cache and hear of every change after it; gives what ends that."""
        self.cache = Cache()

        def see(event: WatchEvent) -> None:
            self.cache.see(event)
            listener(event)

        unsubscribe = self.api.subscribe(see)
        for kind in CACHED:
            self.cache.prime(kind, self.api.list(self.resource(kind)))
        self.cache.primed()
        return unsubscribe

    def resource(self, kind: Which) -> Resource:
        if kind not in self._resources:
            self._resources[kind] = self.api.resource(*kind)
        return self._resources[kind]

    def timestamp(self) -> str:
        return objects.timestamp(self.now())

    def create(self, kind: Which, obj: Obj) -> Obj:
        return self.api.create(self.resource(kind), objects.namespace_of(obj), obj, manager=self._manager)

    def create_missing(self, kind: Which, obj: Obj) -> bool:
        """Whether it was missing and is made now."""
        if self.cache.get(kind, objects.namespace_of(obj), objects.name_of(obj)) is not None:
            return False
        try:
            self.create(kind, obj)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            return False
        return True

    def patch(self, kind: Which, obj: Obj, patch: Obj, *, subresource: str = "") -> Obj:
        """A merge patch of one object; refused when it was replaced by another of its name."""
        guarded = {**patch, "metadata": {**(patch.get("metadata") or {}), "uid": objects.uid_of(obj)}}
        return self.api.merge(
            self.resource(kind),
            objects.namespace_of(obj),
            objects.name_of(obj),
            guarded,
            subresource=subresource,
            manager=self._manager,
        )

    def set_status(self, kind: Which, obj: Obj, status: Obj) -> bool:
        """Write the status where it differs; 409 when the object moved on since it was read."""
        wanted = {key: value for key, value in status.items() if value is not None}
        if wanted == objects.status_of(obj):
            return False
        self.api.update(
            self.resource(kind),
            objects.namespace_of(obj),
            objects.name_of(obj),
            {**obj, "status": wanted},
            subresource="status",
            manager=self._manager,
        )
        return True

    def delete(self, kind: Which, obj: Obj, *, grace_seconds: int | None = None) -> bool:
        """Delete this very object; False where it is gone already."""
        try:
            self.api.delete(
                self.resource(kind),
                objects.namespace_of(obj),
                objects.name_of(obj),
                uid=objects.uid_of(obj),
                propagation="Background",
                grace_seconds=grace_seconds,
            )
        except ApiError as error:
            if error.status != 404 and not (error.status == 409 and error.reason == "Conflict"):
                raise
            return False
        return True


def _place(obj: Obj) -> Place:
    return (objects.namespace_of(obj), objects.name_of(obj))
