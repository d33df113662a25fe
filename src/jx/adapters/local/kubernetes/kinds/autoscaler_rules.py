"""The rules of autoscalers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from jx.adapters.local.kubernetes.kinds import quota_rules
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names, quantities
from jx.adapters.local.kubernetes.words.invalid import FieldError

_SELECTIONS: Final = ("Disabled", "Max", "Min")
_POLICIES: Final = ("Percent", "Pods")
_LONGEST_WINDOW: Final = 3600
_LONGEST_PERIOD: Final = 1800


def autoscaler(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a HorizontalPodAutoscaler."""
    spec = obj.get("spec") or {}
    low, high = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    if low < 1:
        yield invalid.invalid("spec.minReplicas", low, "must be greater than or equal to 1")
    if not high:
        yield invalid.required("spec.maxReplicas", "must be set and greater than 0")
    elif high < 0:
        yield invalid.invalid("spec.maxReplicas", high, "must be greater than or equal to 1")
    if high < low:
        yield invalid.invalid("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`")
    target = spec.get("scaleTargetRef") or {}
    yield from _reference(target, "spec.scaleTargetRef")
    if "/" not in (target.get("apiVersion") or "") and target.get("kind") != "ReplicationController":
        detail = "apiVersion must specify API group"
        yield invalid.invalid("spec.scaleTargetRef.apiVersion", target.get("apiVersion") or "", detail)
    metrics = _metrics(spec)
    for index, metric in enumerate(metrics):
        yield from _metric(metric, f"spec.metrics[{index}]")
    if low == 0 and not {"Object", "External"} & {metric.get("type") for metric in metrics}:
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield invalid.forbidden("spec.metrics", detail)
    behaviour = spec.get("behavior") or {}
    for key in ("scaleUp", "scaleDown"):
        if behaviour.get(key) is not None:
            yield from _scaling(behaviour[key], f"spec.behavior.{key}")


def _metrics(spec: Obj) -> list[Obj]:
    """Those of the newer version, which the older one says in a field of its own."""
    percent = spec.get("targetCPUUtilizationPercentage")
    if percent is None:
        return spec.get("metrics") or []
    target = {"type": "Utilization", "averageUtilization": percent}
    return [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _reference(target: Obj, here: str) -> Iterator[FieldError]:
    for key in ("kind", "name"):
        if not target.get(key):
            yield invalid.required(f"{here}.{key}")
        for problem in names.path_segment_problems(target.get(key) or ""):
            yield invalid.invalid(f"{here}.{key}", target[key], problem)
    version = target.get("apiVersion") or ""
    if version.count("/") > 1:
        detail = f"unexpected GroupVersion string: {version}"
        yield invalid.invalid(f"{here}.apiVersion", version, detail)


def _metric(metric: Obj, here: str) -> Iterator[FieldError]:
    kind = metric.get("type") or ""
    if not kind:
        yield invalid.required(f"{here}.type", "must specify a metric source type")
    if kind not in _SOURCES:
        yield invalid.unsupported(f"{here}.type", kind, sorted(_SOURCES))
    given = [key for key in _ORDER if metric.get(key) is not None]
    if given:
        yield from _CHECKS[given[0]](metric[given[0]], f"{here}.{given[0]}")
    wanted = _SOURCES.get(kind, "")
    if not wanted:
        yield invalid.unsupported(f"{here}.type", kind, sorted(_SOURCES))
    elif wanted not in given:
        yield invalid.required(f"{here}.{wanted}", "must populate information for the given metric source")
    if len(given) > 1:
        for key in given:
            if key != wanted:
                yield invalid.forbidden(f"{here}.{key}", "must populate the given metric source only")


def _of_object(source: Obj, here: str) -> Iterator[FieldError]:
    yield from _reference(source.get("describedObject") or {}, f"{here}.describedObject")
    yield from _measure(source.get("metric") or {}, f"{here}.metric")
    target = source.get("target") or {}
    yield from _metric_target(target, f"{here}.target")
    if target.get("value") is None and target.get("averageValue") is None:
        yield invalid.required(
            f"{here}.target.averageValue", "must set either a target value or averageValue"
        )


def _of_the_outside(source: Obj, here: str) -> Iterator[FieldError]:
    yield from _measure(source.get("metric") or {}, f"{here}.metric")
    target = source.get("target") or {}
    yield from _metric_target(target, f"{here}.target")
    given = [target.get(key) is not None for key in ("value", "averageValue")]
    if not any(given):
        detail = "must set either a target value for metric or a per-pod target"
        yield invalid.required(f"{here}.target.averageValue", detail)
    if all(given):
        detail = "may not set both a target value for metric and a per-pod target"
        yield invalid.forbidden(f"{here}.target.value", detail)


def _of_pods(source: Obj, here: str) -> Iterator[FieldError]:
    yield from _measure(source.get("metric") or {}, f"{here}.metric")
    target = source.get("target") or {}
    yield from _metric_target(target, f"{here}.target")
    if target.get("averageValue") is None:
        yield invalid.required(f"{here}.target.averageValue", "must specify a positive target averageValue")


def _of_a_container(source: Obj, here: str) -> Iterator[FieldError]:
    if not source.get("name"):
        yield invalid.required(f"{here}.name", "must specify a resource name")
    else:
        yield from quota_rules.container_resource_mistakes(source["name"], f"{here}.name")
    if not source.get("container"):
        yield invalid.required(f"{here}.container", "must specify a container")
    for problem in names.label_problems(source["container"]) if source.get("container") else ():
        yield invalid.invalid(f"{here}.container", source["container"], problem)
    yield from _use(source.get("target") or {}, f"{here}.target")


def _of_a_resource(source: Obj, here: str) -> Iterator[FieldError]:
    if not source.get("name"):
        yield invalid.required(f"{here}.name", "must specify a resource name")
    yield from _use(source.get("target") or {}, f"{here}.target")


def _use(target: Obj, here: str) -> Iterator[FieldError]:
    yield from _metric_target(target, here)
    given = [target.get(key) is not None for key in ("averageUtilization", "averageValue")]
    if not any(given):
        detail = "must set either a target raw value or a target utilization"
        yield invalid.required(f"{here}.averageUtilization", detail)
    if all(given):
        detail = "may not set both a target raw value and a target utilization"
        yield invalid.forbidden(f"{here}.averageValue", detail)


def _measure(metric: Obj, here: str) -> Iterator[FieldError]:
    if not metric.get("name"):
        yield invalid.required(f"{here}.name", "must specify a metric name")
    for problem in names.path_segment_problems(metric.get("name") or ""):
        yield invalid.invalid(f"{here}.name", metric["name"], problem)


def _metric_target(target: Obj, here: str) -> Iterator[FieldError]:
    kind = target.get("type") or ""
    if not kind:
        yield invalid.required(f"{here}.type", "must specify a metric target type")
    if kind not in ("AverageValue", "Utilization", "Value"):
        detail = "must be either Utilization, Value, or AverageValue"
        yield invalid.invalid(f"{here}.type", kind, detail)
    for key in ("value", "averageValue"):
        if target.get(key) is not None and quantities.parse(target[key]) <= 0:
            yield invalid.invalid(f"{here}.{key}", target[key], "must be positive")
    percent = target.get("averageUtilization")
    if percent is not None and percent < 1:
        yield invalid.invalid(f"{here}.averageUtilization", percent, "must be greater than 0")


_SOURCES: Final = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
_CHECKS: Final = {
    "object": _of_object,
    "external": _of_the_outside,
    "pods": _of_pods,
    "resource": _of_a_resource,
    "containerResource": _of_a_container,
}
_ORDER: Final = tuple(_CHECKS)


def _scaling(rules: Obj, here: str) -> Iterator[FieldError]:
    window, chosen = rules.get("stabilizationWindowSeconds"), rules.get("selectPolicy")
    if window is not None and window < 0:
        detail = "must be greater than or equal to zero"
        yield invalid.invalid(f"{here}.stabilizationWindowSeconds", window, detail)
    if window is not None and window > _LONGEST_WINDOW:
        detail = f"must be less than or equal to {_LONGEST_WINDOW}"
        yield invalid.invalid(f"{here}.stabilizationWindowSeconds", window, detail)
    if chosen is not None and chosen not in _SELECTIONS:
        yield invalid.unsupported(f"{here}.selectPolicy", chosen, _SELECTIONS)
    if not rules.get("policies"):
        yield invalid.required(f"{here}.policies", "must specify at least one Policy")
    for index, policy in enumerate(rules.get("policies") or ()):
        yield from _scaling_policy(policy, f"{here}.policies[{index}]")
    tolerance = rules.get("tolerance")
    if tolerance is not None and quantities.parse(tolerance) < 0:
        yield invalid.invalid(f"{here}.tolerance", tolerance, "must be greater than or equal to 0")


def _scaling_policy(policy: Obj, here: str) -> Iterator[FieldError]:
    if policy.get("type") not in _POLICIES:
        yield invalid.unsupported(f"{here}.type", policy.get("type") or "", _POLICIES)
    for key in ("value", "periodSeconds"):
        if policy.get(key, 0) <= 0:
            yield invalid.invalid(f"{here}.{key}", policy.get(key, 0), "must be greater than zero")
    if policy.get("periodSeconds", 0) > _LONGEST_PERIOD:
        detail = f"must be less than or equal to {_LONGEST_PERIOD}"
        yield invalid.invalid(f"{here}.periodSeconds", policy["periodSeconds"], detail)
