"""What the cluster gives a Service, and takes back: addresses, their families, node ports."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Callable, Iterable, Iterator, Set
from typing import Final, TypeAlias

from jx.adapters.local.kubernetes.calls.admission import Operation
from jx.adapters.local.kubernetes.calls.requests import Request
from jx.adapters.local.kubernetes.errors import ApiError
from jx.adapters.local.kubernetes.kinds import service_rules
from jx.adapters.local.kubernetes.kinds.service_rules import HEADLESS, needs_health_check
from jx.adapters.local.kubernetes.store import Store
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError
from jx.adapters.local.kubernetes.writes.holdings import SERVICES, Holdings, ports_of
from jx.adapters.local.kubernetes.writes.metadata import invalid_fields

_GIVEN: Final = range(10, 65534)
_NODE_PORTS: Final = range(30000, 32768)
# Addresses that are given are on loopback; those that manifests name are of the range that most clusters have.
_RANGES: Final = (ipaddress.ip_network("127.96.0.0/16"), ipaddress.ip_network("10.96.0.0/16"))
_FAMILIES: Final = ("IPv4", "IPv6")

AddressAllocator: TypeAlias = Callable[[Set[str]], str]
"""A free cluster address, given those in use."""


class LoopbackAddresses:
    """The free addresses of 127.96.0.0/16, where real processes of this machine can listen, one after another.

    The same one until it is in use; those that became free come again once the last one was given.
    """

    def __init__(self) -> None:
        self._at = 0

    def __call__(self, in_use: Set[str]) -> str:
        for number in itertools.chain(range(self._at, len(_GIVEN)), range(self._at)):
            address = f"127.96.{_GIVEN[number] // 256}.{_GIVEN[number] % 256}"
            if _GIVEN[number] % 256 not in (0, 255) and address not in in_use:
                self._at = number
                return address
        raise ApiError(500, "InternalError", "no cluster address is free for another service")


class ServiceAddresses:
    """Services get a cluster address (and node ports, where their type has them), keep them, and never share one."""

    def __init__(self, store: Store, allocate: AddressAllocator | None = None) -> None:
        self._holdings = Holdings(store)
        self.allocate = allocate or LoopbackAddresses()

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        if request.served.collection != SERVICES or operation == "DELETE" or request.subresource:
            return new
        spec = dict(new.get("spec") or {})
        if "ports" in spec:
            spec["ports"] = [dict(port) for port in spec["ports"]]
        before: Obj = (old or {}).get("spec") or {}
        if before:
            _keep_given(spec, before)
        _pair_addresses(spec, before)
        self._check(
            request, service_rules.address_mistakes(spec) if spec.get("type") != "ExternalName" else ()
        )
        self._check(request, _complete_families(spec, before))
        self._give_address(request, spec, before)
        self._give_ports(request, spec, before)
        if before:
            _drop_what_the_type_has_not(spec, before)
        if spec.get("type") == "ExternalName":
            spec.pop("internalTrafficPolicy", None)
        return {**new, "spec": {key: value for key, value in spec.items() if value not in (None, "", [])}}

    @staticmethod
    def _check(request: Request, mistakes: Iterable[FieldError]) -> None:
        if found := list(mistakes):
            raise invalid_fields(request, found)

    def _give_address(self, request: Request, spec: Obj, before: Obj) -> None:
        is_new = not before or before.get("type") == "ExternalName"
        addresses = spec.get("clusterIPs") or []
        if spec.get("type") == "ExternalName" or not is_new or addresses[:1] == [HEADLESS]:
            return
        in_use = self._holdings.addresses
        if not addresses:
            addresses = [self.allocate(in_use)]
        else:
            self._check(request, _refusals(addresses, in_use))
        spec.update(clusterIP=addresses[0], clusterIPs=addresses)

    def _give_ports(self, request: Request, spec: Obj, before: Obj) -> None:
        mine = ports_of(before)
        taken = self._holdings.ports - mine
        if spec.get("type") in ("NodePort", "LoadBalancer"):
            wanted = {
                port["port"]: port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")
            }
            mistakes = list(_port_refusals(spec.get("ports") or [], mine, taken))
            self._check(request, mistakes[:1])
            free = (number for number in _NODE_PORTS if number not in taken | mine | set(wanted.values()))
            if service_rules.gives_node_ports(spec):
                for port in spec.get("ports") or ():
                    if not port.get("nodePort"):
                        # Only a new Service lets ports of several protocols share a number.
                        shared = 0 if before else wanted.get(port.get("port"), 0)
                        port["nodePort"] = shared or next(free)
                        wanted[port.get("port")] = port["nodePort"]
        if needs_health_check(spec) and not spec.get("healthCheckNodePort"):
            used = taken | mine | ports_of(spec)
            spec["healthCheckNodePort"] = next(number for number in _NODE_PORTS if number not in used)
        elif needs_health_check(before) and not needs_health_check(spec):
            spec.pop("healthCheckNodePort", None)


def _keep_given(spec: Obj, before: Obj) -> None:
    """What was given stays, where the author leaves it out."""
    if "ExternalName" not in (spec.get("type"), before.get("type")):
        for key in ("clusterIP", "clusterIPs"):
            if not spec.get(key) and before.get(key):
                spec[key] = before[key]
    if service_rules.gives_node_ports(spec) and service_rules.gives_node_ports(before):
        ports = spec.get("ports") or []
        known = {port.get("name", ""): port.get("nodePort", 0) for port in before.get("ports") or ()}
        used = {port.get("nodePort") for port in ports} & set(known.values())
        for port in ports:
            number = known.get(port.get("name", ""), 0)
            if not port.get("nodePort") and number and number not in used:
                port["nodePort"] = number
    if needs_health_check(spec) and needs_health_check(before):
        spec["healthCheckNodePort"] = spec.get("healthCheckNodePort") or before.get("healthCheckNodePort")


def _pair_addresses(spec: Obj, before: Obj) -> None:
    """`clusterIP` and `clusterIPs` say the same; who writes only the first means both."""
    one, several = spec.get("clusterIP") or "", spec.get("clusterIPs") or []
    if not before:
        if one and not several:
            spec["clusterIPs"] = [one]
        return
    was, were = before.get("clusterIP") or "", before.get("clusterIPs") or []
    if were and not several and one == was:
        spec["clusterIPs"] = were
    if one != was and several == were:
        spec["clusterIPs"] = [one] if one or not was else None


def _complete_families(spec: Obj, before: Obj) -> Iterator[FieldError]:
    if spec.get("type") == "ExternalName":
        return
    is_free = spec.get("clusterIP") == HEADLESS and not spec.get("selector")
    if not spec.get("ipFamilyPolicy"):
        spec["ipFamilyPolicy"] = before.get("ipFamilyPolicy") or (
            "RequireDualStack" if is_free else "SingleStack"
        )
    policy = spec["ipFamilyPolicy"]
    families = list(spec.get("ipFamilies") or ())
    addresses = spec.get("clusterIPs") or []
    if policy == "SingleStack" and before:
        families = families[:1] if families == (before.get("ipFamilies") or []) else families
    mistakes = list(_stack_mistakes(policy, families, addresses))
    for index, address in enumerate(addresses[len(families) :], len(families)):
        if address == HEADLESS:
            break
        family = f"IPv{ipaddress.ip_address(address).version}"
        if family != _FAMILIES[0]:
            detail = f"{family} is not configured on this cluster"
            mistakes.append(invalid.invalid(f"spec.clusterIPs[{index}]", addresses, detail))
        else:
            families.append(family)
    if mistakes:
        yield from mistakes
        return
    if is_free:
        families = families or [_FAMILIES[0]]
        if len(families) == 1 and policy != "SingleStack":
            families += [family for family in _FAMILIES if family not in families]
    else:
        yield from _unconfigured(policy, families)
    spec["ipFamilies"] = families or [_FAMILIES[0]]


def _stack_mistakes(policy: str, families: list[str], addresses: list[str]) -> Iterator[FieldError]:
    if policy != "SingleStack":
        return
    for count, what in ((len(addresses), "cluster IPs"), (len(families), "IP families")):
        if count == 2:
            detail = f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
            yield invalid.invalid("spec.ipFamilyPolicy", policy, detail)


def _unconfigured(policy: str, families: list[str]) -> Iterator[FieldError]:
    if policy == "RequireDualStack":
        detail = "this cluster is not configured for dual-stack services"
        yield invalid.invalid("spec.ipFamilyPolicy", policy, detail)
    for index, family in enumerate(families):
        if family != _FAMILIES[0]:
            yield invalid.invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")


def _refusals(addresses: list[str], in_use: Set[str]) -> Iterator[FieldError]:
    for address in addresses[:1]:
        why = ""
        if not any(ipaddress.ip_address(address) in network for network in _RANGES):
            why = "the provided network does not match the current range"
        elif address in in_use:
            why = "provided IP is already allocated"
        if why:
            detail = f"failed to allocate IP {address}: {why}"
            yield invalid.invalid("spec.clusterIPs", addresses, detail)


def _port_refusals(ports: list[Obj], mine: set[int], taken: Set[int]) -> Iterator[FieldError]:
    for index, port in enumerate(ports):
        number = port.get("nodePort")
        if not number or number in mine:
            continue
        here = f"spec.ports[{index}].nodePort"
        if number not in _NODE_PORTS:
            first, last = _NODE_PORTS[0], _NODE_PORTS[-1]
            detail = f"provided port is not in the valid range. The range of valid ports is {first}-{last}"
            yield invalid.invalid(here, number, detail)
        elif number in taken:
            yield invalid.invalid(here, number, "provided port is already allocated")


def _drop_what_the_type_has_not(spec: Obj, before: Obj) -> None:
    """Who changes the type means what the old type had to go, unless the same request changes it."""
    gone: list[str] = []
    if before.get("type") != "ExternalName" and spec.get("type") == "ExternalName":
        if all(_is_same(spec, before, key) for key in ("clusterIP", "clusterIPs")):
            spec.update(clusterIP=None, clusterIPs=None)
        gone += ["ipFamilies", "ipFamilyPolicy"]
    if needs_health_check(before) and not needs_health_check(spec):
        gone.append("healthCheckNodePort")
    if before.get("type") == "LoadBalancer" and spec.get("type") != "LoadBalancer":
        gone += ["allocateLoadBalancerNodePorts", "loadBalancerClass"]
    if service_rules.is_externally_accessible(before) and not service_rules.is_externally_accessible(spec):
        gone.append("externalTrafficPolicy")
    for key in gone:
        if _is_same(spec, before, key):
            spec.pop(key, None)
    _drop_node_ports(spec, before)


def _drop_node_ports(spec: Obj, before: Obj) -> None:
    has_ports = ("NodePort", "LoadBalancer")
    if before.get("type") not in has_ports or spec.get("type") in has_ports:
        return
    numbers = {port.get("nodePort") for port in spec.get("ports") or ()} - {None, 0}
    if numbers <= {port.get("nodePort") for port in before.get("ports") or ()}:
        for port in spec.get("ports") or ():
            port.pop("nodePort", None)


def _is_same(spec: Obj, before: Obj, key: str) -> bool:
    return (spec.get(key) or None) == (before.get(key) or None)
