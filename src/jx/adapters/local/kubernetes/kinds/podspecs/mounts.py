"""What containers see of a pod's volumes."""

from collections.abc import Iterator, Mapping
from typing import Final

from jx.adapters.local.kubernetes.kinds.podspecs import files
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

_PROPAGATIONS: Final = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE: Final = ("Disabled", "Enabled", "IfPossible")


def mount_mistakes(container: Obj, volumes: Mapping[str, Obj], path: str) -> Iterator[FieldError]:
    """The mistakes of `volumeMounts`."""
    devices = {one.get("name"): one.get("devicePath") for one in container.get("volumeDevices") or ()}
    taken: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        here, name, target = f"{path}[{index}]", mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            yield invalid.required(f"{here}.name")
        if name not in volumes:
            yield invalid.not_found(f"{here}.name", name)
        if not target:
            yield invalid.required(f"{here}.mountPath")
        if target in taken:
            yield invalid.invalid(f"{here}.mountPath", target, "must be unique")
        taken.add(target)
        if name in devices:
            yield invalid.invalid(f"{here}.name", name, "must not already exist in volumeDevices")
        if target in devices.values():
            detail = "must not already exist as a path in volumeDevices"
            yield invalid.invalid(f"{here}.mountPath", target, detail)
        yield from _part_mistakes(mount, here, path)
        yield from _mode_mistakes(container, mount, path)


def _part_mistakes(mount: Obj, here: str, path: str) -> Iterator[FieldError]:
    part, expression = mount.get("subPath") or "", mount.get("subPathExpr") or ""
    # The real server names the list here, not the mount.
    yield from files.descending_mistakes(part, f"{path}.subPath")
    if expression and part:
        detail = "subPathExpr and subPath are mutually exclusive"
        yield invalid.invalid(f"{here}.subPathExpr", expression, detail)
    yield from files.descending_mistakes(expression, f"{path}.subPathExpr")


def _mode_mistakes(container: Obj, mount: Obj, path: str) -> Iterator[FieldError]:
    propagation = mount.get("mountPropagation")
    if propagation is not None:
        here = f"{path}.mountPropagation"
        if propagation not in _PROPAGATIONS:
            yield invalid.unsupported(here, propagation, _PROPAGATIONS)
        if propagation == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
            detail = "Bidirectional mount propagation is available only to privileged containers"
            yield invalid.forbidden(here, detail)
    recursive, here = mount.get("recursiveReadOnly"), f"{path}.recursiveReadOnly"
    if recursive in (None, "Disabled"):
        return
    if recursive not in _RECURSIVE:
        yield invalid.unsupported(here, recursive, _RECURSIVE)
        return
    if not mount.get("readOnly"):
        yield invalid.forbidden(here, "may only be specified when readOnly is true")
    if propagation not in (None, "None"):
        detail = "may only be specified when mountPropagation is None or not specified"
        yield invalid.forbidden(here, detail)


def device_mistakes(container: Obj, volumes: Mapping[str, Obj], path: str) -> Iterator[FieldError]:
    """The mistakes of `volumeDevices`."""
    mounts = {one.get("name"): one.get("mountPath") for one in container.get("volumeMounts") or ()}
    names: set[str] = set()
    paths: set[str] = set()
    for index, device in enumerate(container.get("volumeDevices") or ()):
        here, name, target = f"{path}[{index}]", device.get("name") or "", device.get("devicePath") or ""
        yield from _device_name_mistakes(name, volumes, names, f"{here}.name")
        if not target:
            yield invalid.required(f"{here}.devicePath")
        if target in paths:
            yield invalid.invalid(f"{here}.devicePath", target, "must be unique")
        if ".." in target.split("/"):
            yield invalid.invalid(f"{here}.devicePath", target, "can not contain backsteps ('..')")
        else:
            paths.add(target)
        if name in mounts:
            yield invalid.invalid(f"{here}.name", name, "must not already exist in volumeMounts")
        if target in mounts.values():
            detail = "must not already exist as a path in volumeMounts"
            yield invalid.invalid(f"{here}.devicePath", target, detail)
        names.add(name)


def _device_name_mistakes(
    name: str, volumes: Mapping[str, Obj], taken: set[str], path: str
) -> Iterator[FieldError]:
    if not name:
        yield invalid.required(path)
    elif name in taken:
        yield invalid.invalid(path, name, "must be unique")
    volume = volumes.get(name)
    if volume is None:
        yield invalid.not_found(path, name)
    elif volume.get("persistentVolumeClaim") is None and volume.get("ephemeral") is None:
        detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
        yield invalid.invalid(path, name, detail)
