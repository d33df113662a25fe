"""Containers of pods: those that begin, those that run, and those that somebody adds to look around."""

from collections.abc import Iterator
from typing import Final

from jx.adapters.local.kubernetes.kinds.podspecs import (
    amounts,
    environment,
    handlers,
    images,
    mounts,
    restarts,
    security,
)
from jx.adapters.local.kubernetes.kinds.podspecs.context import Context
from jx.adapters.local.kubernetes.types import internal_types
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names
from jx.adapters.local.kubernetes.words.invalid import FieldError

_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_MESSAGE_POLICIES: Final = ("File", "FallbackToLogsOnError")
_OF_SIDECARS: Final = ("lifecycle", *handlers.PROBES)
# In the order of the internal type.
_NEVER_EPHEMERAL: Final = (
    "ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules", "livenessProbe",
    "readinessProbe", "startupProbe", "lifecycle",
)  # fmt: skip


def mistakes(containers: list[Obj], path: str, around: Context) -> Iterator[FieldError]:
    """The mistakes of the containers that run."""
    if not containers:
        yield invalid.required(path)
        return
    taken: set[str] = set()
    for index, container in enumerate(containers):
        here, name = f"{path}[{index}]", container.get("name") or ""
        yield from _common_mistakes(container, here, around)
        if name in taken:
            yield invalid.duplicate(f"{here}.name", name)
        taken.add(name)
        if container.get("lifecycle") is not None:
            yield from handlers.lifecycle_mistakes(container["lifecycle"], f"{here}.lifecycle", around)
        yield from handlers.probe_mistakes(container, here, around)
        yield from restarts.mistakes(container, here)
    yield from _host_port_mistakes(containers, path)


def first_mistakes(
    containers: list[Obj], others: list[Obj], path: str, around: Context
) -> Iterator[FieldError]:
    """The mistakes of the containers that begin (`others` run)."""
    taken = {one.get("name") or "" for one in others}
    for index, container in enumerate(containers):
        here, name = f"{path}[{index}]", container.get("name") or ""
        yield from _common_mistakes(container, here, around)
        yield from restarts.mistakes(container, here)
        if name in taken:
            yield invalid.duplicate(f"{here}.name", name)
        elif name:
            taken.add(name)
        yield from _host_port_mistakes([container], path)
        is_sidecar = container.get("restartPolicy") == "Always"
        if is_sidecar:
            if container.get("lifecycle") is not None:
                yield from handlers.lifecycle_mistakes(container["lifecycle"], f"{here}.lifecycle", around)
            yield from handlers.probe_mistakes(container, here, around)
        else:
            yield from _only_sidecars_mistakes(container, here)


def _only_sidecars_mistakes(container: Obj, path: str) -> Iterator[FieldError]:
    for key in _OF_SIDECARS:
        if container.get(key) is not None:
            detail = "may not be set for init containers without restartPolicy=Always"
            yield invalid.forbidden(f"{path}.{key}", detail)
    for index, policy in enumerate(container.get("resizePolicy") or ()):
        if policy.get("restartPolicy") == "RestartContainer":
            detail = "must not be set to 'RestartContainer' for non-sidecar initContainers"
            yield invalid.invalid(
                f"{path}.resizePolicy[{index}].restartPolicy", policy["restartPolicy"], detail
            )


def ephemeral_mistakes(spec: Obj, path: str, around: Context) -> Iterator[FieldError]:
    """The mistakes of the containers that somebody added."""
    others = {
        one.get("name") or "" for key in ("containers", "initContainers") for one in spec.get(key) or ()
    }
    taken = set(others)
    for index, container in enumerate(spec.get("ephemeralContainers") or ()):
        here, name = f"{path}[{index}]", container.get("name") or ""
        yield from _common_mistakes(container, here, around)
        yield from images.padding_mistakes(container, here)
        if name in taken:
            yield invalid.duplicate(f"{here}.name", name)
        taken.add(name)
        target = container.get("targetContainerName")
        if target and target not in others:
            yield invalid.not_found(f"{here}.targetContainerName", target)
        for key in _NEVER_EPHEMERAL:
            if container.get(key):
                yield invalid.forbidden(f"{here}.{key}", "cannot be set for an Ephemeral Container")
        for at, mount in enumerate(container.get("volumeMounts") or ()):
            for key in ("subPath", "subPathExpr"):
                if mount.get(key):
                    where = f"{here}.volumeMounts[{at}].{key}"
                    yield invalid.forbidden(where, "cannot be set for an Ephemeral Container")


def _common_mistakes(container: Obj, path: str, around: Context) -> Iterator[FieldError]:
    name = container.get("name") or ""
    if not name:
        yield invalid.required(f"{path}.name")
    for problem in names.label_problems(name) if name else ():
        yield invalid.invalid(f"{path}.name", name, problem)
    if not container.get("image"):
        yield invalid.required(f"{path}.image")
    policy = container.get("terminationMessagePolicy") or ""
    if policy not in _MESSAGE_POLICIES:
        yield invalid.unsupported(f"{path}.terminationMessagePolicy", policy, _MESSAGE_POLICIES)
    yield from _port_mistakes(container.get("ports") or [], f"{path}.ports")
    yield from environment.mistakes(container.get("env") or [], f"{path}.env")
    yield from environment.source_mistakes(container.get("envFrom") or [], f"{path}.envFrom")
    yield from mounts.mount_mistakes(container, around.volumes, f"{path}.volumeMounts")
    yield from mounts.device_mistakes(container, around.volumes, f"{path}.volumeDevices")
    yield from images.pull_policy_mistakes(container.get("imagePullPolicy"), f"{path}.imagePullPolicy")
    yield from amounts.mistakes(container.get("resources") or {}, f"{path}.resources", around)
    yield from restarts.resize_mistakes(
        container.get("resizePolicy") or [], f"{path}.resizePolicy", around.restart_policy
    )
    yield from security.mistakes(container.get("securityContext"), f"{path}.securityContext", around)


def _port_mistakes(ports: list[Obj], path: str) -> Iterator[FieldError]:
    taken: set[str] = set()
    for index, port in enumerate(ports):
        here, name = f"{path}[{index}]", port.get("name") or ""
        problems = handlers.port_name_problems(name) if name else []
        for problem in problems:
            yield invalid.invalid(f"{here}.name", name, problem)
        if name and not problems:
            if name in taken:
                yield invalid.duplicate(f"{here}.name", name)
            taken.add(name)
        if not port.get("containerPort"):
            yield invalid.required(f"{here}.containerPort")
        else:
            yield from handlers.port_number_mistakes(port["containerPort"], f"{here}.containerPort")
        if port.get("hostPort"):
            yield from handlers.port_number_mistakes(port["hostPort"], f"{here}.hostPort")
        if port.get("protocol") not in _PROTOCOLS:
            yield invalid.unsupported(f"{here}.protocol", port.get("protocol") or "", _PROTOCOLS)


def _host_port_mistakes(containers: list[Obj], path: str) -> Iterator[FieldError]:
    taken: set[str] = set()
    for index, container in enumerate(containers):
        for at, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            key = f"{port.get('protocol') or ''}/{port.get('hostIP') or ''}/{port['hostPort']}"
            if key in taken:
                yield invalid.duplicate(f"{path}[{index}].ports[{at}].hostPort", key)
            taken.add(key)


def host_network_mistakes(spec: Obj, path: str, around: Context) -> Iterator[FieldError]:
    """On the node's network a port is the node's port."""
    if not spec.get("hostNetwork"):
        return
    for index, container in enumerate(spec.get("containers") or ()):
        for at, port in enumerate(container.get("ports") or ()):
            on_host = port.get("hostPort") or 0
            if (around.is_pod or on_host) and on_host != port.get("containerPort"):
                detail = "must match `containerPort` when `hostNetwork` is true"
                yield invalid.invalid(f"{path}.containers[{index}].ports[{at}].hostPort", on_host, detail)


def claim_mistakes(claims: list[Obj], path: str) -> Iterator[FieldError]:
    """The devices that a pod claims."""
    taken: set[str] = set()
    for index, claim in enumerate(claims):
        here, name = f"{path}[{index}]", claim.get("name") or ""
        if not name:
            yield invalid.required(f"{here}.name")
        elif name in taken:
            yield invalid.duplicate(f"{here}.name", name)
        else:
            for problem in names.label_problems(name):
                yield invalid.invalid(f"{here}.name", name, problem)
            taken.add(name)
        given = [
            key for key in ("resourceClaimName", "resourceClaimTemplateName") if claim.get(key) is not None
        ]
        shown = internal_types.printed(claim, "io.k8s.api.core.v1.PodResourceClaim")
        if len(given) > 1:
            detail = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            yield invalid.invalid(here, shown, detail)
        elif not given:
            detail = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            yield invalid.invalid(here, shown, detail)
        for key in given:
            for problem in names.subdomain_problems(claim[key]):
                yield invalid.invalid(f"{here}.{key}", claim[key], problem)
