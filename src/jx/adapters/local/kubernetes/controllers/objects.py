"""Small readings of Kubernetes objects, and the values that controllers put into them; pure."""

from __future__ import annotations

import calendar
import json
import math
import time
from collections.abc import Iterable, Mapping
from typing import Any

from jx.adapters.local.kubernetes.types.facts import Obj

TERMINAL_PHASES = ("Succeeded", "Failed")
NODE_NAME = "jx-local"


def name_of(obj: Obj) -> str:
    return str(obj["metadata"]["name"])


def namespace_of(obj: Obj) -> str:
    return str(obj["metadata"].get("namespace", ""))


def uid_of(obj: Obj) -> str:
    return str(obj["metadata"].get("uid", ""))


def labels_of(obj: Obj) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Obj) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def status_of(obj: Obj) -> Obj:
    return obj.get("status") or {}


def is_deleting(obj: Obj) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def created_at(obj: Obj) -> float:
    return seconds_of(obj["metadata"].get("creationTimestamp"))


def timestamp(seconds: float) -> str:
    """Seconds since 1970 as Kubernetes writes times: RFC 3339 in UTC, whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def seconds_of(text: str | None) -> float:
    """The reverse of `timestamp`, fractions allowed; 0.0 for none."""
    if not text:
        return 0.0
    whole, _, fraction = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")


def controller_of(obj: Obj) -> Obj | None:
    """The owner reference of the controller that manages this object."""
    references: list[Obj] = obj["metadata"].get("ownerReferences") or []
    return next((reference for reference in references if reference.get("controller")), None)


def is_controlled_by(obj: Obj, owner: Obj) -> bool:
    reference = controller_of(obj)
    return reference is not None and reference["uid"] == uid_of(owner)


def controller_reference(owner: Obj) -> Obj:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def condition_of(obj: Obj, kind: str) -> Obj | None:
    conditions: list[Obj] = status_of(obj).get("conditions") or []
    return next((condition for condition in conditions if condition["type"] == kind), None)


def has_condition(obj: Obj, kind: str, status: str = "True") -> bool:
    condition = condition_of(obj, kind)
    return condition is not None and condition["status"] == status


def with_condition(conditions: Iterable[Obj], new: Obj, now: str) -> list[Obj]:
    """The conditions with this one; its lastTransitionTime moves only when its status does."""
    kept = list(conditions)
    for index, old in enumerate(kept):
        if old["type"] == new["type"]:
            same = old["status"] == new["status"]
            kept[index] = {"lastTransitionTime": old.get("lastTransitionTime", now) if same else now, **new}
            return kept
    return [*kept, {"lastTransitionTime": now, **new}]


def without_condition(conditions: Iterable[Obj], kind: str) -> list[Obj]:
    return [condition for condition in conditions if condition["type"] != kind]


def is_active(pod: Obj) -> bool:
    """Neither ended nor about to be deleted."""
    return status_of(pod).get("phase") not in TERMINAL_PHASES and not is_deleting(pod)


def is_ready(pod: Obj) -> bool:
    return has_condition(pod, "Ready")


def seconds_until_available(pod: Obj, min_ready_seconds: float, now: float) -> float | None:
    """0.0 for a pod that is available, None for one that is not ready, else the seconds that it must stay ready."""
    condition = condition_of(pod, "Ready")
    if condition is None or condition["status"] != "True":
        return None
    if not min_ready_seconds:
        return 0.0
    return max(0.0, seconds_of(condition.get("lastTransitionTime")) + min_ready_seconds - now)


def resolve_share(value: int | str | None, total: int, *, round_up: bool) -> int:
    """An int-or-percent field ("25%") of a total."""
    if value is None:
        return 0
    if isinstance(value, str) and value.endswith("%"):
        share = int(value[:-1]) * total / 100
        return math.ceil(share) if round_up else math.floor(share)
    return int(value)


def short_hash(value: Any, collisions: int = 0) -> str:
    """A stable name part for a value: FNV-1a of its JSON, in letters that spell no words."""
    letters = "bcdfghjklmnpqrstvwxz2456789"
    total = 0x811C9DC5
    for byte in json.dumps([value, collisions], sort_keys=True, separators=(",", ":")).encode():
        total = (total ^ byte) * 0x01000193 & 0xFFFFFFFF
    return "".join(letters[ord(digit) % len(letters)] for digit in str(total))


def without_labels(template: Obj, *names: str) -> Obj:
    """A pod template without the labels that controllers put in, to compare it with another."""
    metadata = dict(template.get("metadata") or {})
    kept = {key: value for key, value in (metadata.pop("labels", None) or {}).items() if key not in names}
    if kept:
        metadata["labels"] = kept
    metadata.pop("creationTimestamp", None)
    return {"metadata": metadata, "spec": template.get("spec") or {}}


def pod_from(owner: Obj, template: Obj, *, labels: Mapping[str, str] | None = None) -> Obj:
    """A pod of an owner's template, to be named by the server."""
    described = template.get("metadata") or {}
    metadata: Obj = {
        "generateName": f"{name_of(owner)}-",
        "namespace": namespace_of(owner),
        "labels": {**(described.get("labels") or {}), **(labels or {})},
        "ownerReferences": [controller_reference(owner)],
    }
    for field in ("annotations", "finalizers"):
        if described.get(field):
            metadata[field] = described[field]
    spec = json.loads(json.dumps(template["spec"]))
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
