"""The rules of autoscalers, budgets and what else steers a cluster."""

import re
from collections.abc import Iterator
from typing import Any, Final

from jx.adapters.local.kubernetes import internal_types, invalid, names, object_rules
from jx.adapters.local.kubernetes.facts import Obj
from jx.adapters.local.kubernetes.invalid import FieldError

_METRICS: Final = ("ContainerResource", "External", "Object", "Pods", "Resource")
_SELECTIONS: Final = ("Disabled", "Max", "Min")
_POLICIES: Final = ("Percent", "Pods")
_LONGEST_WINDOW: Final = 3600
_LONGEST_PERIOD: Final = 1800
_EVICTIONS: Final = ("AlwaysAllow", "IfHealthyBudget")
SYSTEM_PRIORITIES: Final = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_RESERVED: Final = "priority class names with 'system-' prefix are reserved for system use only. error:"
_PREEMPTIONS: Final = ("PreemptLowerPriority", "Never")
_HIGHEST_PRIORITY: Final = 1_000_000_000


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
    yield from _target(spec.get("scaleTargetRef") or {}, "spec.scaleTargetRef")
    metrics = spec.get("metrics") or []
    for index, metric in enumerate(metrics):
        yield from _metric(metric, f"spec.metrics[{index}]")
    if low == 0 and not {"Object", "External"} & {metric.get("type") for metric in metrics}:
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield invalid.forbidden("spec.metrics", detail)
    behaviour = spec.get("behavior") or {}
    for key in ("scaleUp", "scaleDown"):
        if behaviour.get(key) is not None:
            yield from _scaling(behaviour[key], f"spec.behavior.{key}")


def _target(target: Obj, here: str) -> Iterator[FieldError]:
    for key in ("kind", "name"):
        if not target.get(key):
            yield invalid.required(f"{here}.{key}")
        for problem in names.path_segment_problems(target.get(key) or ""):
            yield invalid.invalid(f"{here}.{key}", target[key], problem)
    version = target.get("apiVersion") or ""
    if version.count("/") > 1:
        detail = f"unexpected GroupVersion string: {version}"
        yield invalid.invalid(f"{here}.apiVersion", version, detail)
    elif "/" not in version:
        yield invalid.invalid(f"{here}.apiVersion", version, "apiVersion must specify API group")


def _metric(metric: Obj, here: str) -> Iterator[FieldError]:
    kind = metric.get("type") or ""
    if not kind:
        yield invalid.required(f"{here}.type", "must specify a metric source type")
    if kind not in _METRICS:
        yield invalid.unsupported(f"{here}.type", kind, _METRICS)
        return
    key = kind[0].lower() + kind[1:]
    source = metric.get(key)
    if source is None:
        detail = "must populate information for the given metric source"
        yield invalid.required(f"{here}.{key}", detail)
    elif kind in ("Resource", "ContainerResource"):
        if not source.get("name"):
            yield invalid.required(f"{here}.{key}.name", "must specify a resource name")
        yield from _metric_target(source.get("target") or {}, f"{here}.{key}.target")
    for other in _METRICS:
        name = other[0].lower() + other[1:]
        if name != key and metric.get(name) is not None:
            yield invalid.forbidden(f"{here}.{name}", "must populate the given metric source only")


def _metric_target(target: Obj, here: str) -> Iterator[FieldError]:
    kind = target.get("type") or ""
    if not kind:
        yield invalid.required(f"{here}.type", "must specify a metric target type")
    if kind not in ("AverageValue", "Utilization", "Value"):
        detail = "must be either Utilization, Value, or AverageValue"
        yield invalid.invalid(f"{here}.type", kind, detail)
    percent = target.get("averageUtilization")
    if percent is not None and percent < 1:
        yield invalid.invalid(f"{here}.averageUtilization", percent, "must be greater than 0")


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


def _scaling_policy(policy: Obj, here: str) -> Iterator[FieldError]:
    if policy.get("type") not in _POLICIES:
        yield invalid.unsupported(f"{here}.type", policy.get("type") or "", _POLICIES)
    for key in ("value", "periodSeconds"):
        if policy.get(key, 0) <= 0:
            yield invalid.invalid(f"{here}.{key}", policy.get(key, 0), "must be greater than zero")
    if policy.get("periodSeconds", 0) > _LONGEST_PERIOD:
        detail = f"must be less than or equal to {_LONGEST_PERIOD}"
        yield invalid.invalid(f"{here}.periodSeconds", policy["periodSeconds"], detail)


def budget(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a PodDisruptionBudget."""
    spec = obj.get("spec") or {}
    low, high, policy = (
        spec.get(key) for key in ("minAvailable", "maxUnavailable", "unhealthyPodEvictionPolicy")
    )
    if low is not None and high is not None:
        shown = internal_types.printed(spec, "io.k8s.api.policy.v1.PodDisruptionBudgetSpec")
        yield invalid.invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set")
    for key, value in (("minAvailable", low), ("maxUnavailable", high)):
        if value is not None:
            yield from _share(value, f"spec.{key}")
    yield from object_rules.selector_mistakes(spec.get("selector"), "spec.selector")
    if policy is not None and policy not in _EVICTIONS:
        yield invalid.unsupported("spec.unhealthyPodEvictionPolicy", policy, _EVICTIONS)


def _share(value: Any, path: str) -> Iterator[FieldError]:
    if not isinstance(value, str):
        if value < 0:
            yield invalid.invalid(path, value, "must be greater than or equal to 0")
        return
    if not re.fullmatch("[0-9]+%", value):
        detail = (
            "a valid percent string must be a numeric string followed by an ending '%'"
            " (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
        )
        yield invalid.invalid(path, value, detail)
    elif int(value[:-1]) > 100:
        yield invalid.invalid(path, value, "must not be greater than 100%")


def lease(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a Lease."""
    spec = obj.get("spec") or {}
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        yield invalid.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    if transitions is not None and transitions < 0:
        detail = "must be greater than or equal to 0"
        yield invalid.invalid("spec.leaseTransitions", transitions, detail)
    if spec.get("preferredHolder") and not spec.get("strategy"):
        detail = "may only be specified if `strategy` is defined"
        yield invalid.forbidden("spec.preferredHolder", detail)


def runtime_class(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a RuntimeClass."""
    handler = obj.get("handler") or ""
    if not handler:
        yield invalid.required("handler")
    for problem in names.label_problems(handler) if handler else ():
        yield invalid.invalid("handler", handler, problem)


def priority_class(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a PriorityClass."""
    name, value, policy = obj["metadata"].get("name", ""), obj.get("value") or 0, obj.get("preemptionPolicy")
    if name.startswith("system-"):
        if problem := _system_problem(name, value, is_default=bool(obj.get("globalDefault"))):
            yield invalid.forbidden("metadata.name", f"{_RESERVED} {problem}")
    elif value > _HIGHEST_PRIORITY:
        detail = f"maximum allowed value of a user defined priority is {_HIGHEST_PRIORITY}"
        yield invalid.forbidden("value", detail)
    if policy is not None and policy not in _PREEMPTIONS:
        yield invalid.unsupported("preemptionPolicy", policy, _PREEMPTIONS)


def event(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of an Event."""
    namespace, of = (
        obj["metadata"].get("namespace", ""),
        obj.get("involvedObject") or obj.get("regarding") or {},
    )
    about = of.get("namespace") or ""
    place = "involvedObject.namespace"
    if not obj.get("eventTime"):
        if about != namespace and (about or namespace != "default"):
            yield invalid.invalid(place, about, "does not match event.namespace")
        return
    if not about and namespace not in ("default", "kube-system"):
        yield invalid.invalid(place, about, "does not match event.namespace")
    controller = "reportingComponent" if obj.get("apiVersion") == "v1" else "reportingController"
    for key in (controller, "reportingInstance", "action", "reason"):
        if not obj.get(key):
            yield invalid.required(key)
        if key == controller:
            for problem in names.label_key_problems(obj.get(key) or ""):
                yield invalid.invalid(key, obj.get(key) or "", problem)


def _system_problem(name: str, value: int, *, is_default: bool) -> str:
    if name not in SYSTEM_PRIORITIES:
        return f"{name} is not a known system priority class"
    if value != SYSTEM_PRIORITIES[name]:
        return f"value of {name} PriorityClass must be {SYSTEM_PRIORITIES[name]}"
    return f"globalDefault of {name} PriorityClass must be false" if is_default else ""


def revision(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a ControllerRevision."""
    if (obj.get("revision") or 0) < 0:
        yield invalid.invalid("revision", obj["revision"], "must be greater than or equal to 0")
