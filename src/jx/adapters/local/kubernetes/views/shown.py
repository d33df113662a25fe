"""What cells are made of: ages, counts, labels and images in the words that people know."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from jx.adapters.local.kubernetes.types.facts import Obj

NONE = "<none>"
UNKNOWN = "<unknown>"


def age(created: str | None, now: datetime) -> str:
    """The time since, as people write it; `<unknown>` for none."""
    if not created:
        return UNKNOWN
    since = datetime.fromisoformat(created.replace("Z", "+00:00")).astimezone(UTC)
    return duration(int((now - since).total_seconds()))


def duration(seconds: int) -> str:
    """Seconds in at most two units: 5s, 119s, 3m20s, 2h, 3d4h, 2y10d."""
    if seconds < -1:
        return "<invalid>"
    seconds = max(seconds, 0)
    for below, unit, size, small_unit, small_size in _UNITS:
        if seconds < below:
            small = seconds % size // small_size if small_unit else 0
            return f"{seconds // size}{unit}" + (f"{small}{small_unit}" if small else "")
    return f"{seconds // _YEAR}y"


_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400
# Below so many seconds: unit, its size, and the smaller unit that is still worth telling.
_UNITS = (
    (120, "s", 1, "", 1),
    (10 * _MINUTE, "m", _MINUTE, "s", 1),
    (3 * _HOUR, "m", _MINUTE, "", 1),
    (8 * _HOUR, "h", _HOUR, "m", _MINUTE),
    (48 * _HOUR, "h", _HOUR, "", 1),
    (8 * _DAY, "d", _DAY, "h", _HOUR),
    (2 * _YEAR, "d", _DAY, "", 1),
    (8 * _YEAR, "y", _YEAR, "d", _DAY),
)


def as_text(value: Any) -> str:
    """A value as a string cell shows it."""
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def age_of(obj: Obj, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def spec_of(obj: Obj) -> Obj:
    return obj.get("spec") or {}


def status_of(obj: Obj) -> Obj:
    return obj.get("status") or {}


def labels_text(labels: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def selector_text(selector: Obj | None) -> str:
    if not selector:
        return NONE
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for one in selector.get("matchExpressions") or ():
        values = ",".join(one.get("values") or ())
        word = {"In": f"{one['key']} in ({values})", "NotIn": f"{one['key']} notin ({values})"}
        parts.append(
            word.get(one["operator"], one["key"] if one["operator"] == "Exists" else f"!{one['key']}")
        )
    return ",".join(parts) or NONE


def images_of(template: Obj) -> list[str]:
    containers = spec_of(template).get("containers") or ()
    return [
        ",".join(container["name"] for container in containers),
        ",".join(container.get("image", "") for container in containers),
    ]
