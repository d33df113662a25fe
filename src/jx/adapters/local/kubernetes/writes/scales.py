"""Scales: how many pods a workload has, as one form for all kinds that have a number of them."""

from __future__ import annotations

from typing import Any

import orjson

from jx.adapters.local.kubernetes.calls import exchange
from jx.adapters.local.kubernetes.calls.exchange import Call
from jx.adapters.local.kubernetes.errors import ApiError, bad_request, unfit_patch
from jx.adapters.local.kubernetes.registry import Served
from jx.adapters.local.kubernetes.types import decoding, patches
from jx.adapters.local.kubernetes.types.facts import Obj, Schema
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.writes import metadata

_SCALE = "io.k8s.api.autoscaling.v1.Scale"


def of(served: Served, obj: Obj, *, is_known: bool = True) -> Obj:
    """The Scale of an object; ApiError 500 where a custom one that `is_known` does not say how many it wants."""
    spec_path, status_path, selector_path = _paths(served)
    if is_known and served.custom and _get(obj, spec_path) is None:
        problem = f'the spec replicas field "{spec_path}" does not exist'
        text = f"Internal error occurred: {problem}"
        raise ApiError(500, "InternalError", text, {"causes": [{"message": problem}]})
    meta, count = obj["metadata"], _get(obj, spec_path)
    kept = {
        key: meta[key]
        for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        if key in meta
    }
    status: Obj = {"replicas": _get(obj, status_path) or 0}
    selector = _get(obj, selector_path) if selector_path else None
    if text := selector if isinstance(selector, str) else _selector_text(selector):
        status["selector"] = text
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": kept,
        "spec": {"replicas": count} if count else {},
        "status": status,
    }


def wanted(verb: str, call: Call, shown: Obj) -> Obj:
    """The Scale that a caller asks for."""
    if verb == "update":
        return exchange.parse_body(call, "Scale")
    change: Any = exchange.parse_patch(call)
    try:
        if call.content_type == "application/json-patch+json":
            found = patches.json_patch(shown, change)
        elif call.content_type == "application/strategic-merge-patch+json":
            found = patches.strategic_merge(shown, change, Schema.deduced())
        else:
            found = patches.merge_patch(shown, change)
    except patches.PatchError as error:
        raise bad_request(error.message) from error
    if problem := decoding.problem_of(found, _SCALE):
        raise unfit_patch(orjson.dumps(found).decode(), problem)
    return found


def applied(served: Served, scale: Obj) -> Obj:
    """What an apply of a Scale says of the object that it scales."""
    api_version, kind = scale.get("apiVersion") or "", scale.get("kind") or ""
    if (api_version, kind) != ("autoscaling/v1", "Scale"):
        group, _, version = api_version.rpartition("/")
        raise bad_request(f"invalid object type: {group}/{version}, Kind={kind}")
    check(scale["metadata"].get("name") or "", scale)
    head = {"apiVersion": served.resource.api_version, "kind": served.resource.kind}
    made: Obj = {**head, "metadata": scale["metadata"]}
    replicas = (scale.get("spec") or {}).get("replicas")
    return made if replicas is None else _set(made, _paths(served)[0], replicas)


def check(name: str, scale: Obj) -> None:
    """Refuse a Scale of another object, or of fewer than no pods."""
    found = scale["metadata"].get("name") or ""
    if found and found != name:
        raise bad_request(f"the name of the object ({found}) does not match the name on the URL ({name})")
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if isinstance(replicas, int) and replicas < 0:
        mistake = invalid.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise metadata.invalid_of("Scale", "autoscaling", name, [mistake])


def scaled(served: Served, obj: Obj, replicas: Any) -> Obj:
    """The object with another number of pods."""
    return _set(obj, _paths(served)[0], replicas)


def without_zero(served: Served, obj: Obj) -> Obj:
    """The object as a Scale tells of it: where there are no replicas it has no such field."""
    path = _paths(served)[0]
    return obj if _get(obj, path) else _without(obj, path.strip(".").split("."))


def _without(obj: Obj, path: list[str]) -> Obj:
    first, *rest = path
    if not rest or not isinstance(obj.get(first), dict):
        return {key: value for key, value in obj.items() if key != first}
    return {**obj, first: _without(obj[first], rest)}


def _paths(served: Served) -> tuple[str, str, str]:
    scale = served.custom.scale if served.custom else None
    if scale:
        return scale["specReplicasPath"], scale["statusReplicasPath"], scale.get("labelSelectorPath", "")
    return ".spec.replicas", ".status.replicas", ".spec.selector"


def _get(obj: Obj, path: str) -> Any:
    value: Any = obj
    for key in path.strip(".").split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _set(obj: Obj, path: str, value: Any) -> Obj:
    key, _, rest = path.strip(".").partition(".")
    return {**obj, key: _set(obj.get(key) or {}, rest, value) if rest else value}


def _selector_text(selector: Any) -> str:
    if not isinstance(selector, dict):
        return ""
    if not {"matchLabels", "matchExpressions"} & selector.keys():
        selector = {"matchLabels": selector}
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for one in selector.get("matchExpressions") or ():
        values = ",".join(sorted(one.get("values") or ()))
        match one["operator"]:
            case "In" | "NotIn" as operator:
                parts.append(f"{one['key']} {operator.lower()} ({values})")
            case "Exists":
                parts.append(one["key"])
            case _:
                parts.append(f"!{one['key']}")
    return ",".join(parts)
