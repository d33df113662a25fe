"""The rules of volumes and their classes."""

from collections.abc import Iterator
from typing import Final

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names, quantities
from jx.adapters.local.kubernetes.words.invalid import FieldError

_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_ALONE: Final = "ReadWriteOncePod"
_RECLAIMS: Final = ("Delete", "Recycle", "Retain")
_CLASS_RECLAIMS: Final = ("Delete", "Retain")
_BINDINGS: Final = ("Immediate", "WaitForFirstConsumer")
_VOLUME_MODES: Final = ("Block", "Filesystem")
_MOST_PARAMETERS: Final = 512
_PARAMETERS_LIMIT: Final = 256 * 1024
NO_SOURCE: Final = frozenset(
    {
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    }
)
"""What a volume's spec says besides where the volume is."""


def sources_of(spec: Obj) -> Obj:
    """Where a PersistentVolume is."""
    return {key: value for key, value in spec.items() if key not in NO_SOURCE}


def volume(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a PersistentVolume."""
    spec = obj.get("spec") or {}
    yield from _mode_mistakes(spec.get("accessModes") or [])
    yield from _capacity_mistakes(spec.get("capacity") or {})
    reclaim = spec.get("persistentVolumeReclaimPolicy")
    if reclaim and reclaim not in _RECLAIMS:
        yield invalid.unsupported("spec.persistentVolumeReclaimPolicy", reclaim, _RECLAIMS)
    yield from _source_mistakes(spec)
    chosen = spec.get("storageClassName")
    for problem in names.subdomain_problems(chosen) if chosen else ():
        yield invalid.invalid("spec.storageClassName", chosen, problem)
    mode = spec.get("volumeMode")
    if mode is not None and mode not in _VOLUME_MODES:
        yield invalid.unsupported("spec.volumeMode", mode, _VOLUME_MODES)


def _mode_mistakes(modes: list[str]) -> Iterator[FieldError]:
    if not modes:
        yield invalid.required("spec.accessModes")
    for mode in modes:
        if mode not in _MODES:
            yield invalid.unsupported("spec.accessModes", mode, _MODES)
    if _ALONE in modes and set(modes) & set(_MODES) - {_ALONE}:
        detail = "may not use ReadWriteOncePod with other access modes"
        yield invalid.forbidden("spec.accessModes", detail)


def _capacity_mistakes(capacity: Obj) -> Iterator[FieldError]:
    if not capacity:
        yield invalid.required("spec.capacity")
    if capacity.keys() != {"storage"}:
        yield invalid.unsupported("spec.capacity", capacity or None, ("storage",))
    for name, amount in capacity.items():
        if quantities.parse(amount) <= 0:
            yield invalid.invalid(f"spec.capacity[{name}]", amount, "must be greater than zero")


def _source_mistakes(spec: Obj) -> Iterator[FieldError]:
    sources = sources_of(spec)
    for extra in list(sources)[1:]:
        yield invalid.forbidden(f"spec.{extra}", "may not specify more than 1 volume type")
    if not sources:
        yield invalid.required("spec", "must specify a volume type")
    host = sources.get("hostPath")
    if host is not None:
        if not host.get("path"):
            yield invalid.required("spec.hostPath.path")
        elif ".." in host["path"].split("/"):
            yield invalid.invalid("spec.hostPath.path", host["path"], "must not contain '..'")
    if "local" in sources and not spec.get("nodeAffinity"):
        yield invalid.required("spec.nodeAffinity", "Local volume requires node affinity")


def storage_class(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a StorageClass."""
    provisioner, parameters = obj.get("provisioner") or "", obj.get("parameters") or {}
    if not provisioner:
        yield invalid.required("provisioner")
    for problem in names.label_key_problems(provisioner.lower()) if provisioner else ():
        yield invalid.invalid("provisioner", provisioner.lower(), problem)
    if len(parameters) > _MOST_PARAMETERS:
        yield invalid.too_long("parameters", _MOST_PARAMETERS)
    elif (
        sum(len(key.encode()) + len(value.encode()) for key, value in parameters.items()) > _PARAMETERS_LIMIT
    ):
        yield invalid.too_long("parameters", _PARAMETERS_LIMIT)
    reclaim, binding = obj.get("reclaimPolicy"), obj.get("volumeBindingMode")
    if reclaim and reclaim not in _CLASS_RECLAIMS:
        yield invalid.unsupported("reclaimPolicy", reclaim, _CLASS_RECLAIMS)
    if binding is None:
        yield invalid.required("volumeBindingMode")
    elif binding not in _BINDINGS:
        yield invalid.unsupported("volumeBindingMode", binding, _BINDINGS)
