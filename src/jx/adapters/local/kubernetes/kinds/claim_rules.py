"""What may stand in a PersistentVolumeClaim's spec, wherever it stands: in a claim, a StatefulSet, or a pod's volume."""

import copy
from collections.abc import Iterator
from typing import Final

from jx.adapters.local.kubernetes.kinds import object_rules, storage_rules
from jx.adapters.local.kubernetes.types import internal_types
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names, quantities
from jx.adapters.local.kubernetes.words.invalid import FieldError

_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_ALONE: Final = "ReadWriteOncePod"
_VOLUME_MODES: Final = ("Block", "Filesystem")
_CLAIM_FREE: Final = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
_BETA_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
_VOLUME_SPEC: Final = "io.k8s.api.core.v1.PersistentVolumeSpec"
_OF_TEMPLATES: Final = ("annotations", "labels")
_META_ORDER: Final = (
    "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "deletionTimestamp",
    "deletionGracePeriodSeconds", "ownerReferences", "finalizers", "managedFields",
)  # fmt: skip


def claim(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a PersistentVolumeClaim."""
    yield from spec_mistakes(obj.get("spec") or {}, "spec")


def claim_changes(obj: Obj, old: Obj) -> Iterator[FieldError]:
    """The forbidden changes of a PersistentVolumeClaim."""
    after, before = copy.deepcopy(obj.get("spec") or {}), dict(old.get("spec") or {})
    size, was = (_storage(spec) for spec in (after, before))
    if not before.get("volumeName") and "volumeName" in after:
        before["volumeName"] = after["volumeName"]
    noted = (old["metadata"].get("annotations") or {}).get(_BETA_CLASS)
    if before.get("storageClassName") is None and noted in (None, after.get("storageClassName")):
        # A claim without a class may still be given one.
        after.pop("storageClassName", None)
    if (obj.get("status") or {}).get("phase") == "Bound":
        if size is not None and was is not None:
            after["resources"]["requests"]["storage"] = was
        _take(after, before, "volumeAttributesClassName")
    if after != before:
        shown = internal_types.difference(before, after, "io.k8s.api.core.v1.PersistentVolumeClaimSpec")
        yield invalid.forbidden("spec", f"{_CLAIM_FREE}\n{shown}")
    capacity = ((old.get("status") or {}).get("capacity") or {}).get("storage", "0")
    if quantities.parse(size or "0") < quantities.parse(was or "0") and quantities.parse(
        size or "0"
    ) <= quantities.parse(capacity):
        detail = "field can not be less than status.capacity"
        yield invalid.forbidden("spec.resources.requests.storage", detail)
    yield from _mode_change(obj, old)


def volume_changes(obj: Obj, old: Obj) -> Iterator[FieldError]:
    """The forbidden changes of a PersistentVolume."""
    after, before = (storage_rules.sources_of(one.get("spec") or {}) for one in (obj, old))
    if after != before:
        shown = internal_types.difference(before, after, _VOLUME_SPEC, without=storage_rules.NO_SOURCE)
        detail = f"spec.persistentvolumesource is immutable after creation\n{shown}"
        yield invalid.forbidden("spec.persistentvolumesource", detail)
    yield from _mode_change(obj, old)


def _mode_change(obj: Obj, old: Obj) -> Iterator[FieldError]:
    after, before = ((one.get("spec") or {}).get("volumeMode") for one in (obj, old))
    if after != before:
        yield invalid.invalid("volumeMode", after, invalid.IMMUTABLE)


def _storage(spec: Obj) -> str | None:
    found: str | None = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    return found


def _take(target: Obj, source: Obj, key: str) -> None:
    if key in source:
        target[key] = source[key]
    else:
        target.pop(key, None)


def template_mistakes(template: Obj, path: str) -> Iterator[FieldError]:
    """A claim that is made for each pod."""
    metadata = template.get("metadata") or {}
    yield from object_rules.annotation_mistakes(metadata.get("annotations"), f"{path}.metadata.annotations")
    yield from object_rules.label_mistakes(metadata.get("labels"), f"{path}.metadata.labels")
    for key in _META_ORDER:
        if metadata.get(key):
            shown = {"uid": "uID"}.get(key, key)
            yield invalid.forbidden(f"{path}.metadata.{shown}", "cannot be set")
    yield from spec_mistakes(template.get("spec") or {}, f"{path}.spec")


def spec_mistakes(spec: Obj, path: str) -> Iterator[FieldError]:
    """All mistakes of a claim's spec."""
    modes = spec.get("accessModes") or []
    if not modes:
        yield invalid.required(f"{path}.accessModes", "at least 1 access mode is required")
    yield from object_rules.selector_mistakes(spec.get("selector"), f"{path}.selector")
    for mode in modes:
        if mode not in _MODES:
            yield invalid.unsupported(f"{path}.accessModes", mode, _MODES)
    if _ALONE in modes and {*modes} & {*_MODES} - {_ALONE}:
        detail = "may not use ReadWriteOncePod with other access modes"
        yield invalid.forbidden(f"{path}.accessModes", detail)
    yield from _storage_mistakes(spec, f"{path}.resources[storage]")
    yield from _name_mistakes(spec.get("storageClassName"), f"{path}.storageClassName")
    if spec.get("volumeMode") is not None and spec["volumeMode"] not in _VOLUME_MODES:
        yield invalid.unsupported(f"{path}.volumeMode", spec["volumeMode"], _VOLUME_MODES)
    yield from _source_mistakes(spec, path)
    yield from _name_mistakes(spec.get("volumeAttributesClassName"), f"{path}.volumeAttributesClassName")


def _name_mistakes(name: str | None, path: str) -> Iterator[FieldError]:
    for problem in names.subdomain_problems(name) if name else ():
        yield invalid.invalid(path, name, problem)


def _storage_mistakes(spec: Obj, path: str) -> Iterator[FieldError]:
    amount = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if amount is None:
        yield invalid.required(path)
    elif quantities.parse(amount) <= 0:
        yield invalid.invalid(path, amount, "must be greater than zero")


def _source_mistakes(spec: Obj, path: str) -> Iterator[FieldError]:
    for key in ("dataSource", "dataSourceRef"):
        source = spec.get(key)
        if source is None:
            continue
        for field in ("name", "kind"):
            if not source.get(field):
                yield invalid.required(f"{path}.{key}.{field}")
        group = source.get("apiGroup") or ""
        if not group and source.get("kind") != "PersistentVolumeClaim":
            detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
            yield invalid.invalid(f"{path}.{key}", source.get("kind") or "", detail)
        for problem in names.subdomain_problems(group) if group else ():
            yield invalid.invalid(f"{path}.{key}.apiGroup", group, problem)
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is None or reference is None:
        return
    where = invalid.Printed("{}")
    if reference.get("namespace"):
        yield invalid.invalid(path, where, "may not be specified when dataSourceRef.namespace is specified")
    elif any(source.get(key) != reference.get(key) for key in ("apiGroup", "kind", "name")):
        yield invalid.invalid(path, where, "must match dataSourceRef")
