"""Endpoints and EndpointSlices: which addresses stand behind a Service; and the address of a load balancer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jx.adapters.local.kubernetes.api import WatchEvent
from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.controllers.cluster import (
    ENDPOINT_SLICES,
    ENDPOINTS,
    INGRESSES,
    PODS,
    SERVICES,
    Cluster,
    Place,
    which,
)
from jx.adapters.local.kubernetes.types.facts import Obj

_SERVICE = "kubernetes.io/service-name"
_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_MANAGER = "endpointslice-controller.k8s.io"
LOAD_BALANCER = {"ip": "127.0.0.1"}


@dataclass(frozen=True)
class Backend:
    """One pod behind a service, with the numbers of its ports by the service port's name."""

    pod: Obj
    ready: bool
    ports: tuple[tuple[str, int, str], ...]


class Endpoints:
    """The Endpoints and the EndpointSlice of one Service."""

    name = "endpoints"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def keys(self, event: WatchEvent) -> Iterable[Place]:
        kind = which(event)
        if kind == SERVICES:
            yield (objects.namespace_of(event.obj), objects.name_of(event.obj))
        elif kind == PODS:
            namespace = objects.namespace_of(event.obj)
            seen = [objects.labels_of(obj) for obj in (event.obj, event.old) if obj]
            for service in self._cluster.cache.all(SERVICES, namespace):
                selector = service["spec"].get("selector")
                if selector and any(selector.items() <= labels.items() for labels in seen):
                    yield (namespace, objects.name_of(service))

    def reconcile(self, namespace: str, name: str) -> float | None:
        service = self._cluster.cache.get(SERVICES, namespace, name)
        if service is None or objects.is_deleting(service):
            self._remove(namespace, name)
            return None
        if service["spec"].get("type") == "LoadBalancer":
            status = {"loadBalancer": {"ingress": [{**LOAD_BALANCER, "ipMode": "VIP"}]}}
            self._cluster.set_status(SERVICES, service, {**objects.status_of(service), **status})
        if service["spec"].get("selector") and service["spec"].get("type") != "ExternalName":
            backends = find_backends(service, self._cluster.cache.all(PODS, namespace))
            self._write(ENDPOINTS, name, endpoints_of(service, backends), "subsets")
            self._write_slice(service, backends)
        return None

    def _write(self, kind: tuple[str, str], name: str, wanted: Obj, *fields: str) -> None:
        current = self._cluster.cache.get(kind, objects.namespace_of(wanted), name)
        if current is None:
            self._cluster.create(kind, wanted)
        elif any(current.get(field) != wanted.get(field) for field in fields):
            self._cluster.patch(kind, current, {field: wanted.get(field) for field in fields})

    def _slice_of(self, namespace: str, service: str) -> Obj | None:
        for each in self._cluster.cache.all(ENDPOINT_SLICES, namespace):
            labels = objects.labels_of(each)
            if labels.get(_SERVICE) == service and labels.get(_MANAGED_BY) == _MANAGER:
                return each
        return None

    def _write_slice(self, service: Obj, backends: list[Backend]) -> None:
        wanted = slice_of(service, backends)
        known = self._slice_of(objects.namespace_of(service), objects.name_of(service))
        if known is None:
            self._cluster.create(ENDPOINT_SLICES, wanted)
        else:
            self._write(ENDPOINT_SLICES, objects.name_of(known), wanted, "endpoints", "ports")

    def _remove(self, namespace: str, name: str) -> None:
        endpoints = self._cluster.cache.get(ENDPOINTS, namespace, name)
        if endpoints is not None:
            self._cluster.delete(ENDPOINTS, endpoints)
        each = self._slice_of(namespace, name)
        if each is not None:
            self._cluster.delete(ENDPOINT_SLICES, each)


class IngressAddresses:
    """Says where an Ingress can be reached, as an ingress controller does."""

    name = "ingresses"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def keys(self, event: WatchEvent) -> Iterable[Place]:
        if which(event) == INGRESSES and event.type != "DELETED":
            yield (objects.namespace_of(event.obj), objects.name_of(event.obj))

    def reconcile(self, namespace: str, name: str) -> float | None:
        ingress = self._cluster.cache.get(INGRESSES, namespace, name)
        if ingress is not None:
            self._cluster.set_status(INGRESSES, ingress, {"loadBalancer": {"ingress": [LOAD_BALANCER]}})
        return None


def find_backends(service: Obj, pods: Iterable[Obj]) -> list[Backend]:
    """The pods that a service selects and that have an address, by name."""
    selector = service["spec"]["selector"]
    lenient = bool(service["spec"].get("publishNotReadyAddresses"))
    found = []
    for pod in pods:
        status = objects.status_of(pod)
        if not selector.items() <= objects.labels_of(pod).items() or not status.get("podIP"):
            continue
        if status.get("phase") in objects.TERMINAL_PHASES:
            continue
        ready = lenient or (objects.is_ready(pod) and not objects.is_deleting(pod))
        found.append(Backend(pod, ready, tuple(_ports(service, pod))))
    return sorted(found, key=lambda backend: objects.name_of(backend.pod))


def target_port(service_port: Obj, pod: Obj) -> int | None:
    """The number of the pod's port that a service port leads to; None where a name names none."""
    target: int | str = service_port.get("targetPort") or service_port["port"]
    if isinstance(target, int):
        return target
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or []:
            if port.get("name") == target:
                return int(port["containerPort"])
    return int(target) if target.isdigit() else None


def _ports(service: Obj, pod: Obj) -> Iterable[tuple[str, int, str]]:
    for port in service["spec"].get("ports") or []:
        number = target_port(port, pod)
        if number is not None:
            yield (port.get("name", ""), number, port.get("protocol", "TCP"))


def _target(pod: Obj) -> Obj:
    return {
        "kind": "Pod",
        "name": objects.name_of(pod),
        "namespace": objects.namespace_of(pod),
        "uid": objects.uid_of(pod),
    }


def endpoints_of(service: Obj, backends: Iterable[Backend]) -> Obj:
    groups: dict[tuple[tuple[str, int, str], ...], dict[str, list[Obj]]] = {}
    for backend in backends:
        addresses = groups.setdefault(backend.ports, {"addresses": [], "notReadyAddresses": []})
        addresses["addresses" if backend.ready else "notReadyAddresses"].append(
            {
                "ip": objects.status_of(backend.pod)["podIP"],
                "nodeName": backend.pod["spec"].get("nodeName", ""),
                "targetRef": _target(backend.pod),
            }
        )
    subsets = []
    for ports, addresses in sorted(groups.items(), key=lambda group: group[0]):
        subset: Obj = {key: value for key, value in addresses.items() if value}
        if ports:
            subset["ports"] = [_port(*port) for port in ports]
        subsets.append(subset)
    endpoints: Obj = {"apiVersion": "v1", "kind": "Endpoints", "metadata": _metadata(service)}
    return {**endpoints, "subsets": subsets} if subsets else endpoints


def slice_of(service: Obj, backends: Iterable[Backend]) -> Obj:
    found = list(backends)
    name = objects.name_of(service)
    metadata = _metadata(service)
    del metadata["name"]
    metadata["generateName"] = f"{name}-"
    metadata["labels"] = {**metadata["labels"], _SERVICE: name, _MANAGED_BY: _MANAGER}
    metadata["ownerReferences"] = [objects.controller_reference(service)]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": [objects.status_of(backend.pod)["podIP"]],
                "conditions": {
                    "ready": backend.ready,
                    "serving": objects.is_ready(backend.pod),
                    "terminating": objects.is_deleting(backend.pod),
                },
                "nodeName": backend.pod["spec"].get("nodeName", ""),
                "targetRef": _target(backend.pod),
            }
            for backend in found
        ],
        "ports": [
            {"name": name, "port": number, "protocol": protocol}
            for name, number, protocol in dict.fromkeys(port for backend in found for port in backend.ports)
        ],
    }


def _metadata(service: Obj) -> Obj:
    return {
        "name": objects.name_of(service),
        "namespace": objects.namespace_of(service),
        "labels": dict(objects.labels_of(service)),
    }


def _port(name: str, number: int, protocol: str) -> Obj:
    port = {"name": name, "port": number, "protocol": protocol}
    return port if name else {key: value for key, value in port.items() if key != "name"}
