"""The rules of ResourceQuotas and LimitRanges."""

from collections.abc import Iterator
from typing import Any, Final

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names, quantities
from jx.adapters.local.kubernetes.words.invalid import FieldError

_INTEGERS: Final = frozenset(
    {
        "configmaps",
        "persistentvolumeclaims",
        "pods",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "services",
        "services.loadbalancers",
        "services.nodeports",
    }
)
_IN_CONTAINERS: Final = frozenset({"cpu", "ephemeral-storage", "memory"})
_IN_QUOTAS: Final = (
    _INTEGERS
    | _IN_CONTAINERS
    | {f"{kind}.{name}" for kind in ("limits", "requests") for name in _IN_CONTAINERS}
    | {"requests.storage"}
)
_OF_PODS: Final = frozenset(
    {"cpu", "limits.cpu", "limits.memory", "memory", "pods", "requests.cpu", "requests.memory"}
)
_OF_CLAIMS: Final = frozenset({"persistentvolumeclaims", "requests.storage"})
_SCOPES: Final = {
    "BestEffort": frozenset({"pods"}),
    "CrossNamespacePodAffinity": _OF_PODS,
    "NotBestEffort": _OF_PODS,
    "NotTerminating": _OF_PODS,
    "PriorityClass": _OF_PODS,
    "Terminating": _OF_PODS,
    "VolumeAttributesClass": _OF_CLAIMS,
}
_OPPOSED: Final = ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"})
_ONLY_EXISTS: Final = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating,"
    " ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)
_LIMIT_TYPES: Final = ("Container", "PersistentVolumeClaim", "Pod")


def quota(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a ResourceQuota."""
    spec = obj.get("spec") or {}
    hard = spec.get("hard") or {}
    for name in sorted(hard):
        here = f"spec.hard[{name}]"
        yield from _name_mistakes(name, here)
        if "/" not in name and not _is_in(name, _IN_QUOTAS):
            yield invalid.invalid(here, name, "must be a standard resource for quota")
        amount = quantities.parse(hard[name])
        if amount < 0:
            yield invalid.invalid(here, hard[name], "must be greater than or equal to 0")
        if amount % 1 and (name in _INTEGERS or _is_extended(name)):
            yield invalid.invalid(here, hard[name], "must be an integer")
    yield from _scope_mistakes(spec.get("scopes") or [], hard)
    if spec.get("scopeSelector") is not None:
        yield from _selector_mistakes(spec, hard)


def _name_mistakes(name: str, here: str) -> Iterator[FieldError]:
    problems = names.label_key_problems(name)
    for problem in problems:
        yield invalid.invalid(here, name, problem)
    if not problems and "/" not in name and not _is_in(name, _IN_QUOTAS | {"storage"}):
        yield invalid.invalid(here, name, "must be a standard resource type or fully qualified")


def _is_in(name: str, known: frozenset[str]) -> bool:
    return name in known or name.startswith(("hugepages-", "requests.hugepages-"))


def _is_extended(name: str) -> bool:
    is_native = "/" not in name or "kubernetes.io/" in name
    return not is_native and not name.startswith("requests.")


def _scope_mistakes(scopes: list[str], hard: Obj) -> Iterator[FieldError]:
    for scope in scopes:
        if scope not in _SCOPES:
            yield invalid.invalid("spec.scopes", scopes, "unsupported scope")
        for _ in _unfit(scope, hard):
            yield invalid.invalid("spec.scopes", scopes, "unsupported scope applied to resource")
    for pair in _OPPOSED:
        if pair <= set(scopes):
            yield invalid.invalid("spec.scopes", scopes, "conflicting scopes")


def _unfit(scope: str, hard: Obj) -> list[str]:
    fitting = _SCOPES.get(scope, _IN_QUOTAS)
    return [name for name in hard if _is_in(name, _IN_QUOTAS) and name not in fitting]


def _selector_mistakes(spec: Obj, hard: Obj) -> Iterator[FieldError]:
    here = "spec.scopeSelector.matchExpressions"
    chosen: set[str] = set()
    for one in spec["scopeSelector"].get("matchExpressions") or ():
        scope, operator, values = one.get("scopeName") or "", one.get("operator") or "", one.get("values")
        chosen.add(scope)
        if scope not in _SCOPES:
            yield invalid.invalid(f"{here}.scopeName", scope, "unsupported scope")
        for _ in _unfit(scope, hard):
            shown = spec["scopeSelector"]
            yield invalid.invalid(here, shown, "unsupported scope applied to resource")
        by_existence = scope in _SCOPES and scope not in ("PriorityClass", "VolumeAttributesClass")
        if by_existence and operator != "Exists":
            yield invalid.invalid(f"{here}.operator", operator, _ONLY_EXISTS)
        yield from _operator_mistakes(operator, values, here)
    for pair in _OPPOSED:
        if pair <= chosen:
            yield invalid.invalid(here, spec.get("scopes"), "conflicting scopes")


def _operator_mistakes(operator: str, values: Any, here: str) -> Iterator[FieldError]:
    if operator in ("In", "NotIn"):
        if not values:
            detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            yield invalid.required(f"{here}.values", detail)
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            yield invalid.invalid(f"{here}.values", values, detail)
    else:
        yield invalid.invalid(f"{here}.operator", operator, "not a valid selector operator")


def quota_changes(obj: Obj, old: Obj) -> Iterator[FieldError]:
    """The forbidden changes of a ResourceQuota."""
    now, then = ((one.get("spec") or {}).get("scopes") or [] for one in (obj, old))
    if set(now) != set(then):
        yield invalid.invalid("spec.scopes", now or None, invalid.IMMUTABLE)


def limit_range(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a LimitRange."""
    taken: set[str] = set()
    for index, limit in enumerate((obj.get("spec") or {}).get("limits") or ()):
        here, kind = f"spec.limits[{index}]", limit.get("type") or ""
        problems = names.label_key_problems(kind)
        for problem in problems:
            yield invalid.invalid(f"{here}.type", kind, problem)
        if not problems and "/" not in kind and kind not in _LIMIT_TYPES:
            yield invalid.invalid(f"{here}.type", kind, "must be a standard limit type or fully qualified")
        if kind in taken:
            yield invalid.duplicate(f"{here}.type", kind)
        taken.add(kind)
        yield from _limit_names(limit, kind, here)
        yield from _limit_amounts(limit, kind, here)


def _limit_names(limit: Obj, kind: str, here: str) -> Iterator[FieldError]:
    for key in ("max", "min", "default", "defaultRequest"):
        given = limit.get(key) or {}
        if given and kind == "Pod" and key.startswith("default"):
            yield invalid.forbidden(f"{here}.{key}", "may not be specified when `type` is 'Pod'")
            continue
        for name in sorted(given):
            yield from _limit_name(name, kind, f"{here}.{key}[{name}]")
    if kind == "PersistentVolumeClaim" and not any(
        "storage" in (limit.get(key) or {}) for key in ("min", "max")
    ):
        detail = "either minimum or maximum storage value is required, but neither was provided"
        yield invalid.required(f"{here}.limits", detail)
    for name in sorted(limit.get("maxLimitRequestRatio") or {}):
        yield from _limit_name(name, kind, f"{here}.maxLimitRequestRatio[{name}]")


def _limit_name(name: str, kind: str, here: str) -> Iterator[FieldError]:
    if kind in ("Pod", "Container"):
        yield from container_resource_mistakes(name, here)
    else:
        yield from _name_mistakes(name, here)


def container_resource_mistakes(name: str, here: str) -> Iterator[FieldError]:
    """What keeps a name from being that of a resource which containers use."""
    yield from _name_mistakes(name, here)
    if "/" not in name:
        if name not in _IN_CONTAINERS and not name.startswith("hugepages-"):
            yield invalid.invalid(here, name, "must be a standard resource for containers")
    elif "kubernetes.io/" not in name and not _is_extended(name):
        yield invalid.invalid(here, name, "doesn't follow extended resource name standard")


def _limit_amounts(limit: Obj, kind: str, here: str) -> Iterator[FieldError]:
    least, most = limit.get("min") or {}, limit.get("max") or {}
    whole: Obj = {} if kind == "Pod" else limit
    given, asked = whole.get("default") or {}, whole.get("defaultRequest") or {}
    ratios = limit.get("maxLimitRequestRatio") or {}
    for name in sorted({*least, *most, *given, *asked, *ratios}):
        low, high, default, request = (part.get(name) for part in (least, most, given, asked))
        for key, bad, small, large, words in (
            ("min", low, low, high, ("min", "max")),
            ("defaultRequest", request, low, request, ("min", "default request")),
            ("defaultRequest", request, request, high, ("default request", "max")),
            ("defaultRequest", request, request, default, ("default request", "default limit")),
            ("default", low, low, default, ("min", "default")),
            ("default", high, default, high, ("default", "max")),
        ):
            if small is not None and large is not None and quantities.parse(small) > quantities.parse(large):
                detail = f"{words[0]} value {small} is greater than {words[1]} value {large}"
                yield invalid.invalid(f"{here}.{key}[{name}]", bad, detail)
        ratio = ratios.get(name)
        if ratio is not None and quantities.parse(ratio) < 1:
            place = f"{here}.maxLimitRequestRatio[{name}]"
            yield invalid.invalid(place, ratio, f"ratio {ratio} is less than 1")
