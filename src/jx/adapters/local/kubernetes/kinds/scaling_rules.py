"""The rules of budgets and what else steers a cluster."""

import re
from collections.abc import Iterator
from typing import Any, Final

from jx.adapters.local.kubernetes.kinds import object_rules
from jx.adapters.local.kubernetes.types import internal_types
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names
from jx.adapters.local.kubernetes.words.invalid import FieldError

_EVICTIONS: Final = ("AlwaysAllow", "IfHealthyBudget")
SYSTEM_PRIORITIES: Final = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_RESERVED: Final = "priority class names with 'system-' prefix are reserved for system use only. error:"
_PREEMPTIONS: Final = ("PreemptLowerPriority", "Never")
_HIGHEST_PRIORITY: Final = 1_000_000_000


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
