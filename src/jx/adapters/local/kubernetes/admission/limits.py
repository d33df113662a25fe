"""LimitRanges: what containers ask for unless they say so, and how little or much they may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jx.adapters.local.kubernetes.calls.admission import Operation
from jx.adapters.local.kubernetes.calls.requests import Request
from jx.adapters.local.kubernetes.errors import forbidden
from jx.adapters.local.kubernetes.store import Collection, Store
from jx.adapters.local.kubernetes.types import amounts
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import quantities

RANGES: Final[Collection] = ("", "limitranges")
_PODS: Final[Collection] = ("", "pods")
_CLAIMS: Final[Collection] = ("", "persistentvolumeclaims")
_NOTE: Final = "kubernetes.io/limit-ranger"
_CONTAINERS: Final = (("containers", "container"), ("initContainers", "init container"))


class LimitDefaults:
    """An admission plugin: new pods get the defaults of their namespace's LimitRanges."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        if request.served.collection != _PODS or operation != "CREATE" or request.subresource:
            return new
        for stored in self._store.entries(RANGES, request.namespace):
            new = _completed(new, stored.obj)
        return new


class Limits:
    """A judge: refuses what is beyond the LimitRanges, all reasons at once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def judge(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> None:
        collection = request.served.collection
        if operation == "DELETE" or request.subresource or collection not in (_PODS, _CLAIMS):
            return
        if (collection == _PODS and operation != "CREATE") or (
            old and "deletionTimestamp" in old["metadata"]
        ):
            return
        for stored in self._store.entries(RANGES, request.namespace):
            problems = list(_problems(new, stored.obj, is_pod=collection == _PODS))
            if problems:
                why = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
                raise forbidden("", request.served.resource.plural, request.name, why)


def _completed(pod: Obj, limit_range: Obj) -> Obj:
    defaults: dict[str, dict[str, str]] = {"requests": {}, "limits": {}}
    for limit in limit_range["spec"].get("limits") or ():
        if limit.get("type") == "Container":
            defaults["requests"] |= limit.get("defaultRequest") or {}
            defaults["limits"] |= limit.get("default") or {}
    notes: list[str] = []
    spec = dict(pod.get("spec") or {})
    for key, name in _CONTAINERS:
        if spec.get(key):
            spec[key] = [_container(one, defaults, name, notes) for one in spec[key]]
    if not notes:
        return pod
    metadata = pod["metadata"]
    noted = {**(metadata.get("annotations") or {}), _NOTE: f"LimitRanger plugin set: {'; '.join(notes)}"}
    return {**pod, "metadata": {**metadata, "annotations": noted}, "spec": spec}


def _container(container: Obj, defaults: Mapping[str, Mapping[str, str]], kind: str, notes: list[str]) -> Obj:
    resources = dict(container.get("resources") or {})
    for key, word in (("requests", "request"), ("limits", "limit")):
        given = resources.get(key) or {}
        missing = {name: value for name, value in defaults[key].items() if name not in given}
        if missing:
            resources[key] = {**given, **missing}
            notes.append(f"{', '.join(sorted(missing))} {word} for {kind} {container.get('name', '')}")
    return {**container, "resources": resources} if resources else container


def _problems(obj: Obj, limit_range: Obj, *, is_pod: bool) -> Iterator[str]:
    spec = obj.get("spec") or {}
    for limit in limit_range["spec"].get("limits") or ():
        match limit.get("type"):
            case "Container" if is_pod:
                for key, _ in _CONTAINERS:
                    for container in spec.get(key) or ():
                        yield from _broken(limit, container.get("resources") or {})
            case "Pod" if is_pod:
                yield from _broken(limit, {kind: _whole(obj, kind) for kind in ("requests", "limits")})
            case "PersistentVolumeClaim" if not is_pod:
                yield from _broken_claim(limit, (spec.get("resources") or {}).get("requests") or {})
            case _:
                pass


def _whole(pod: Obj, kind: str) -> dict[str, str]:
    """What a pod asks for, each sum written as the first of its parts is."""
    forms: dict[str, str] = {}
    for container in (pod.get("spec") or {}).get("containers") or ():
        for name, amount in ((container.get("resources") or {}).get(kind) or {}).items():
            forms.setdefault(name, amount)
    return {
        name: amounts.shown(amount, forms.get(name, "")) for name, amount in amounts.of_pod(pod, kind).items()
    }


def _broken(limit: Obj, resources: Obj) -> Iterator[str]:
    kind, requests, limits = limit["type"], resources.get("requests") or {}, resources.get("limits") or {}
    for name, least in (limit.get("min") or {}).items():
        yield from _too_little(kind, name, least, requests, limits)
    for name, most in (limit.get("max") or {}).items():
        yield from _too_much(kind, name, most, requests, limits)
    for name, ratio in (limit.get("maxLimitRequestRatio") or {}).items():
        yield from _too_wide(kind, name, ratio, requests, limits)


def _too_little(kind: str, name: str, least: str, requests: Obj, limits: Obj) -> Iterator[str]:
    begin = f"minimum {name} usage per {kind} is {least}"
    if name not in requests:
        yield f"{begin}.  No request is specified"
    elif _less(requests[name], least):
        yield f"{begin}, but request is {requests[name]}"
    elif name in limits and _less(limits[name], least):
        yield f"{begin}, but limit is {limits[name]}"


def _too_much(kind: str, name: str, most: str, requests: Obj, limits: Obj) -> Iterator[str]:
    begin = f"maximum {name} usage per {kind} is {most}"
    if name not in limits:
        yield f"{begin}.  No limit is specified"
    elif _less(most, limits[name]):
        yield f"{begin}, but limit is {limits[name]}"
    elif name in requests and _less(most, requests[name]):
        yield f"{begin}, but request is {requests[name]}"


def _too_wide(kind: str, name: str, ratio: str, requests: Obj, limits: Obj) -> Iterator[str]:
    begin = f"{name} max limit to request ratio per {kind} is {ratio}"
    if name not in requests or not quantities.parse(requests[name]):
        yield f"{begin}, but no request is specified or request is 0"
    elif name not in limits or not quantities.parse(limits[name]):
        yield f"{begin}, but no limit is specified or limit is 0"
    else:
        found = quantities.parse(limits[name]) / quantities.parse(requests[name])
        if found > quantities.parse(ratio):
            yield f"{begin}, but provided ratio is {float(found):f}"


def _broken_claim(limit: Obj, requests: Obj) -> Iterator[str]:
    kind = limit["type"]
    for name, least in (limit.get("min") or {}).items():
        yield from _too_little(kind, name, least, requests, {})
    for name, most in (limit.get("max") or {}).items():
        begin = f"maximum {name} usage per {kind} is {most}"
        if name not in requests:
            yield f"{begin}.  No request is specified"
        elif _less(most, requests[name]):
            yield f"{begin}, but request is {requests[name]}"


def _less(left: Any, right: Any) -> bool:
    return quantities.parse(left) < quantities.parse(right)
