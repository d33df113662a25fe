"""The chain that every write passes after defaulting: each plugin may complete the object or refuse the request.

Webhooks and admission policies are further plugins of this chain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias

from jx.adapters.local.kubernetes.errors import ApiError, forbidden, not_found
from jx.adapters.local.kubernetes.facts import Obj
from jx.adapters.local.kubernetes.invalid import FieldError
from jx.adapters.local.kubernetes.metadata import invalid_fields
from jx.adapters.local.kubernetes.requests import Request
from jx.adapters.local.kubernetes.store import Store

Operation: TypeAlias = Literal["CREATE", "UPDATE", "DELETE"]

NAMESPACES = ("", "namespaces")
SERVICES = ("", "services")
_NODE_PORTS = range(30000, 32768)
IMMORTAL = frozenset({"default", "kube-system", "kube-public"})


class Plugin(Protocol):
    """One step of admission."""

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        """The object to store (`new`, or a completed copy); for a delete `new` is the object that goes.

        A refusal is an ApiError. With `request.dry_run` nothing outside of the object may change.
        """


class Judge(Protocol):
    """A last step of admission: it sees the finished object and may only refuse it."""

    def judge(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> None:
        """As `admit`, but without a say in what is stored."""


class NamespaceLifecycle:
    """Nothing is made in a namespace that is missing or going, and some namespaces stay for ever."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        resource = request.served.resource
        if operation == "DELETE" and request.served.collection == NAMESPACES and request.name in IMMORTAL:
            raise forbidden("", "namespaces", request.name, "this namespace may not be deleted")
        if operation != "CREATE" or not resource.namespaced:
            return new
        namespace = self._store.find(NAMESPACES, ("", request.namespace))
        if namespace is None:
            raise not_found("", "namespaces", request.namespace)
        if "deletionTimestamp" in namespace.obj["metadata"]:
            raise _terminating(request)
        return new


def _terminating(request: Request) -> ApiError:
    resource = request.served.resource
    why = f"unable to create new content in namespace {request.namespace} because it is being terminated"
    error = forbidden(resource.group, resource.plural, request.name, why)
    message = f"namespace {request.namespace} is being terminated"
    cause = {"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"}
    return ApiError(error.status, error.reason, error.message, {**error.details, "causes": [cause]})


AddressAllocator: TypeAlias = Callable[[frozenset[str]], str]
"""A free cluster address, given those in use."""


def loopback_addresses(in_use: frozenset[str]) -> str:
    """The first free address of 127.96.0.0/16, where real processes of this machine can listen."""
    for number in range(10, 65534):
        address = f"127.96.{number // 256}.{number % 256}"
        if number % 256 not in (0, 255) and address not in in_use:
            return address
    raise ApiError(500, "InternalError", "no cluster address is free for another service")


class ServiceAddresses:
    """Services get a cluster address (and node ports, where their type has them), keep them, and never share one."""

    def __init__(self, store: Store, allocate: AddressAllocator = loopback_addresses) -> None:
        self._store = store
        self.allocate = allocate

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        if request.served.collection != SERVICES or operation == "DELETE":
            return new
        spec = new.get("spec") or {}
        if spec.get("type") == "ExternalName":
            return new
        before = ((old or {}).get("spec") or {}).get("clusterIP")
        address = spec.get("clusterIP") or before
        if not address or address not in (before, "None"):
            address = self._free_address(request, address)
        return {
            **new,
            "spec": {
                **spec,
                "clusterIP": address,
                "clusterIPs": [address],
                "ipFamilies": spec.get("ipFamilies") or ["IPv4"],
                "ipFamilyPolicy": spec.get("ipFamilyPolicy") or "SingleStack",
                "ports": self._with_node_ports(spec, (old or {}).get("spec") or {}),
            },
        }

    def _free_address(self, request: Request, wanted: str | None) -> str:
        in_use = frozenset(
            service.obj["spec"].get("clusterIP", "") for service in self._store.entries(SERVICES)
        )
        if not wanted:
            return self.allocate(in_use)
        if wanted in in_use:
            message = f"failed to allocate IP {wanted}: provided IP is already allocated"
            shown = f'Invalid value: []string{{"{wanted}"}}: {message}'
            raise invalid_fields(request, [FieldError("spec.clusterIPs", shown)])
        return wanted

    def _with_node_ports(self, spec: Obj, old: Obj) -> list[Obj]:
        ports: list[Obj] = spec.get("ports") or []
        if spec.get("type") not in ("NodePort", "LoadBalancer"):
            return ports
        kept = {
            (port.get("port"), port.get("protocol")): port.get("nodePort") for port in old.get("ports") or ()
        }
        taken = {
            port.get("nodePort")
            for service in self._store.entries(SERVICES)
            for port in service.obj["spec"].get("ports") or ()
        }
        free = (number for number in _NODE_PORTS if number not in taken)
        return [
            {
                **port,
                "nodePort": port.get("nodePort")
                or kept.get((port.get("port"), port.get("protocol")))
                or next(free),
            }
            for port in ports
        ]
