"""What the columns of the kinds that are about storage show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.views.shown import NONE, age_of, spec_of, status_of

UNSET = "<unset>"
_DEFAULTS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def claim(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    state = "Terminating" if "deletionTimestamp" in obj["metadata"] else status.get("phase", "")
    bound = bool(spec.get("volumeName"))
    return [
        state,
        spec.get("volumeName", ""),
        (status.get("capacity") or {}).get("storage", "") if bound else "",
        _modes(status.get("accessModes")) if bound else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or UNSET,
        age_of(obj, now),
        spec.get("volumeMode") or UNSET,
    ]


def volume(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    owner = spec.get("claimRef") or {}
    state = "Terminating" if "deletionTimestamp" in obj["metadata"] else status.get("phase", "")
    return [
        (spec.get("capacity") or {}).get("storage", ""),
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        state,
        f"{owner['namespace']}/{owner['name']}" if owner else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or UNSET,
        status.get("reason", ""),
        age_of(obj, now),
        spec.get("volumeMode") or UNSET,
    ]


def _modes(modes: Sequence[str] | None) -> str:
    return ",".join(_MODES.get(mode, mode) for mode in modes or ())


def storage_class(obj: Obj, now: datetime) -> list[Any]:
    return [
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy", "Delete"),
        obj.get("volumeBindingMode", "Immediate"),
        bool(obj.get("allowVolumeExpansion")),
        age_of(obj, now),
    ]


def is_default(obj: Obj) -> bool:
    """Whether a StorageClass or VolumeAttributesClass is the one for those that name none."""
    notes = obj["metadata"].get("annotations") or {}
    return any(notes.get(name) == "true" for name in _DEFAULTS)


def attributes_class(obj: Obj, now: datetime) -> list[Any]:
    return [obj.get("driverName", ""), age_of(obj, now)]


def driver(obj: Obj, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    tokens = spec.get("tokenRequests")
    return [
        spec.get("attachRequired", True),
        spec.get("podInfoOnMount", False),
        spec.get("storageCapacity", False),
        UNSET if tokens is None else ",".join(one.get("audience", "") for one in tokens),
        spec.get("requiresRepublish", False),
        ",".join(spec.get("volumeLifecycleModes") or ()) or NONE,
        age_of(obj, now),
    ]


def driver_node(obj: Obj, now: datetime) -> list[Any]:
    return [len(spec_of(obj).get("drivers") or ()), age_of(obj, now)]


def attachment(obj: Obj, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    return [
        spec.get("attacher", ""),
        (spec.get("source") or {}).get("persistentVolumeName", ""),
        spec.get("nodeName", ""),
        bool(status_of(obj).get("attached")),
        age_of(obj, now),
    ]
