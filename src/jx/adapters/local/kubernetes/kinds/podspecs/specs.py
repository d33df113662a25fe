"""A pod's spec as a whole."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Final

from jx.adapters.local.kubernetes.kinds import object_rules
from jx.adapters.local.kubernetes.kinds.podspecs import (
    amounts,
    containers,
    context,
    environment,
    images,
    placement,
    security,
    volumes,
)
from jx.adapters.local.kubernetes.types import internal_types
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names, quantities
from jx.adapters.local.kubernetes.words.invalid import FieldError

_RESTARTS: Final = ("Always", "OnFailure", "Never")
_DNS_POLICIES: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PREEMPTIONS: Final = ("PreemptLowerPriority", "Never")
_DEADLINES: Final = range(1, 2**31)
_MOST_NAME_SERVERS, _MOST_SEARCHES, _LONGEST_SEARCHES = 3, 32, 2048
_LONGEST_HOSTNAME: Final = 64


def mistakes(spec: Obj, path: str, *, pod: str = "", is_pod: bool = False) -> Iterator[FieldError]:
    """All mistakes of a pod's spec; `pod` is the pod's name, `is_pod` whether it stands in a Pod and not in a template."""
    good, found = volumes.mistakes(spec.get("volumes") or [], f"{path}.volumes", pod=pod, is_pod=is_pod)
    yield from found
    around = context.of_spec(spec, good, name=pod, is_pod=is_pod)
    running, first = spec.get("containers") or [], spec.get("initContainers") or []
    yield from containers.claim_mistakes(spec.get("resourceClaims") or [], f"{path}.resourceClaims")
    yield from containers.mistakes(running, f"{path}.containers", around)
    yield from containers.first_mistakes(first, running, f"{path}.initContainers", around)
    yield from containers.ephemeral_mistakes(spec, f"{path}.ephemeralContainers", around)
    yield from amounts.pod_mistakes(spec, path, around)
    yield from containers.host_network_mistakes(spec, path, around)
    yield from _choice(spec, "restartPolicy", _RESTARTS, path)
    yield from _choice(spec, "dnsPolicy", _DNS_POLICIES, path)
    yield from object_rules.label_mistakes(spec.get("nodeSelector"), f"{path}.nodeSelector")
    yield from security.pod_mistakes(spec, f"{path}.securityContext")
    yield from placement.affinity_mistakes(spec.get("affinity"), f"{path}.affinity")
    yield from _dns_mistakes(spec, f"{path}.dnsConfig")
    yield from placement.condition_type_mistakes(spec.get("readinessGates") or [], f"{path}.readinessGates")
    yield from placement.gate_mistakes(spec.get("schedulingGates") or [], f"{path}.schedulingGates")
    spread = spec.get("topologySpreadConstraints") or []
    yield from placement.spread_mistakes(spread, f"{path}.topologySpreadConstraints")
    yield from security.user_namespace_mistakes(spec, path)
    yield from _hostname_mistakes(spec, path)
    yield from _name_mistakes(spec, path)
    yield from _rest_mistakes(spec, path)
    yield from environment.file_volume_mistakes(spec, path)


def _choice(owner: Obj, key: str, supported: tuple[str, ...], path: str) -> Iterator[FieldError]:
    value = owner.get(key) or ""
    if not value:
        yield invalid.required(f"{path}.{key}")
    elif value not in supported:
        yield invalid.unsupported(f"{path}.{key}", value, supported)


def _named(value: str | None, path: str, problems: Callable[[str], list[str]]) -> Iterator[FieldError]:
    for problem in problems(value) if value else ():
        yield invalid.invalid(path, value, problem)


def _name_mistakes(spec: Obj, path: str) -> Iterator[FieldError]:
    for key in ("serviceAccountName", "nodeName"):
        yield from _named(spec.get(key), f"{path}.{key}", names.subdomain_problems)
    seconds = spec.get("activeDeadlineSeconds")
    if seconds is not None and seconds not in _DEADLINES:
        detail = f"must be between {_DEADLINES.start} and {_DEADLINES.stop - 1}, inclusive"
        yield invalid.invalid(f"{path}.activeDeadlineSeconds", seconds, detail)
    for key in ("hostname", "subdomain"):
        yield from _named(spec.get(key), f"{path}.{key}", names.label_problems)


def _rest_mistakes(spec: Obj, path: str) -> Iterator[FieldError]:
    yield from placement.toleration_mistakes(spec.get("tolerations") or [], f"{path}.tolerations")
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        here = f"{path}.hostAliases[{index}]"
        yield from address_mistakes(alias.get("ip") or "", f"{here}.ip")
        for at, name in enumerate(alias.get("hostnames") or ()):
            for problem in names.subdomain_problems(name):
                yield invalid.invalid(f"{here}.hostnames[{at}]", name, problem)
    yield from _named(spec.get("priorityClassName"), f"{path}.priorityClassName", names.subdomain_problems)
    runtime = spec.get("runtimeClassName")
    for problem in names.subdomain_problems(runtime) if runtime is not None else ():
        yield invalid.invalid(f"{path}.runtimeClassName", runtime, problem)
    if spec.get("preemptionPolicy") is not None:
        yield from _choice(spec, "preemptionPolicy", _PREEMPTIONS, path)
    for name, amount in sorted((spec.get("overhead") or {}).items()):
        if quantities.parse(amount) < 0:
            detail = "must be greater than or equal to 0"
            yield invalid.invalid(f"{path}.overhead.limits[{name}]", amount, detail)
    yield from security.system_mistakes(spec, path)


def address_mistakes(address: str, path: str) -> Iterator[FieldError]:
    """An IP address of version 4 or 6."""
    octets = address.split(".")
    plain = ".".join(str(int(one)) if one.isdigit() else one for one in octets)
    try:
        found = ipaddress.ip_address(plain)
    except ValueError:
        detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        yield invalid.invalid(path, address, detail)
        return
    if plain != address:
        yield invalid.invalid(path, address, "must not have leading 0s")
    elif isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        yield invalid.invalid(path, address, "must not be an IPv4-mapped IPv6 address")


def _dns_mistakes(spec: Obj, path: str) -> Iterator[FieldError]:
    settings = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if settings is None:
            yield invalid.required(path, "must provide `dnsConfig` when `dnsPolicy` is None")
            return
        if not settings.get("nameservers"):
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            yield invalid.required(f"{path}.nameservers", detail)
            return
    yield from _resolver_mistakes(settings or {}, path)


def _resolver_mistakes(settings: Obj, path: str) -> Iterator[FieldError]:
    servers, searches = settings.get("nameservers") or [], settings.get("searches") or []
    if len(servers) > _MOST_NAME_SERVERS:
        detail = f"must not have more than {_MOST_NAME_SERVERS} nameservers"
        yield invalid.invalid(f"{path}.nameservers", servers, detail)
    for index, server in enumerate(servers):
        yield from address_mistakes(server, f"{path}.nameservers[{index}]")
    if len(searches) > _MOST_SEARCHES:
        detail = f"must not have more than {_MOST_SEARCHES} search paths"
        yield invalid.invalid(f"{path}.searches", searches, detail)
    if len(" ".join(searches)) > _LONGEST_SEARCHES:
        detail = (
            f"must not have more than {_LONGEST_SEARCHES} characters (including spaces) in the search list"
        )
        yield invalid.invalid(f"{path}.searches", searches, detail)
    for index, search in enumerate(searches):
        yield from _search_mistakes(search, f"{path}.searches[{index}]")
    for index, option in enumerate(settings.get("options") or ()):
        if not option.get("name"):
            yield invalid.required(f"{path}.options[{index}]", "must not be empty")


_SEARCH_LABEL: Final = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SEARCH: Final = rf"{_SEARCH_LABEL}(\.{_SEARCH_LABEL})*"
_SEARCH_TEXT: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must "
    f"start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SEARCH}')"
)


def _search_mistakes(search: str, path: str) -> Iterator[FieldError]:
    shown = search.removesuffix(".")
    if search == ".":
        return
    if len(shown) > 253:
        yield invalid.invalid(path, shown, "must be no more than 253 characters")
    if not re.fullmatch(_SEARCH, shown):
        yield invalid.invalid(path, shown, _SEARCH_TEXT)


def _hostname_mistakes(spec: Obj, path: str) -> Iterator[FieldError]:
    name, here = spec.get("hostnameOverride"), f"{path}.hostnameOverride"
    if name is None:
        return
    for key in ("setHostnameAsFQDN", "hostNetwork"):
        if spec.get(key):
            yield invalid.forbidden(here, f"may not be specified when {key} is true")
    if len(name) > _LONGEST_HOSTNAME:
        yield invalid.too_long(here, _LONGEST_HOSTNAME)
    for problem in names.subdomain_problems(name):
        yield invalid.invalid(here, name, problem)


def template_mistakes(template: Obj, path: str) -> Iterator[FieldError]:
    """All mistakes of a workload's pod template."""
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    yield from object_rules.label_mistakes(metadata.get("labels"), f"{path}.labels")
    yield from object_rules.annotation_mistakes(metadata.get("annotations"), f"{path}.annotations")
    yield from annotation_mistakes(metadata.get("annotations") or {}, spec, f"{path}.annotations")
    yield from mistakes(spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        detail = "ephemeral containers not allowed in pod template"
        yield invalid.forbidden(f"{path}.spec.ephemeralContainers", detail)


def annotation_mistakes(annotations: Obj, spec: Obj, path: str) -> Iterator[FieldError]:
    """Annotations that the server itself reads."""
    mirror, cost = "kubernetes.io/config.mirror", "controller.kubernetes.io/pod-deletion-cost"
    if mirror in annotations and not spec.get("nodeName"):
        detail = "must set spec.nodeName if mirror pod annotation is set"
        yield invalid.invalid(f"{path}[{mirror}]", annotations[mirror], detail)
    wanted = annotations.get(cost)
    if wanted is not None and not (re.fullmatch(r"-?(0|[1-9]\d*)", wanted) and abs(int(wanted)) < 2**31):
        yield invalid.invalid(f"{path}[{cost}]", wanted, "must be a 32bit integer")


def pod_mistakes(pod: Obj) -> Iterator[FieldError]:
    """All mistakes of a Pod outside of what all objects have."""
    spec, metadata = pod.get("spec") or {}, pod["metadata"]
    yield from annotation_mistakes(metadata.get("annotations") or {}, spec, "metadata.annotations")
    yield from mistakes(spec, "spec", pod=metadata.get("name") or "", is_pod=True)
    if not spec.get("serviceAccountName"):
        for index, volume in enumerate(spec.get("volumes") or ()):
            for at, source in enumerate((volume.get("projected") or {}).get("sources") or ()):
                if source.get("serviceAccountToken") is not None:
                    where = f"spec.volumes[{index}].projected.sources[{at}].serviceAccountToken"
                    detail = "must not be specified when serviceAccountName is not set"
                    yield invalid.forbidden(where, detail)
    for key in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(key) or ()):
            yield from images.padding_mistakes(container, f"spec.{key}[{index}]")


def create_mistakes(pod: Obj) -> Iterator[FieldError]:
    """All mistakes of a new Pod."""
    spec = pod.get("spec") or {}
    yield from pod_mistakes(pod)
    if spec.get("ephemeralContainers"):
        yield invalid.forbidden("spec.ephemeralContainers", "cannot be set on create")
    if spec.get("nodeName") and spec.get("schedulingGates"):
        detail = "cannot be set until all schedulingGates have been cleared"
        yield invalid.forbidden("spec.nodeName", detail)


def printed_template(template: Obj) -> invalid.Printed:
    """A template as messages show it."""
    return internal_types.printed(template, "io.k8s.api.core.v1.PodTemplateSpec")
