"""The rules of ingresses, network policies and endpoints."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Any, Final

from jx.adapters.local.kubernetes.kinds import object_rules, service_rules
from jx.adapters.local.kubernetes.kinds.podspecs import handlers
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names
from jx.adapters.local.kubernetes.words.invalid import FieldError

_PATH_TYPES: Final = ("Exact", "ImplementationSpecific", "Prefix")
_IN_NO_PATH: Final = ("//", "/./", "/../", "%2f", "%2F")
_AT_NO_END: Final = ("/..", "/.")
_CLASS: Final = "kubernetes.io/ingress.class"
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_POLICY_PROTOCOLS: Final = ("TCP", "UDP", "SCTP")
_DIRECTIONS: Final = ("Ingress", "Egress")
_ADDRESS_TYPES: Final = ("FQDN", "IPv4", "IPv6")
_LONGEST_CONTROLLER: Final = 250


def ingress(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of an Ingress."""
    spec = obj.get("spec") or {}
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield invalid.invalid("spec", None, "either `defaultBackend` or `rules` must be specified")
    if spec.get("defaultBackend"):
        yield from _backend(spec["defaultBackend"], "spec.defaultBackend")
    for index, rule in enumerate(spec.get("rules") or ()):
        yield from _ingress_rule(rule, f"spec.rules[{index}]")
    for index, secured in enumerate(spec.get("tls") or ()):
        here = f"spec.tls[{index}]"
        for at, host in enumerate(secured.get("hosts") or ()):
            for problem in names.host_problems(host):
                yield invalid.invalid(f"{here}.hosts[{at}]", host, problem)
        secret = secured.get("secretName")
        for problem in names.subdomain_problems(secret) if secret else ():
            yield invalid.invalid(f"{here}.secretName", secret, problem)
    chosen = spec.get("ingressClassName")
    for problem in names.subdomain_problems(chosen) if chosen is not None else ():
        yield invalid.invalid("spec.ingressClassName", chosen, problem)


def new_ingress(obj: Obj) -> Iterator[FieldError]:
    """The mistakes that only a new Ingress may not have."""
    noted = (obj["metadata"].get("annotations") or {}).get(_CLASS)
    chosen = (obj.get("spec") or {}).get("ingressClassName")
    if noted is not None and chosen is not None and noted != chosen:
        detail = "must match `ingressClassName` when both are specified"
        yield invalid.invalid(f"annotations.{_CLASS}", noted, detail)


def _ingress_rule(rule: Obj, here: str) -> Iterator[FieldError]:
    host = rule.get("host") or ""
    if host and _is_address(host):
        yield invalid.invalid(f"{here}.host", host, "must be a DNS name, not an IP address")
    for problem in names.host_problems(host) if host else ():
        yield invalid.invalid(f"{here}.host", host, problem)
    http = rule.get("http")
    if http is None:
        return
    if not http.get("paths"):
        yield invalid.required(f"{here}.http.paths")
    for index, path in enumerate(http.get("paths") or ()):
        yield from _ingress_path(path, f"{here}.http.paths[{index}]")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _ingress_path(path: Obj, here: str) -> Iterator[FieldError]:
    kind, text = path.get("pathType"), path.get("path") or ""
    if kind is None:
        yield invalid.required(f"{here}.pathType", "pathType must be specified")
        return
    if kind not in _PATH_TYPES:
        yield invalid.unsupported(f"{here}.pathType", kind, _PATH_TYPES)
    elif (kind != "ImplementationSpecific" or text) and not text.startswith("/"):
        yield invalid.invalid(f"{here}.path", text, "must be an absolute path")
    if kind in ("Exact", "Prefix"):
        for part in _IN_NO_PATH:
            if part in text:
                yield invalid.invalid(f"{here}.path", text, f"must not contain '{part}'")
        for end in _AT_NO_END:
            if text.endswith(end):
                yield invalid.invalid(f"{here}.path", text, f"cannot end with '{end}'")
    yield from _backend(path.get("backend") or {}, f"{here}.backend")


def _backend(backend: Obj, here: str) -> Iterator[FieldError]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        yield invalid.invalid(here, "", "cannot set both resource and service backends")
    elif resource is not None:
        yield from _reference(resource, f"{here}.resource")
    elif service is not None:
        yield from _service_backend(service, here)
    else:
        yield invalid.invalid(here, "", "resource or service backend is required")


def _service_backend(service: Obj, here: str) -> Iterator[FieldError]:
    name, port = service.get("name"), service.get("port") or {}
    if not name:
        yield invalid.required(f"{here}.service.name")
    for problem in names.label_problems(name) if name else ():
        yield invalid.invalid(f"{here}.service.name", name, problem)
    if port.get("name") and port.get("number"):
        yield invalid.invalid(here, "", "cannot set both port name & port number")
    elif port.get("name"):
        yield from handlers.port_mistakes(port["name"], f"{here}.service.port.name")
    elif port.get("number"):
        yield from handlers.port_mistakes(port["number"], f"{here}.service.port.number")
    else:
        yield invalid.required(here, "port name or number is required")


def _reference(reference: Obj, here: str) -> Iterator[FieldError]:
    group = reference.get("apiGroup")
    for problem in names.subdomain_problems(group) if group is not None else ():
        yield invalid.invalid(f"{here}.apiGroup", group, problem)
    for key in ("kind", "name"):
        value = reference.get(key)
        if not value:
            yield invalid.required(f"{here}.{key}")
        for problem in names.path_segment_problems(value) if value else ():
            yield invalid.invalid(f"{here}.{key}", value, problem)


def ingress_class(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of an IngressClass."""
    spec = obj.get("spec") or {}
    controller, parameters = spec.get("controller") or "", spec.get("parameters")
    if len(controller) > _LONGEST_CONTROLLER:
        yield invalid.too_long("spec.controller", _LONGEST_CONTROLLER)
    yield from _prefixed_path(controller, "spec.controller")
    if parameters is None:
        return
    here = "spec.parameters"
    yield from _reference(parameters, here)
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope not in ("Cluster", "Namespace"):
        yield invalid.unsupported(f"{here}.scope", scope, ("Cluster", "Namespace"))
    elif scope == "Namespace" and namespace is None:
        yield invalid.required(f"{here}.namespace", "`parameters.scope` is set to 'Namespace'")
    elif scope == "Cluster" and namespace is not None:
        yield invalid.forbidden(f"{here}.namespace", "`parameters.scope` is set to 'Cluster'")


def _prefixed_path(path: str, here: str) -> Iterator[FieldError]:
    if not path:
        yield invalid.required(here)
        return
    domain, slash, rest = path.partition("/")
    if not domain or not slash or not rest:
        detail = 'must be a domain-prefixed path (such as "acme.io/foo")'
        yield invalid.invalid(here, path, detail)
        return
    for problem in names.subdomain_problems(domain):
        yield invalid.invalid(here, domain, problem)
    if not re.fullmatch(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+", rest):
        detail = "Invalid path (e.g. 'foo', regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')"
        yield invalid.invalid(here, rest, detail)


def network_policy(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a NetworkPolicy."""
    spec = obj.get("spec") or {}
    yield from object_rules.selector_mistakes(spec.get("podSelector"), "spec.podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or ()):
            here = f"spec.{direction}[{index}]"
            for at, port in enumerate(rule.get("ports") or ()):
                yield from _policy_port(port, f"{here}.ports[{at}]")
            for at, peer in enumerate(rule.get(peers) or ()):
                yield from _policy_peer(peer, f"{here}.{peers}[{at}]")
    kinds = spec.get("policyTypes") or []
    if len(kinds) > len(_DIRECTIONS):
        yield invalid.invalid("spec.policyTypes", kinds, "may not specify more than two policyTypes")
        return
    for index, kind in enumerate(kinds):
        if kind not in _DIRECTIONS:
            yield invalid.unsupported(f"spec.policyTypes[{index}]", kind, _DIRECTIONS)


def _policy_port(port: Obj, here: str) -> Iterator[FieldError]:
    protocol, number, end = port.get("protocol"), port.get("port"), port.get("endPort")
    if protocol is not None and protocol not in _POLICY_PROTOCOLS:
        yield invalid.unsupported(f"{here}.protocol", protocol, _POLICY_PROTOCOLS)
    if number is None or isinstance(number, str):
        why = "specified" if number is None else "numeric"
        detail = f"may not be specified when `port` is {'not ' if number is None else 'non-'}{why}"
        if end is not None:
            yield invalid.invalid(f"{here}.endPort", end, detail)
        if number is not None:
            yield from handlers.port_mistakes(number, f"{here}.port")
        return
    yield from handlers.port_mistakes(number, f"{here}.port")
    if end is not None:
        if end < number:
            yield invalid.invalid(f"{here}.endPort", number, "must be greater than or equal to `port`")
        yield from handlers.port_mistakes(end, f"{here}.endPort")


def _policy_peer(peer: Obj, here: str) -> Iterator[FieldError]:
    chosen = [key for key in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(key) is not None]
    for key in chosen:
        if key == "ipBlock":
            yield from _ip_block(peer[key], f"{here}.{key}")
        else:
            yield from object_rules.selector_mistakes(peer[key], f"{here}.{key}")
    if not chosen:
        yield invalid.required(here, "must specify a peer")
    elif len(chosen) > 1 and "ipBlock" in chosen:
        yield invalid.forbidden(here, "may not specify both ipBlock and another peer")


def _ip_block(block: Obj, here: str) -> Iterator[FieldError]:
    network = block.get("cidr")
    if not network:
        yield invalid.required(f"{here}.cidr")
        return
    mistakes = list(service_rules.cidr_mistakes(network, f"{here}.cidr"))
    yield from mistakes
    if mistakes:
        return
    whole = ipaddress.ip_network(network, strict=False)
    for index, text in enumerate(block.get("except") or ()):
        place = f"{here}.except[{index}]"
        mistakes = list(service_rules.cidr_mistakes(text, place))
        yield from mistakes
        part = None if mistakes else ipaddress.ip_network(text, strict=False)
        if part and (part.network_address not in whole or part.prefixlen <= whole.prefixlen):
            yield invalid.invalid(place, text, "must be a strict subset of `cidr`")


def endpoints(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of Endpoints."""
    for index, subset in enumerate(obj.get("subsets") or ()):
        here = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            yield invalid.required(here, "must specify `addresses` or `notReadyAddresses`")
        for key in ("addresses", "notReadyAddresses"):
            for at, address in enumerate(subset.get(key) or ()):
                place, ip = f"{here}.{key}[{at}].ip", address.get("ip") or ""
                yield from service_rules.ip_mistakes(ip, place)
                yield from endpoint_mistakes(ip, place)
        ports = subset.get("ports") or []
        for at, port in enumerate(ports):
            yield from _endpoint_port(port, f"{here}.ports[{at}]", is_named=len(ports) > 1)


def endpoint_mistakes(ip: str, path: str) -> Iterator[FieldError]:
    """What is wrong with an address as a place that traffic goes to.

    The real server refuses loopback addresses; here pods have some.
    """
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        yield invalid.invalid(path, ip, "must be a valid IP address")
        return
    if address.is_unspecified:
        yield invalid.invalid(path, ip, f"may not be unspecified ({ip})")
    if address.is_link_local:
        yield invalid.invalid(path, ip, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    if ip.startswith("224.0.0.") or ip.lower().startswith("ff02:"):
        detail = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        yield invalid.invalid(path, ip, detail)


def _endpoint_port(port: Obj, here: str, *, is_named: bool) -> Iterator[FieldError]:
    name = port.get("name")
    if is_named and not name:
        yield invalid.required(f"{here}.name")
    for problem in names.label_problems(name) if name else ():
        yield invalid.invalid(f"{here}.name", name, problem)
    yield from handlers.port_mistakes(port.get("port") or 0, f"{here}.port")
    if port.get("protocol") not in _PROTOCOLS:
        yield invalid.unsupported(f"{here}.protocol", port.get("protocol", ""), _PROTOCOLS)


def endpoint_slice(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of an EndpointSlice."""
    kind = obj.get("addressType") or ""
    if not kind:
        yield invalid.required("addressType")
    elif kind not in _ADDRESS_TYPES:
        yield invalid.unsupported("addressType", kind, _ADDRESS_TYPES)
    taken: set[Any] = set()
    for index, port in enumerate(obj.get("ports") or ()):
        here, name = f"ports[{index}]", port.get("name") or ""
        for problem in names.label_problems(name) if name else ():
            yield invalid.invalid(f"{here}.name", name, problem)
        if name in taken:
            yield invalid.duplicate(f"{here}.name", name)
        taken.add(name)
        if port.get("protocol") not in _PROTOCOLS:
            yield invalid.unsupported(f"{here}.protocol", port.get("protocol", ""), _PROTOCOLS)
    for index, endpoint in enumerate(obj.get("endpoints") or ()):
        yield from _endpoint(endpoint, kind, f"endpoints[{index}]")


def _endpoint(endpoint: Obj, kind: str, here: str) -> Iterator[FieldError]:
    addresses = endpoint.get("addresses") or []
    if not addresses:
        yield invalid.required(f"{here}.addresses", "must contain at least 1 address")
    for index, address in enumerate(addresses):
        place = f"{here}.addresses[{index}]"
        if kind not in ("IPv4", "IPv6"):
            continue
        mistakes = list(service_rules.ip_mistakes(address, place))
        yield from mistakes
        if mistakes:
            continue
        if f"IPv{ipaddress.ip_address(address).version}" != kind:
            yield invalid.invalid(f"{here}.addresses", address, f"must be an {kind} address")
        yield from endpoint_mistakes(address, place)
