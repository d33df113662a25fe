"""Resources whose versions or groups differ in more than their name: each is stored in one form and shown in any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import orjson

from jx.adapters.local.kubernetes.types.facts import Obj

Convert: TypeAlias = Callable[[Obj], Obj]
Resource: TypeAlias = tuple[str, str]

STORED_AS: Final[Mapping[Resource, Resource]] = MappingProxyType(
    {("events.k8s.io", "events"): ("", "events")}
)
"""Resources that are another view of one that is stored."""

_SCALER_V1, _SCALER_V2 = "autoscaling/v1", "autoscaling/v2"
_NOTE: Final = "autoscaling.alpha.kubernetes.io/"
_METRICS, _CURRENT, _CONDITIONS, _BEHAVIOUR = (
    f"{_NOTE}{name}" for name in ("metrics", "current-metrics", "conditions", "behavior")
)
_DEFAULT_PERCENT: Final = 80
_TARGET_TYPES: Final = {"averageUtilization": "Utilization", "averageValue": "AverageValue", "value": "Value"}
# (core/v1, events.k8s.io/v1)
_EVENT_FIELDS: Final = (
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
)


def collection_of(resource: Resource) -> Resource:
    """Where the objects of a resource are stored."""
    return STORED_AS.get(resource, resource)


def as_version(obj: Obj, api_version: str) -> Obj:
    """An object of these resources, or of any other, in another version."""
    if obj["apiVersion"] == api_version:
        return obj
    convert = _CONVERSIONS.get((obj["kind"], obj["apiVersion"], api_version), _same)
    return {**convert(obj), "apiVersion": api_version}


def differ(kind: str) -> bool:
    """Whether the versions of a built-in kind differ in more than their name."""
    return kind in _DIFFERENT


def storage_version(kind: str, api_version: str) -> str:
    """The version in which a built-in kind is stored."""
    return _STORAGE.get((kind, api_version), api_version)


def _same(obj: Obj) -> Obj:
    return obj


def _renamed(obj: Obj, names: Mapping[str, str]) -> Obj:
    return {names.get(key, key): value for key, value in obj.items()}


_RULES: Final = ("stabilizationWindowSeconds", "selectPolicy", "policies", "tolerance")
_POLICY: Final = ("type", "value", "periodSeconds")
_NOTED_ORDER: Final = (
    "name",
    "target",
    "metricName",
    "metricSelector",
    "targetAverageUtilization",
    "targetValue",
    "targetAverageValue",
    "selector",
    "averageValue",
    "container",
)


def _core_event(event: Obj) -> Obj:
    return _renamed(event, {new: old for old, new in _EVENT_FIELDS})


def _new_event(event: Obj) -> Obj:
    made = _renamed(event, dict(_EVENT_FIELDS))
    empty = [key for key in ("reportingController", "reportingInstance") if made.get(key) == ""]
    return {key: value for key, value in made.items() if key not in empty}


def _scaler_v2(scaler: Obj) -> Obj:
    notes = dict(scaler["metadata"].get("annotations") or {})
    before, was = scaler.get("spec") or {}, scaler.get("status") or {}
    spec = {key: value for key, value in before.items() if key != "targetCPUUtilizationPercentage"}
    metrics = [_metric_v2(metric) for metric in _noted(notes, _METRICS, [])]
    percent = before.get("targetCPUUtilizationPercentage") or (None if metrics else _DEFAULT_PERCENT)
    spec["metrics"] = [*([_processor(percent)] if percent else []), *metrics]
    if behaviour := _noted(notes, _BEHAVIOUR, None):
        spec["behavior"] = _behaviour_v2(behaviour)
    status = {key: value for key, value in was.items() if key != "currentCPUUtilizationPercentage"}
    if not status.get("currentReplicas"):
        status.pop("currentReplicas", None)
    current = _noted(notes, _CURRENT, [])
    if (percent := was.get("currentCPUUtilizationPercentage")) is not None:
        shown = {"averageUtilization": percent, "averageValue": "0"}
        current = [{"type": "Resource", "resource": {"name": "cpu", "current": shown}}, *current]
    status["currentMetrics"] = current or None
    if conditions := _noted(notes, _CONDITIONS, []):
        status["conditions"] = conditions
    return _with(scaler, notes, spec, status)


def _scaler_v1(scaler: Obj) -> Obj:
    notes = dict(scaler["metadata"].get("annotations") or {})
    before, was = scaler.get("spec") or {}, scaler.get("status") or {}
    spec = {key: value for key, value in before.items() if key not in ("metrics", "behavior")}
    others = []
    for metric in before.get("metrics") or ():
        target = (metric.get("resource") or {}).get("target") or {}
        is_processor = (metric.get("resource") or {}).get("name") == "cpu"
        if is_processor and target.get("averageUtilization") and "targetCPUUtilizationPercentage" not in spec:
            spec["targetCPUUtilizationPercentage"] = target["averageUtilization"]
        else:
            others.append(metric)
    status = {key: value for key, value in was.items() if key not in ("currentMetrics", "conditions")}
    status.setdefault("currentReplicas", 0)
    current = []
    for metric in was.get("currentMetrics") or ():
        shown = (metric.get("resource") or {}).get("current") or {}
        if (metric.get("resource") or {}).get("name") == "cpu" and "averageUtilization" in shown:
            status["currentCPUUtilizationPercentage"] = shown["averageUtilization"]
        else:
            current.append(metric)
    for key, value in (
        (_METRICS, [_metric_v1(metric) for metric in others]),
        (_BEHAVIOUR, _behaviour_v1(before.get("behavior"))),
        (_CURRENT, current),
        (_CONDITIONS, was.get("conditions")),
    ):
        if value:
            notes[key] = orjson.dumps(value).decode()
    return _with(scaler, notes, spec, status)


def _metric_v1(metric: Obj) -> Obj:
    """A metric as notes of the older version hold it: its name and target are fields of its source."""
    kind, source = _source(metric)
    made = {key: value for key, value in source.items() if key not in ("target", "metric", "describedObject")}
    measured, target = source.get("metric") or {}, source.get("target") or {}
    if "describedObject" in source:
        named = source["describedObject"]
        made["target"] = {key: named[key] for key in ("kind", "name", "apiVersion") if key in named}
    if measured:
        made["metricName"] = measured.get("name", "")
        if "selector" in measured:
            made["metricSelector" if kind == "external" else "selector"] = measured["selector"]
    for new, old in _target_names(kind).items():
        if new in target:
            made[old] = target[new]
    return {"type": metric["type"], kind: {key: made[key] for key in _NOTED_ORDER if key in made}}


def _behaviour_v1(behaviour: Obj | None) -> Obj | None:
    """A behaviour as notes of the older version hold it: in the form of the real server's memory."""
    if behaviour is None:
        return None
    made: Obj = {"ScaleUp": None, "ScaleDown": None}
    for key in made:
        rules = behaviour.get(_lowered(key))
        if rules is not None:
            policies = [
                {_raised(name): policy.get(name) for name in _POLICY}
                for policy in rules.get("policies") or ()
            ]
            made[key] = {_raised(name): rules.get(name) for name in _RULES} | {"Policies": policies or None}
    return made


def _behaviour_v2(noted: Any) -> Any:
    if isinstance(noted, dict):
        return {
            _lowered(key): _behaviour_v2(value) for key, value in sorted(noted.items()) if value is not None
        }
    return [_behaviour_v2(item) for item in noted] if isinstance(noted, list) else noted


def _raised(name: str) -> str:
    return name[:1].upper() + name[1:]


def _lowered(name: str) -> str:
    return name[:1].lower() + name[1:]


def _metric_v2(metric: Obj) -> Obj:
    kind, source = _source(metric)
    names = _target_names(kind)
    aside = {*names.values(), "metricName", "metricSelector", "selector", "target"}
    made = {key: value for key, value in source.items() if key not in aside}
    if "metricName" in source:
        selector = source.get("metricSelector", source.get("selector"))
        made["metric"] = {"name": source["metricName"], **({"selector": selector} if selector else {})}
    if kind == "object" and "target" in source:
        made["describedObject"] = source["target"]
    target = {new: source[old] for new, old in names.items() if old in source}
    form = next((_TARGET_TYPES[key] for key in _TARGET_TYPES if key in target), "")
    made["target"] = {**({"type": form} if form else {}), **target}
    return {"type": metric["type"], kind: made}


def _source(metric: Obj) -> tuple[str, Obj]:
    kind = str(metric["type"])
    key = kind[:1].lower() + kind[1:]
    return key, metric.get(key) or {}


def _target_names(kind: str) -> Mapping[str, str]:
    if kind == "object":
        return {"value": "targetValue", "averageValue": "averageValue"}
    return {
        "averageUtilization": "targetAverageUtilization",
        "averageValue": "targetAverageValue",
        "value": "targetValue",
    }


def _noted(notes: dict[str, str], key: str, default: Any) -> Any:
    text = notes.pop(key, "")
    try:
        return orjson.loads(text) if text else default
    except orjson.JSONDecodeError:
        return default


def _processor(percent: int) -> Obj:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def _with(scaler: Obj, notes: dict[str, str], spec: Obj, status: Obj) -> Obj:
    metadata = {key: value for key, value in scaler["metadata"].items() if key != "annotations"}
    if notes:
        metadata["annotations"] = notes
    made = {**scaler, "metadata": metadata, "spec": spec}
    return {**made, "status": status} if "status" in scaler else made


_SCALER: Final = "HorizontalPodAutoscaler"
_CONVERSIONS: Final[Mapping[tuple[str, str, str], Convert]] = MappingProxyType(
    {
        ("Event", "events.k8s.io/v1", "v1"): _core_event,
        ("Event", "v1", "events.k8s.io/v1"): _new_event,
        (_SCALER, _SCALER_V1, _SCALER_V2): _scaler_v2,
        (_SCALER, _SCALER_V2, _SCALER_V1): _scaler_v1,
    }
)
_DIFFERENT: Final = frozenset(kind for kind, _, _ in _CONVERSIONS)
_STORAGE: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {("Event", "events.k8s.io/v1"): "v1", (_SCALER, _SCALER_V1): _SCALER_V2}
)
