"""The rules of Services."""

import ipaddress
from collections.abc import Iterator
from typing import Any, Final

from jx.adapters.local.kubernetes.kinds import object_rules
from jx.adapters.local.kubernetes.kinds.podspecs import handlers
from jx.adapters.local.kubernetes.types import internal_types
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names
from jx.adapters.local.kubernetes.words.invalid import FieldError

HEADLESS: Final = "None"

_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_AFFINITIES: Final = ("ClientIP", "None")
_POLICIES: Final = ("Cluster", "Local")
_DISTRIBUTIONS: Final = ("PreferClose", "PreferSameZone", "PreferSameNode")
_FAMILIES: Final = ("IPv4", "IPv6")
_FAMILY_POLICIES: Final = ("PreferDualStack", "RequireDualStack", "SingleStack")
_LONGEST_AFFINITY: Final = 86400


def is_externally_accessible(spec: Obj) -> bool:
    """Whether a Service is reached from outside of the cluster."""
    kind = spec.get("type")
    return kind in ("LoadBalancer", "NodePort") or (kind == "ClusterIP" and bool(spec.get("externalIPs")))


def needs_health_check(spec: Obj) -> bool:
    """Whether a load balancer has to ask each node if it has a pod of this Service."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def gives_node_ports(spec: Obj) -> bool:
    """Whether ports without a node port get one."""
    kind = spec.get("type")
    return kind == "NodePort" or (
        kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False
    )


def service(obj: Obj) -> Iterator[FieldError]:
    """All mistakes of a Service that has what the cluster gives it."""
    spec = obj.get("spec") or {}
    kind, ports = spec.get("type") or "", spec.get("ports") or []
    if not ports and spec.get("clusterIP") != HEADLESS and kind != "ExternalName":
        yield invalid.required("spec.ports")
    yield from _type_mistakes(spec, kind)
    taken: set[str] = set()
    for index, port in enumerate(ports):
        yield from _port_mistakes(port, f"spec.ports[{index}]", taken, is_named=len(ports) > 1)
    yield from object_rules.label_mistakes(spec.get("selector"), "spec.selector")
    yield from _affinity_mistakes(spec)
    if kind != "ExternalName":
        yield from address_mistakes(spec)
    for index, address in enumerate(spec.get("externalIPs") or ()):
        yield from ip_mistakes(address, f"spec.externalIPs[{index}]")
    if kind not in _TYPES:
        yield invalid.unsupported("spec.type", kind, _TYPES)
    yield from _doubled_ports(ports, kind)
    yield from _load_balancer_mistakes(spec, kind)
    yield from _traffic_mistakes(spec)


def _type_mistakes(spec: Obj, kind: str) -> Iterator[FieldError]:
    if kind in ("LoadBalancer", "NodePort") and spec.get("clusterIP") == HEADLESS:
        detail = f"may not be set to 'None' for {kind} services"
        yield invalid.invalid("spec.clusterIPs[0]", HEADLESS, detail)
    if kind != "ExternalName":
        return
    for key in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(key):
            yield invalid.forbidden(f"spec.{key}", "may not be set for ExternalName services")
    name = (spec.get("externalName") or "").removesuffix(".")
    if not name:
        yield invalid.required("spec.externalName")
    for problem in names.subdomain_problems(name) if name else ():
        yield invalid.invalid("spec.externalName", name, problem)


def _port_mistakes(port: Obj, here: str, taken: set[str], *, is_named: bool) -> Iterator[FieldError]:
    name = port.get("name")
    if not name and is_named:
        yield invalid.required(f"{here}.name")
    for problem in names.label_problems(name) if name else ():
        yield invalid.invalid(f"{here}.name", name, problem)
    if name and name in taken:
        yield invalid.duplicate(f"{here}.name", name)
    taken.add(name or "")
    yield from handlers.port_mistakes(port.get("port") or 0, f"{here}.port")
    if port.get("protocol") not in _PROTOCOLS:
        yield invalid.unsupported(f"{here}.protocol", port.get("protocol", ""), _PROTOCOLS)
    yield from handlers.port_mistakes(port.get("targetPort"), f"{here}.targetPort")
    for problem in names.label_key_problems(port["appProtocol"]) if port.get("appProtocol") else ():
        yield invalid.invalid(f"{here}.appProtocol", port["appProtocol"], problem)


def _affinity_mistakes(spec: Obj) -> Iterator[FieldError]:
    affinity, config = spec.get("sessionAffinity") or "", spec.get("sessionAffinityConfig")
    if affinity not in _AFFINITIES:
        yield invalid.unsupported("spec.sessionAffinity", affinity, _AFFINITIES)
    if affinity == "None" and config is not None:
        detail = "must not be set when session affinity is None"
        yield invalid.forbidden("spec.sessionAffinityConfig", detail)
    if affinity == "ClientIP":
        seconds = ((config or {}).get("clientIP") or {}).get("timeoutSeconds", 0)
        if not 0 < seconds <= _LONGEST_AFFINITY:
            detail = f"must be greater than 0 and less than {_LONGEST_AFFINITY}"
            yield invalid.invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, detail)


def address_mistakes(spec: Obj) -> Iterator[FieldError]:
    """The mistakes in the addresses of a Service and in their families."""
    one, several = spec.get("clusterIP") or "", spec.get("clusterIPs") or []
    if one and not several:
        yield invalid.required("spec.clusterIPs")
    elif one and several[0] != one:
        yield invalid.invalid("spec.clusterIPs", several, "first value must match `clusterIP`")
    elif several and not one:
        yield invalid.invalid("spec.clusterIPs", several, "must be empty when `clusterIP` is not specified")
    yield from _family_mistakes(spec)
    unreadable = list(_unreadable(several))
    if len(several) > 2:
        unreadable.append(invalid.invalid("spec.clusterIPs", several, "may only hold up to 2 values"))
    yield from unreadable
    if not unreadable and several[:1] != [HEADLESS]:
        yield from _version_mistakes(several, spec.get("ipFamilies") or [])


def _family_mistakes(spec: Obj) -> Iterator[FieldError]:
    families = spec.get("ipFamilies") or []
    for index, family in enumerate(families):
        if family not in _FAMILIES:
            yield invalid.unsupported(f"spec.ipFamilies[{index}]", family, _FAMILIES)
        if family in families[:index]:
            yield invalid.duplicate(f"spec.ipFamilies[{index}]", family)
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in _FAMILY_POLICIES:
        yield invalid.unsupported("spec.ipFamilyPolicy", policy, _FAMILY_POLICIES)


def _version_mistakes(addresses: list[str], families: list[str]) -> Iterator[FieldError]:
    versions = [ipaddress.ip_address(address).version for address in addresses]
    if len(versions) > 1 and len(set(versions)) < len(versions):
        detail = "may specify no more than one IP for each IP family"
        yield invalid.invalid("spec.clusterIPs", addresses, detail)
    for index, (family, version) in enumerate(zip(families, versions, strict=False)):
        if family in _FAMILIES and family != f"IPv{version}":
            detail = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            yield invalid.invalid(f"spec.clusterIPs[{index}]", addresses[index], detail)


def _unreadable(addresses: list[str]) -> Iterator[FieldError]:
    for index, address in enumerate(addresses):
        if index == 0 and address == HEADLESS:
            if len(addresses) > 1:
                detail = "'None' must be the first and only value"
                yield invalid.invalid("spec.clusterIPs", addresses, detail)
            continue
        yield from ip_mistakes(address, f"spec.clusterIPs[{index}]")


def ip_mistakes(address: str, path: str) -> Iterator[FieldError]:
    """What is wrong with an address."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        yield invalid.invalid(path, address, detail)


def cidr_mistakes(network: str, path: str) -> Iterator[FieldError]:
    """What is wrong with a network."""
    try:
        if "/" not in network:
            raise ValueError
        ipaddress.ip_network(network, strict=False)
    except ValueError:
        detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
        yield invalid.invalid(path, network, detail)


def _doubled_ports(ports: list[Obj], kind: str) -> Iterator[FieldError]:
    if kind == "ClusterIP":
        for index, port in enumerate(ports):
            if port.get("nodePort"):
                detail = "may not be used when `type` is 'ClusterIP'"
                yield invalid.forbidden(f"spec.ports[{index}].nodePort", detail)
    taken: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        number = (port.get("protocol"), port.get("nodePort"))
        if number[1] and number in taken:
            yield invalid.duplicate(f"spec.ports[{index}].nodePort", number[1])
        taken.add(number)
    taken = set()
    for index, port in enumerate(ports):
        number = (port.get("protocol"), port.get("port"))
        if number in taken:
            shown = {key: port[key] for key in ("port", "protocol") if key in port}
            printed = internal_types.printed(shown, "io.k8s.api.core.v1.ServicePort")
            yield invalid.duplicate(f"spec.ports[{index}]", printed)
        taken.add(number)


def _load_balancer_mistakes(spec: Obj, kind: str) -> Iterator[FieldError]:
    only = "may only be used when `type` is 'LoadBalancer'"
    ranges = spec.get("loadBalancerSourceRanges") or []
    if ranges and kind != "LoadBalancer":
        yield invalid.forbidden("spec.LoadBalancerSourceRanges", only)
    for index, network in enumerate(ranges):
        yield from cidr_mistakes(network.strip(), f"spec.LoadBalancerSourceRanges[{index}]")
    for key in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
        if spec.get(key) is not None and kind != "LoadBalancer":
            yield invalid.forbidden(f"spec.{key}", only)
    name = spec.get("loadBalancerClass")
    for problem in names.label_key_problems(name) if name and kind == "LoadBalancer" else ():
        yield invalid.invalid("spec.loadBalancerClass", name, problem)


def _traffic_mistakes(spec: Obj) -> Iterator[FieldError]:
    outside, inside = spec.get("externalTrafficPolicy"), spec.get("internalTrafficPolicy")
    if not is_externally_accessible(spec):
        if outside:
            detail = "may only be set for externally-accessible services"
            yield invalid.invalid("spec.externalTrafficPolicy", outside, detail)
    elif not outside:
        yield invalid.required("spec.externalTrafficPolicy")
    elif outside not in _POLICIES:
        yield invalid.unsupported("spec.externalTrafficPolicy", outside, _POLICIES)
    checked = spec.get("healthCheckNodePort")
    if checked and not needs_health_check(spec):
        detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        yield invalid.invalid("spec.healthCheckNodePort", checked, detail)
    if inside is not None and inside not in _POLICIES:
        yield invalid.unsupported("spec.internalTrafficPolicy", inside, _POLICIES)
    distribution = spec.get("trafficDistribution")
    if distribution is not None and distribution not in _DISTRIBUTIONS:
        yield invalid.unsupported("spec.trafficDistribution", distribution, _DISTRIBUTIONS)


def service_changes(obj: Obj, old: Obj) -> Iterator[FieldError]:
    """The forbidden changes of a Service."""
    after, before = obj.get("spec") or {}, old.get("spec") or {}
    if "ExternalName" not in (after.get("type"), before.get("type")):
        yield from _address_changes(after, before)
        yield from _family_changes(after, before)
    if before.get("type") == after.get("type") == "LoadBalancer" and (
        before.get("loadBalancerClass") != after.get("loadBalancerClass")
    ):
        detail = "may not change once set"
        yield invalid.invalid("spec.loadBalancerClass", after.get("loadBalancerClass"), detail)
    is_checked = needs_health_check(before) and needs_health_check(after)
    if is_checked and before.get("healthCheckNodePort") != after.get("healthCheckNodePort"):
        yield invalid.forbidden("spec.healthCheckNodePort", invalid.IMMUTABLE)


def _address_changes(after: Obj, before: Obj) -> Iterator[FieldError]:
    now, then = after.get("clusterIPs") or [], before.get("clusterIPs") or []
    if now[:1] == then[:1] == [HEADLESS]:
        return
    if len(now) == len(then):
        for index, (one, other) in enumerate(zip(now, then, strict=True)):
            if one != other:
                yield invalid.invalid(f"spec.clusterIPs[{index}]", now, "may not change once set")
        return
    if not now:
        yield invalid.invalid("spec.clusterIPs[0]", None, "primary clusterIP can not be unset")
    elif then and now[0] != then[0]:
        yield invalid.invalid("spec.clusterIPs[0]", now, "may not change once set")
    if len(now) == 1 and after.get("ipFamilyPolicy") != "SingleStack":
        detail = "must be set to 'SingleStack' when releasing the secondary clusterIP"
        yield invalid.invalid("spec.ipFamilyPolicy", after.get("ipFamilyPolicy"), detail)


def _family_changes(after: Obj, before: Obj) -> Iterator[FieldError]:
    now, then = after.get("ipFamilies") or [], before.get("ipFamilies") or []
    if HEADLESS in (after.get("clusterIP"), before.get("clusterIP")):
        return
    if len(now) == len(then):
        for one, other in zip(now, then, strict=True):
            if one != other:
                yield invalid.invalid("spec.ipFamilies[0]", now, "may not change once set")
    elif now and then and now[0] != then[0]:
        yield invalid.invalid("spec.ipFamilies[0]", after.get("clusterIPs"), "may not change once set")
