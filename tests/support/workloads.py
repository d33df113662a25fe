"""A cluster of objects in memory with its controllers, and waits for what they make of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias

from jx.adapters.local.kubernetes.api import Api, ApiError
from jx.adapters.local.kubernetes.controllers.nodes import PodAddresses
from jx.adapters.local.kubernetes.controllers.play import PlaySettings
from jx.adapters.local.kubernetes.controllers.workloads import Settings, Workloads

Obj: TypeAlias = dict[str, Any]

FAST = PlaySettings(ready_after_seconds=0.02, first_restart_seconds=0.02, longest_restart_seconds=0.05)


class World:
    """The API as a test uses it; kinds are written as in manifests."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._changed = threading.Condition()
        self._count = 0
        self.history: list[tuple[str, str, Obj]] = []
        """Every change since the beginning: type, kind, object."""

        def hear(event: Any) -> None:
            with self._changed:
                self.history.append((event.type, event.resource.kind, event.obj))
                self._count += 1
                self._changed.notify_all()

        api.subscribe(hear)

    def apply(self, obj: Obj) -> Obj:
        group, _, version = obj["apiVersion"].rpartition("/")
        resource = self.api.resource(group, obj["kind"], version)
        metadata = obj["metadata"]
        namespace = metadata.get("namespace", "default") if resource.namespaced else ""
        return self.api.apply(resource, namespace, metadata["name"], obj, manager="test", force=True)

    def get(self, kind: str, name: str, namespace: str = "default") -> Obj:
        return self.api.get(self._resource(kind), namespace, name)

    def find(self, kind: str, name: str, namespace: str = "default") -> Obj | None:
        try:
            return self.get(kind, name, namespace)
        except ApiError as error:
            if error.status != 404:
                raise
            return None

    def all(self, kind: str, labels: str = "", namespace: str = "default") -> list[Obj]:
        return self.api.list(self._resource(kind), namespace, labels=labels)

    def delete(
        self, kind: str, name: str, namespace: str = "default", *, propagation: str = "Background"
    ) -> None:
        self.api.delete(self._resource(kind), namespace, name, propagation=propagation)

    def patch(self, kind: str, name: str, patch: Obj) -> Obj:
        return self.api.merge(self._resource(kind), "default", name, patch, manager="test")

    def events(self, name: str) -> list[tuple[str, str]]:
        """Reason and message of what is told about an object."""
        found = self.api.list(self._resource("Event"))
        return [(each["reason"], each["message"]) for each in found if each["involvedObject"]["name"] == name]

    def until(self, holds: Callable[[], Any], seconds: float = 20.0) -> Any:
        """Wait until something holds, looking again after every change; its value then."""
        end = time.monotonic() + seconds
        while True:
            seen = self._count
            value = holds()
            if value:
                return value
            with self._changed:
                while self._count == seen:
                    if not self._changed.wait(end - time.monotonic()):
                        raise AssertionError(f"it still does not hold after {seconds} s")

    def until_status(self, kind: str, name: str, holds: Callable[[Obj], Any]) -> Obj:
        """Wait until the status of an object is as wanted; the object then."""

        def look() -> Obj | None:
            obj = self.find(kind, name)
            return obj if obj is not None and holds(obj.get("status") or {}) else None

        found: Obj = self.until(look)
        return found

    def _resource(self, kind: str) -> Any:
        return self.api.resource(_GROUPS.get(kind, ""), kind)


_GROUPS = {
    **dict.fromkeys(("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ControllerRevision"), "apps"),
    **dict.fromkeys(("Job", "CronJob"), "batch"),
    "EndpointSlice": "discovery.k8s.io",
    "Ingress": "networking.k8s.io",
}


@contextmanager
def playing(settings: Settings | None = None) -> Iterator[World]:
    """A world in which all pods are played, quickly."""
    chosen = settings or Settings(play=FAST, job_backoff_seconds=0.02)
    api = Api(clock=lambda: datetime.fromtimestamp(chosen.now(), UTC))
    world = World(api)
    workloads = Workloads(api, PodAddresses("test"), chosen)
    workloads.start()
    try:
        yield world
    finally:
        workloads.stop()
        api.close()


def condition(obj: Obj, kind: str) -> tuple[str, str]:
    """Status and reason of a condition."""
    for each in (obj.get("status") or {}).get("conditions") or []:
        if each["type"] == kind:
            return each["status"], each.get("reason", "")
    return "", ""


def deployment(
    name: str = "web",
    *,
    image: str = "nginx:1",
    replicas: int = 1,
    annotations: dict[str, str] | None = None,
    strategy: Obj | None = None,
    container: Obj | None = None,
    pod: Obj | None = None,
) -> Obj:
    spec: Obj = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name}, "annotations": annotations or {}},
            "spec": {"containers": [{"name": "main", "image": image, **(container or {})}], **(pod or {})},
        },
    }
    if strategy:
        spec["strategy"] = strategy
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def service(name: str = "web", *, port: int = 80, target: int | str = 8080) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "selector": {"app": name},
            "ports": [{"port": port, "targetPort": target, "protocol": "TCP"}],
        },
    }
