"""As whom, and with which rights on its node, a pod and its containers run."""

import re
from collections.abc import Iterator
from typing import Any, Final

from jx.adapters.local.kubernetes.kinds.podspecs import context, files
from jx.adapters.local.kubernetes.kinds.podspecs.context import Context
from jx.adapters.local.kubernetes.types import internal_types
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

_CONTEXT: Final = "io.k8s.api.core.v1.SecurityContext"
_SECCOMP: Final = "io.k8s.api.core.v1.SeccompProfile"
_PROFILES: Final = ("Localhost", "RuntimeDefault", "Unconfined")
_PROC_MOUNTS: Final = ("Default", "Unmasked")
_LONGEST_PROFILE: Final = 4095
_IDS: Final = range(2**31)
_ID: Final = "must be between 0 and 2147483647, inclusive"
_SYSCTL: Final = r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"
_LONGEST_SYSCTL: Final = 253
_LINUX_ONLY_OF_PODS: Final = (
    "appArmorProfile", "seLinuxOptions", "hostUsers", "hostPID", "hostIPC", "seccompProfile", "fsGroup",
    "fsGroupChangePolicy", "sysctls", "shareProcessNamespace", "runAsUser", "runAsGroup", "supplementalGroups",
    "supplementalGroupsPolicy", "seLinuxChangePolicy",
)  # fmt: skip
_OF_SPECS: Final = frozenset({"hostUsers", "hostPID", "hostIPC", "shareProcessNamespace"})
_LINUX_ONLY: Final = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
    "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
)  # fmt: skip


def mistakes(own: Obj | None, path: str, around: Context) -> Iterator[FieldError]:
    """The mistakes of a container's `securityContext`."""
    if own is None:
        return
    for key in ("runAsUser", "runAsGroup"):
        yield from _id_mistakes(own.get(key), f"{path}.{key}")
    mount = own.get("procMount")
    if mount is not None:
        if mount not in _PROC_MOUNTS:
            yield invalid.unsupported(f"{path}.procMount", mount, _PROC_MOUNTS)
        if mount == "Unmasked" and around.has_host_users:
            yield invalid.invalid(f"{path}.procMount", mount, "`hostUsers` must be false to use `Unmasked`")
    yield from _seccomp_mistakes(own.get("seccompProfile"), f"{path}.seccompProfile")
    if own.get("allowPrivilegeEscalation") is False:
        head = "cannot set `allowPrivilegeEscalation` to false and"
        if own.get("privileged"):
            shown = internal_types.printed(own, _CONTEXT)
            yield invalid.invalid(path, shown, f"{head} `privileged` to true")
        if "CAP_SYS_ADMIN" in ((own.get("capabilities") or {}).get("add") or ()):
            shown = internal_types.printed(own, _CONTEXT)
            yield invalid.invalid(path, shown, f"{head} `capabilities.Add` CAP_SYS_ADMIN")
    yield from _app_armor_mistakes(own.get("appArmorProfile"), f"{path}.appArmorProfile")


def pod_mistakes(spec: Obj, path: str) -> Iterator[FieldError]:
    """The mistakes of a pod's `securityContext`."""
    own = spec.get("securityContext")
    if own is None:
        return
    for key in ("fsGroup", "runAsUser", "runAsGroup"):
        yield from _id_mistakes(own.get(key), f"{path}.{key}")
    for index, group in enumerate(own.get("supplementalGroups") or ()):
        yield from _id_mistakes(group, f"{path}.supplementalGroups[{index}]")
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        yield invalid.invalid(f"{path}.shareProcessNamespace", value=True, detail=detail)
    yield from _sysctl_mistakes(spec, own.get("sysctls") or (), f"{path}.sysctls")
    yield from _choice(own, "fsGroupChangePolicy", ("Always", "OnRootMismatch"), path)
    yield from _seccomp_mistakes(own.get("seccompProfile"), f"{path}.seccompProfile")
    yield from _app_armor_mistakes(own.get("appArmorProfile"), f"{path}.appArmorProfile")
    yield from _choice(own, "supplementalGroupsPolicy", ("Merge", "Strict"), path)
    yield from _choice(own, "seLinuxChangePolicy", ("MountOption", "Recursive"), path)


def _choice(owner: Obj, key: str, supported: tuple[str, ...], path: str) -> Iterator[FieldError]:
    if owner.get(key) is not None and owner[key] not in supported:
        yield invalid.unsupported(f"{path}.{key}", owner[key], supported)


def _id_mistakes(value: int | None, path: str) -> Iterator[FieldError]:
    if value is not None and value not in _IDS:
        yield invalid.invalid(path, value, _ID)


def _sysctl_mistakes(spec: Obj, settings: Any, path: str) -> Iterator[FieldError]:
    taken: set[str] = set()
    for index, setting in enumerate(settings):
        here, name = f"{path}[{index}].name", setting.get("name") or ""
        if not name:
            yield invalid.required(here)
        elif len(name) > _LONGEST_SYSCTL or not re.match(_SYSCTL, name):
            detail = f"must have at most {_LONGEST_SYSCTL} characters and match regex {_SYSCTL}"
            yield invalid.invalid(here, name, detail)
        elif name in taken:
            yield invalid.duplicate(here, name)
        taken.add(name)
        plain = name.replace("/", ".")
        if spec.get("hostNetwork") and plain.startswith("net."):
            yield invalid.invalid(here, name, "may not be specified when 'hostNetwork' is true")
        elif spec.get("hostIPC") and plain.startswith(
            ("fs.mqueue.", "kernel.msg", "kernel.sem", "kernel.shm")
        ):
            yield invalid.invalid(here, name, "may not be specified when 'hostIPC' is true")


def _seccomp_mistakes(profile: Obj | None, path: str) -> Iterator[FieldError]:
    if profile is None:
        return
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    if not kind:
        yield invalid.required(f"{path}.type", "type is required when seccompProfile is set")
    elif kind not in _PROFILES:
        yield invalid.unsupported(f"{path}.type", kind, _PROFILES)
    if kind != "Localhost":
        if local is not None:
            shown = internal_types.printed(profile, _SECCOMP)
            detail = "can only be set when seccomp type is Localhost"
            yield invalid.invalid(f"{path}.localhostProfile", shown, detail)
    elif local is None:
        yield invalid.required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost")
    else:
        yield from files.descending_mistakes(local, f"{path}.localhostProfile")


def _app_armor_mistakes(profile: Obj | None, path: str) -> Iterator[FieldError]:
    if profile is None:
        return
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    here = f"{path}.localhostProfile"
    if not kind:
        yield invalid.required(f"{path}.type", "type is required when appArmorProfile is set")
    elif kind not in _PROFILES:
        yield invalid.unsupported(f"{path}.type", kind, _PROFILES)
    elif kind != "Localhost":
        if local is not None:
            yield invalid.invalid(here, local, "can only be set when AppArmor type is Localhost")
    elif not local:
        yield invalid.required(here, "must be set when AppArmor type is Localhost")
    else:
        if local != local.strip():
            yield invalid.invalid(here, local, "must not be padded with whitespace")
        if len(local) > _LONGEST_PROFILE:
            yield invalid.too_long(here, _LONGEST_PROFILE)


def user_namespace_mistakes(spec: Obj, path: str) -> Iterator[FieldError]:
    """What a pod with users of its own may not share with its node."""
    if spec.get("hostUsers") is not False:
        return
    for key, shown in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
        if spec.get(key):
            yield invalid.forbidden(f"{path}.{shown}", "when `hostUsers` is false")
    for container, here in context.containers(spec, path):
        if container.get("volumeDevices"):
            yield invalid.forbidden(f"{here}.volumeDevices", "when `hostUsers` is false")


def system_mistakes(spec: Obj, path: str) -> Iterator[FieldError]:
    """What does not fit to the operating system that a pod names."""
    system = spec.get("os")
    if system is None:
        return
    name = system.get("name") or ""
    if not name:
        yield invalid.required(f"{path}.os.name")
    elif name not in ("linux", "windows"):
        yield invalid.unsupported(f"{path}.os", name, ("linux", "windows"))
    elif name == "linux":
        yield from _options_of_windows(spec, path)
    else:
        yield from _options_of_linux(spec, path)


def _options_of_windows(spec: Obj, path: str) -> Iterator[FieldError]:
    owners = [(spec, path), *context.containers(spec, path)]
    for owner, here in owners:
        if (owner.get("securityContext") or {}).get("windowsOptions") is not None:
            where = f"{here}.securityContext.windowsOptions"
            yield invalid.forbidden(where, "windows options cannot be set for a linux pod")


def _options_of_linux(spec: Obj, path: str) -> Iterator[FieldError]:
    own = spec.get("securityContext") or {}
    for key in _LINUX_ONLY_OF_PODS:
        value = spec.get(key) if key in _OF_SPECS else own.get(key)
        if value is None or (key in ("hostPID", "hostIPC") and not value):
            continue
        where = f"{path}.{key}" if key in _OF_SPECS else f"{path}.securityContext.{key}"
        yield invalid.forbidden(where, "cannot be set for a windows pod")
    for container, here in context.containers(spec, path):
        for key in _LINUX_ONLY:
            if (container.get("securityContext") or {}).get(key) is not None:
                yield invalid.forbidden(f"{here}.securityContext.{key}", "cannot be set for a windows pod")
