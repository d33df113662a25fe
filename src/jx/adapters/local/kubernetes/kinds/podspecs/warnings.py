"""What the real server warns of in a pod's spec that it accepts."""

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from jx.adapters.local.kubernetes.kinds.podspecs import context
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import names, quantities

_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_NODE_LABELS: Final = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": (
        'deprecated since v1.17; use "topology.kubernetes.io/region" instead'
    ),
    "failure-domain.beta.kubernetes.io/zone": (
        'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'
    ),
    "beta.kubernetes.io/instance-type": (
        'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'
    ),
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}
_ANNOTATIONS: Final = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_SECCOMP: Final = "seccomp.security.alpha.kubernetes.io/pod"
_CONTAINER_SECCOMP: Final = "container.seccomp.security.alpha.kubernetes.io/"
_NO_SECCOMP: Final = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_VOLUMES: Final = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
_BYTES: Final = ("memory", "ephemeral-storage")
_NO_POD: Final = "a null labelSelector results in matching no pod"


def of_pod(pod: Obj) -> list[str]:
    """The warnings for a new Pod."""
    name = pod["metadata"].get("name") or ""
    what = "this is used in the Pod's hostname, which can result in surprising behavior"
    return [*of_name(name, what), *_warnings(pod, "")]


def of_template(template: Obj | None, path: str) -> list[str]:
    """The warnings for a workload's pod template."""
    return list(_warnings(template, f"{path}.")) if template else []


def of_name(name: str, what: str) -> list[str]:
    """The warnings for a name that becomes part of host names."""
    problems = names.label_problems(name)
    if not problems:
        return []
    return [f"metadata.name: {what}; a DNS label is recommended: [{' '.join(problems)}]"]


def of_claim(spec: Obj, path: str) -> list[str]:
    """The warnings for the spec of a PersistentVolumeClaim."""
    resources = spec.get("resources") or {}
    return [
        warning
        for kind in ("requests", "limits")
        for warning in _fractions(resources.get(kind), f"{path}.resources.{kind}", ("storage",))
    ]


def _fractions(amounts: Obj | None, path: str, resources: Iterable[str]) -> Iterator[str]:
    for name in resources:
        amount = (amounts or {}).get(name)
        if amount is not None and not quantities.is_whole(amount):
            yield f'{path}[{name}]: fractional byte value "{amount}" is invalid, must be an integer'


def _warnings(pod: Obj, head: str) -> Iterator[str]:
    spec, metadata = pod.get("spec") or {}, pod.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    yield from _place_warnings(spec, f"{head}spec")
    for key, message in _ANNOTATIONS.items():
        if key in annotations:
            yield f"{head}metadata.annotations[{key}]: {message}"
    yield from _volume_warnings(spec.get("volumes") or [], f"{head}spec.volumes")
    yield from _repeated(spec.get("hostAliases") or [], "ip", f"{head}spec.hostAliases")
    secrets = spec.get("imagePullSecrets") or []
    yield from _repeated(secrets, "name", f"{head}spec.imagePullSecrets")
    for index, secret in enumerate(secrets):
        if not secret.get("name"):
            yield f'{head}spec.imagePullSecrets[{index}].name: invalid empty name ""'
    yield from _fractions(spec.get("overhead"), f"{head}spec.overhead", _BYTES)
    owners = [(spec, _SECCOMP)]
    owners += [
        (container, _CONTAINER_SECCOMP + (container.get("name") or ""))
        for container, _ in context.containers(spec, "")
    ]
    for owner, key in owners:
        if key in annotations and not (owner.get("securityContext") or {}).get("seccompProfile"):
            yield f"{head}metadata.annotations[{key}]: {_NO_SECCOMP}"
    for container, path in context.containers(spec, f"{head}spec"):
        yield from _container_warnings(container, path)
    yield from _port_warnings(spec, f"{head}spec")
    yield from _rest_warnings(spec, f"{head}spec")


def _rest_warnings(spec: Obj, path: str) -> Iterator[str]:
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        where = f"{path}.terminationGracePeriodSeconds"
        yield f"{where}: must be >= 0; negative values are invalid and will be treated as 1"
    yield from _neighbour_warnings(spec.get("affinity") or {}, f"{path}.affinity")
    servers = (spec.get("dnsConfig") or {}).get("nameservers") or ()
    for index, server in enumerate(servers):
        yield from address_warnings(server, f"{path}.dnsConfig.nameservers[{index}]")
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        yield from address_warnings(alias.get("ip") or "", f"{path}.hostAliases[{index}].ip")


def _repeated(items: list[Obj], key: str, path: str) -> Iterator[str]:
    taken: set[str] = set()
    for index, item in enumerate(items):
        value = item.get(key) or ""
        if value in taken:
            yield f'{path}[{index}].{key}: duplicate {key} "{value}"'
        taken.add(value)


def _place_warnings(spec: Obj, path: str) -> Iterator[str]:
    for key in sorted(spec.get("nodeSelector") or ()):
        if key in _NODE_LABELS:
            yield f"{path}.nodeSelector[{key}]: {_NODE_LABELS[key]}"
    nodes, here = (spec.get("affinity") or {}).get("nodeAffinity") or {}, f"{path}.affinity.nodeAffinity"
    for index, term in enumerate((nodes.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ()):
        yield from _term_warnings(term, f"{here}.{_REQUIRED}.nodeSelectorTerms[{index}]")
    for index, weighted in enumerate(nodes.get(_PREFERRED) or ()):
        term, where = weighted.get("preference") or {}, f"{here}.{_PREFERRED}[{index}].preference"
        yield from _term_warnings(term, where, checks_values=True)
    for index, one in enumerate(spec.get("topologySpreadConstraints") or ()):
        where, key = f"{path}.topologySpreadConstraints[{index}]", one.get("topologyKey") or ""
        if key in _NODE_LABELS:
            yield f"{where}.topologyKey: {key} is {_NODE_LABELS[key]}"
        if one.get("labelSelector") is None:
            yield f"{where}.labelSelector: {_NO_POD}"


def _term_warnings(term: Obj, path: str, *, checks_values: bool = False) -> Iterator[str]:
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        here, key = f"{path}.matchExpressions[{index}]", expression.get("key") or ""
        if key in _NODE_LABELS:
            yield f"{here}.key: {key} is {_NODE_LABELS[key]}"
        for at, value in enumerate(expression.get("values") or ()) if checks_values else ():
            for problem in names.label_value_problems(value):
                yield f"{here}.values[{at}]: {value} is invalid, {problem}"


def _neighbour_warnings(affinity: Obj, path: str) -> Iterator[str]:
    for kind in ("podAffinity", "podAntiAffinity"):
        own, here = affinity.get(kind) or {}, f"{path}.{kind}"
        for index, term in enumerate(own.get(_REQUIRED) or ()):
            if term.get("labelSelector") is None:
                yield f"{here}.{_REQUIRED}[{index}].labelSelector: {_NO_POD}"
        for index, weighted in enumerate(own.get(_PREFERRED) or ()):
            if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
                yield f"{here}.{_PREFERRED}[{index}].podAffinityTerm.labelSelector: {_NO_POD}"


def _container_warnings(container: Obj, path: str) -> Iterator[str]:
    resources = container.get("resources") or {}
    for name in _BYTES:
        for kind in ("limits", "requests"):
            yield from _fractions(resources.get(kind), f"{path}.resources.{kind}", (name,))
    taken: set[str] = set()
    for index, variable in enumerate(container.get("env") or ()):
        name, value = variable.get("name") or "", variable.get("value") or ""
        reference = f"$({name})"
        # A value that adds to the one before it is no mistake.
        is_bad = variable.get("valueFrom") is not None or value == reference or reference not in value
        if name in taken and is_bad:
            detail = f'hides previous definition of "{name}", which may be dropped when using apply'
            yield f"{path}.env[{index}]: {detail}"
        taken.add(name)


class _Port(NamedTuple):
    path: str
    host_ip: str
    host_port: int


def _port_warnings(spec: Obj, path: str) -> Iterator[str]:
    ports = [
        (port, f"{here}.ports[{index}]")
        for container, here in context.containers(spec, path)
        for index, port in enumerate(container.get("ports") or ())
    ]
    yield from _overlapping_ports(ports)
    yield from _repeated_port_names(ports)


def _overlapping_ports(ports: list[tuple[Obj, str]]) -> Iterator[str]:
    known: dict[tuple[int, str], list[_Port]] = {}
    for port, where in ports:
        own = _Port(where, port.get("hostIP") or "", port.get("hostPort") or 0)
        others = known.setdefault((port.get("containerPort") or 0, port.get("protocol") or ""), [])
        for other in others:
            if own[1:] == other[1:]:
                yield f"{own.path}: duplicate port definition with {other.path}"
            elif not own.host_port or not other.host_port:
                yield f"{own.path}: overlapping port definition with {other.path}"
            elif own.host_port == other.host_port and (not own.host_ip) != (not other.host_ip):
                yield f"{own.path}: dangerously ambiguous port definition with {other.path}"
        others.append(own)


def _repeated_port_names(ports: list[tuple[Obj, str]]) -> Iterator[str]:
    taken: dict[str, str] = {}
    for port, where in ports:
        name = port.get("name") or ""
        if name in taken:
            first = taken[name]
            detail = f"services and probes that select ports by name will use {first}"
            yield f'{where}: duplicate port name "{name}" with {first}, {detail}'
        elif name:
            taken[name] = where


def _volume_warnings(volumes: list[Obj], path: str) -> Iterator[str]:
    for index, volume in enumerate(volumes):
        for key, message in _VOLUMES.items():
            if volume.get(key) is not None:
                shown = "storageOS" if key == "storageos" else key
                yield f"{path}[{index}].{shown}: {message}"
        template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
        if template is not None:
            where = f"{path}[{index}].ephemeral.volumeClaimTemplate.spec"
            yield from of_claim(template.get("spec") or {}, where)
    for volume in volumes:
        yield from _overlap_warnings(volume)


def _overlap_warnings(volume: Obj) -> Iterator[str]:
    name = volume.get("name") or ""
    for key, kind, named in (
        ("configMap", "ConfigMap", "name"),
        ("secret", "Secret", "secretName"),
        ("downwardAPI", "DownwardAPI", ""),
    ):
        source = volume.get(key) or {}
        shown = f'{kind} "{source.get(named) or ""}"' if named else kind
        paths = [(item.get("path") or "", "") for item in source.get("items") or ()]
        yield from _overlaps(paths, name, shown)
    projected: list[tuple[str, str]] = []
    for source in (volume.get("projected") or {}).get("sources") or ():
        if not source:
            yield f'volume "{name}" (Projected) has no sources provided'
        yield from _overlaps(_projected_paths(source), name, "Projected", projected)


def _projected_paths(source: Obj) -> list[tuple[str, str]]:
    for key, kind in (("configMap", "ConfigMap"), ("secret", "Secret"), ("downwardAPI", "DownwardAPI")):
        own = source.get(key) or {}
        if own.get("items"):
            shown = kind if key == "downwardAPI" else f'{kind} "{own.get("name") or ""}"'
            return [(item.get("path") or "", shown) for item in own["items"]]
    if source.get("serviceAccountToken") is not None:
        return [(source["serviceAccountToken"].get("path") or "", "ServiceAccountToken")]
    bundle = source.get("clusterTrustBundle")
    if bundle is not None:
        shown = bundle.get("name") or bundle.get("signerName") or ""
        return [(bundle.get("path") or "", f'ClusterTrustBundle "{shown}"')]
    return []


def _overlaps(
    paths: list[tuple[str, str]], volume: str, shown: str, seen: list[tuple[str, str]] | None = None
) -> Iterator[str]:
    seen = [] if seen is None else seen
    for raw, source in paths:
        path = raw.rstrip("/")
        for other, other_source in seen if path else ():
            if other and (f"{other}/".startswith(f"{path}/") or f"{path}/".startswith(f"{other}/")):
                both = f"{_shown_path(path, source)} with {_shown_path(other, other_source)}"
                yield f'volume "{volume}" ({shown}): overlapping paths: {both}'
        seen.append((path, source))


def _shown_path(path: str, source: str) -> str:
    return f'"{path}" ({source})' if source else f'"{path}"'


def address_warnings(address: str, path: str) -> Iterator[str]:
    """The warnings for an address of version 6 that has a shorter form."""
    try:
        found: Any = ipaddress.ip_address(address)
    except ValueError:
        return
    if found.version == 6 and str(found) != address:
        detail = f'should be in RFC 5952 canonical format ("{found}")'
        yield f'{path}: IPv6 address "{address}" {detail}'
