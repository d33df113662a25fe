"""The rules of a pod's spec, wherever it stands."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from jx.adapters.local.kubernetes import invalid, names, quantities
from jx.adapters.local.kubernetes.facts import Obj
from jx.adapters.local.kubernetes.invalid import FieldError

PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
RESTART_POLICIES: Final = ("Always", "OnFailure", "Never")

_DNS_POLICIES: Final = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc")


def spec_mistakes(
    spec: Obj, path: str, restarts: tuple[str, ...] = RESTART_POLICIES, claims: tuple[str, ...] = ()
) -> Iterator[FieldError]:
    """All mistakes of a pod's spec; `restarts` are the restart policies that its owner can live with, `claims` the volumes that
    it adds to each pod (a StatefulSet's claim templates)."""
    volumes = _names(spec.get("volumes")) | set(claims)
    yield from _volume_mistakes(spec.get("volumes") or [], f"{path}.volumes")
    containers = spec.get("containers") or []
    if not containers:
        yield invalid.required(f"{path}.containers")
    taken: set[str] = set()
    for key in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(key) or ()):
            here = f"{path}.{key}[{index}]"
            yield from _name_mistakes(container.get("name"), f"{here}.name", taken)
            yield from _container_mistakes(container, here, volumes)
    policy = spec.get("restartPolicy")
    if policy not in restarts:
        yield invalid.unsupported(f"{path}.restartPolicy", policy or "", restarts)
    if spec.get("dnsPolicy") not in _DNS_POLICIES:
        yield invalid.unsupported(f"{path}.dnsPolicy", spec.get("dnsPolicy", ""), _DNS_POLICIES)
    for key, limit in (("terminationGracePeriodSeconds", 0), ("activeDeadlineSeconds", 1)):
        seconds = spec.get(key)
        if seconds is not None and seconds < limit:
            bound = (
                "must be greater than or equal to 0"
                if limit == 0
                else "must be between 1 and 2147483647, inclusive"
            )
            yield invalid.invalid(f"{path}.{key}", seconds, bound)
    account = spec.get("serviceAccountName")
    for problem in names.subdomain_problems(account) if account else ():
        yield invalid.invalid(f"{path}.serviceAccountName", account, problem)


def port_mistakes(value: Any, path: str) -> Iterator[FieldError]:
    """A port is a number from 1 to 65535, or a name."""
    if isinstance(value, int):
        if not 1 <= value <= 65535:
            yield invalid.invalid(path, value, "must be between 1 and 65535, inclusive")
    elif isinstance(value, str):
        for problem in _port_name_problems(value):
            yield invalid.invalid(path, value, problem)


def _names(items: Any) -> set[str]:
    return {item.get("name", "") for item in items or ()}


def _name_mistakes(name: str | None, path: str, taken: set[str]) -> Iterator[FieldError]:
    """A name that must be there, be a DNS label, and stand once."""
    if not name:
        yield invalid.required(path)
        return
    problems = names.label_problems(name)
    for problem in problems:
        yield invalid.invalid(path, name, problem)
    if not problems and name in taken:
        yield invalid.duplicate(path, name)
    taken.add(name)


def _volume_mistakes(volumes: list[Obj], path: str) -> Iterator[FieldError]:
    taken: set[str] = set()
    for index, volume in enumerate(volumes):
        here = f"{path}[{index}]"
        yield from _name_mistakes(volume.get("name"), f"{here}.name", taken)
        sources = sorted(volume.keys() - {"name"})
        for extra in sources[1:]:
            yield invalid.forbidden(f"{here}.{extra}", "may not specify more than 1 volume type")
        secret = volume.get("secret")
        if secret is not None and not secret.get("secretName"):
            yield invalid.required(f"{here}.secret.secretName")
        config_map = volume.get("configMap")
        if config_map is not None and not config_map.get("name"):
            yield invalid.required(f"{here}.configMap.name")
        claim = volume.get("persistentVolumeClaim")
        if claim is not None and not claim.get("claimName"):
            yield invalid.required(f"{here}.persistentVolumeClaim.claimName")


def _container_mistakes(container: Obj, path: str, volumes: set[str]) -> Iterator[FieldError]:
    image = container.get("image")
    if not image:
        yield invalid.required(f"{path}.image")
    elif image != image.strip():
        yield invalid.invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    if container.get("imagePullPolicy") not in PULL_POLICIES:
        yield invalid.unsupported(
            f"{path}.imagePullPolicy", container.get("imagePullPolicy", ""), PULL_POLICIES
        )
    yield from _container_port_mistakes(container.get("ports") or [], f"{path}.ports")
    yield from _environment_mistakes(container.get("env") or [], f"{path}.env")
    yield from _mount_mistakes(container.get("volumeMounts") or [], f"{path}.volumeMounts", volumes)
    yield from _resource_mistakes(container.get("resources") or {}, f"{path}.resources")
    for key in _PROBES:
        if container.get(key) is not None:
            yield from _probe_mistakes(container[key], f"{path}.{key}")


def _container_port_mistakes(ports: list[Obj], path: str) -> Iterator[FieldError]:
    taken: set[str] = set()
    for index, port in enumerate(ports):
        here = f"{path}[{index}]"
        name = port.get("name")
        for problem in _port_name_problems(name) if name else ():
            yield invalid.invalid(f"{here}.name", name, problem)
        if name and name in taken:
            yield invalid.duplicate(f"{here}.name", name)
        taken.add(name or "")
        if not port.get("containerPort"):
            yield invalid.required(f"{here}.containerPort")
        else:
            yield from port_mistakes(port["containerPort"], f"{here}.containerPort")
        if port.get("hostPort"):
            yield from port_mistakes(port["hostPort"], f"{here}.hostPort")
        if port.get("protocol") not in _PROTOCOLS:
            yield invalid.unsupported(f"{here}.protocol", port.get("protocol", ""), _PROTOCOLS)


def _port_name_problems(name: str) -> list[str]:
    problems = ["must be no more than 15 characters"] if len(name) > 15 else []
    if not re.fullmatch("[-a-z0-9]+", name):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", name):
        problems.append("must contain at least one letter (a-z)")
    if "--" in name:
        problems.append("must not contain consecutive hyphens")
    if name[:1] == "-" or name[-1:] == "-":
        problems.append("must not begin or end with a hyphen")
    return problems


def _environment_mistakes(variables: list[Obj], path: str) -> Iterator[FieldError]:
    for index, variable in enumerate(variables):
        here = f"{path}[{index}]"
        name = variable.get("name")
        if not name:
            yield invalid.required(f"{here}.name")
        elif not re.fullmatch(r"[ -<>-~]+", name):
            detail = "a valid environment variable name must consist only of printable ASCII characters other than '='"
            yield invalid.invalid(f"{here}.name", name, detail)
        source = variable.get("valueFrom")
        if source is None:
            continue
        if not source:
            detail = "must specify one of: `configMapKeyRef`, `fieldRef`, `fileKeyRef`, `resourceFieldRef` or `secretKeyRef`"
            yield invalid.invalid(f"{here}.valueFrom", "", detail)
        elif variable.get("value"):
            detail = "may not be specified when `value` is not empty"
            yield invalid.invalid(f"{here}.valueFrom", "", detail)


def _mount_mistakes(mounts: list[Obj], path: str, volumes: set[str]) -> Iterator[FieldError]:
    taken: set[str] = set()
    for index, mount in enumerate(mounts):
        here = f"{path}[{index}]"
        name, target = mount.get("name"), mount.get("mountPath")
        if not name:
            yield invalid.required(f"{here}.name")
        elif name not in volumes:
            yield invalid.not_found(f"{here}.name", name)
        if not target:
            yield invalid.required(f"{here}.mountPath")
        elif target in taken:
            yield invalid.invalid(f"{here}.mountPath", target, "must be unique")
        taken.add(target or "")


def _resource_mistakes(resources: Obj, path: str) -> Iterator[FieldError]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for key, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            if quantities.parse(amount) < 0:
                yield invalid.invalid(f"{path}.{key}[{name}]", amount, "must be greater than or equal to 0")
    for name, amount in requests.items():
        limit: Decimal | None = quantities.parse(limits[name]) if name in limits else None
        if limit is not None and quantities.parse(amount) > limit:
            detail = f"must be less than or equal to {name} limit of {limits[name]}"
            yield invalid.invalid(f"{path}.requests", amount, detail)


def _probe_mistakes(probe: Obj, path: str) -> Iterator[FieldError]:
    handlers = [key for key in _HANDLERS if probe.get(key) is not None]
    if not handlers:
        yield invalid.required(path, "must specify a handler type")
    for extra in handlers[1:]:
        yield invalid.forbidden(f"{path}.{extra}", "may not specify more than 1 handler type")
    for key in ("httpGet", "tcpSocket"):
        if key in handlers[:1]:
            yield from port_mistakes(probe[key].get("port"), f"{path}.{key}.port")
    for key in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds"):
        if (probe.get(key) or 0) < 0:
            yield invalid.invalid(f"{path}.{key}", probe[key], "must be greater than or equal to 0")
    if path.endswith(("livenessProbe", "startupProbe")) and probe.get("successThreshold", 1) != 1:
        yield invalid.invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")
