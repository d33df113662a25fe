"""Events: what a person finds under `kubectl describe`."""

from __future__ import annotations

import collections
import contextlib
import itertools
from collections.abc import Iterable

from jx.adapters.local.kubernetes.api import ApiError, WatchEvent
from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.controllers.cluster import EVENTS, Cluster, Place, which
from jx.adapters.local.kubernetes.types.facts import Obj

KEPT_SECONDS = 3600.0
REMEMBERED = 2000


class Recorder:
    """Writes Events of one component; a repeated one is counted instead of written again."""

    def __init__(self, cluster: Cluster, component: str) -> None:
        self._cluster = cluster
        self._component = component
        self._known: collections.OrderedDict[tuple[str, str, str], Obj] = collections.OrderedDict()
        self._numbers = itertools.count(int(cluster.now() * 1_000_000))

    def normal(self, obj: Obj, reason: str, message: str, *, field: str = "") -> None:
        self._record(obj, "Normal", reason, message, field)

    def warning(self, obj: Obj, reason: str, message: str, *, field: str = "") -> None:
        self._record(obj, "Warning", reason, message, field)

    def _record(self, obj: Obj, kind: str, reason: str, message: str, field: str) -> None:
        involved = {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "name": objects.name_of(obj),
            "namespace": objects.namespace_of(obj),
            "uid": objects.uid_of(obj),
            "resourceVersion": obj["metadata"].get("resourceVersion", ""),
            "fieldPath": field,
        }
        now = self._cluster.timestamp()
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "namespace": objects.namespace_of(obj) or "default",
                "name": f"{objects.name_of(obj)}.{next(self._numbers):x}",
            },
            "involvedObject": {key: value for key, value in involved.items() if value},
            "type": kind,
            "reason": reason,
            "message": message,
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": self._component, "host": objects.NODE_NAME},
            "reportingComponent": self._component,
            "reportingInstance": "",
        }
        # A namespace that ends takes no events, and a webhook that fails closed refuses them: they never stop the work.
        with contextlib.suppress(ApiError):
            self._write(self._key(involved, event), event)

    def _write(self, key: tuple[str, str, str], event: Obj) -> None:
        known = self._known.pop(key, None)
        if known is not None:
            again = {"count": known.get("count", 1) + 1, "lastTimestamp": event["lastTimestamp"]}
            try:
                event = self._cluster.patch(EVENTS, known, again)
            except ApiError as error:
                if error.status not in (404, 409, 422):
                    raise
                event = self._cluster.create(EVENTS, event)
        else:
            event = self._cluster.create(EVENTS, event)
        self._known[key] = event
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    @staticmethod
    def _key(involved: Obj, event: Obj) -> tuple[str, str, str]:
        return (str(involved.get("uid", "")), str(event.get("reason", "")), str(event.get("message", "")))


class Expiry:
    """Removes Events an hour after they were last seen, whoever wrote them."""

    name = "events"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def keys(self, event: WatchEvent) -> Iterable[Place]:
        if which(event) == EVENTS and event.type == "ADDED":
            yield (objects.namespace_of(event.obj), objects.name_of(event.obj))

    def reconcile(self, namespace: str, name: str) -> float | None:
        try:
            event = self._cluster.api.get(self._cluster.resource(EVENTS), namespace, name)
        except ApiError as error:
            if error.status != 404:
                raise
            return None
        seen = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
        wait = objects.seconds_of(seen) + KEPT_SECONDS - self._cluster.now()
        if wait > 0:
            return wait
        self._cluster.delete(EVENTS, event)
        return None
