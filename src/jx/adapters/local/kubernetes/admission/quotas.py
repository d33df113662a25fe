"""ResourceQuotas: what a namespace may hold, counted from what is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from jx.adapters.local.kubernetes.calls.admission import Operation
from jx.adapters.local.kubernetes.calls.requests import Request
from jx.adapters.local.kubernetes.errors import ApiError, forbidden
from jx.adapters.local.kubernetes.store import Change, Collection, Store
from jx.adapters.local.kubernetes.types import amounts
from jx.adapters.local.kubernetes.types.amounts import Amounts
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.writes.verbs import Verbs

QUOTAS: Final[Collection] = ("", "resourcequotas")
_PODS: Final[Collection] = ("", "pods")
_SERVICES: Final[Collection] = ("", "services")
_CLAIMS: Final[Collection] = ("", "persistentvolumeclaims")
_COUNTED: Final = frozenset(
    (
        "configmaps",
        "persistentvolumeclaims",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "services",
    )
)
_STORAGE_CLASS: Final = ".storageclass.storage.k8s.io/"
# Of these a container must say what it needs where a quota counts them.
_DEMANDED: Final = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
_COMPUTE: Final = ("cpu", "memory", "ephemeral-storage")
_MANAGER: Final = "kube-controller-manager"
_ADMISSION_MANAGER: Final = "kube-apiserver"


class Quotas:
    """A judge, and a reactor that keeps the status of quotas."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs
        self._store: Store = verbs.store

    def judge(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> None:
        if operation == "DELETE" or request.subresource or not request.namespace:
            return
        quotas = self._store.entries(QUOTAS, request.namespace)
        if not quotas:
            return
        collection = request.served.collection
        wanted = usage_of(collection, new)
        before = usage_of(collection, old) if old is not None else {}
        for stored in quotas:
            quota = stored.obj
            hard = amounts.parsed((quota.get("spec") or {}).get("hard"))
            if not hard.keys() & wanted.keys() or not _covers(quota, collection, new):
                continue
            self._check_demands(quota, request, new)
            had = before if old is not None and _covers(quota, collection, old) else {}
            asked = {
                name: amount
                for name, amount in amounts.added(wanted, had, sign=-1).items()
                if name in hard and amount > 0
            }
            used = self._used(quota, asked)
            exceeded = sorted(name for name, amount in asked.items() if used[name] + amount > hard[name])
            if exceeded:
                raise _exceeded(request, quota, exceeded, (asked, used, hard))

    def resume(self) -> None:
        """Count anew after a start."""
        for stored in self._store.entries(QUOTAS):
            self._tend(stored.obj)

    def react(self, change: Change) -> None:
        namespace = change.key[0]
        if not namespace or (change.collection == QUOTAS and change.type == "DELETED"):
            return
        for stored in self._store.entries(QUOTAS, namespace):
            hard = (stored.obj.get("spec") or {}).get("hard") or {}
            states = [change.new.obj, *([change.old.obj] if change.old else [])]
            is_touched = change.collection == QUOTAS or any(
                name in hard for state in states for name in usage_of(change.collection, state)
            )
            if is_touched:
                self._tend(stored.obj, is_admission=change.collection != QUOTAS)

    def _tend(self, quota: Obj, *, is_admission: bool = False) -> None:
        hard = (quota.get("spec") or {}).get("hard") or {}
        used = self._used(quota, hard)
        status = {
            "hard": hard,
            "used": {
                name: amounts.shown(used[name], limit)
                for name, limit in hard.items()
                if self._is_counted(name)
            },
        }
        if quota.get("status") == status or not hard:
            return
        meta = quota["metadata"]
        served = self._verbs.registry.get(*QUOTAS)
        before = amounts.parsed((quota.get("status") or {}).get("used"))
        # What is taken is written down as it is admitted; what is given back, a controller finds.
        is_taken = is_admission and any(used[name] > before.get(name, 0) for name in hard)
        manager = _ADMISSION_MANAGER if is_taken else _MANAGER
        request = Request(served, meta["namespace"], meta["name"], "status", manager=manager)
        self._verbs.rewrite(request, lambda live: {**live, "status": status})

    def _is_counted(self, name: str) -> bool:
        """Whether anything is known that uses a resource of that name."""
        if not name.startswith("count/"):
            return _STORAGE_CLASS in name or "/" not in name or name.startswith("requests.")
        plural, _, group = name.removeprefix("count/").partition(".")
        resources = self._verbs.registry.resources()
        return any((one.group, one.plural) == (group, plural) for one in resources)

    def _used(self, quota: Obj, names: Mapping[str, object]) -> Amounts:
        """How much of some resources a quota's namespace uses."""
        total = dict.fromkeys(names, Decimal(0))
        namespace = quota["metadata"]["namespace"]
        for collection in self._store.collections():
            if not any(_is_used_by(collection, name) for name in names):
                continue
            for stored in self._store.entries(collection, namespace):
                if _covers(quota, collection, stored.obj):
                    for name, amount in usage_of(collection, stored.obj).items():
                        if name in total:
                            total[name] += amount
        return total

    @staticmethod
    def _check_demands(quota: Obj, request: Request, pod: Obj) -> None:
        spec = pod.get("spec") or {}
        if request.served.collection != _PODS or spec.get("resources"):
            return
        missing: dict[str, set[str]] = {}
        for name in _DEMANDED:
            if name not in quota["spec"]["hard"]:
                continue
            kind, _, resource = name.rpartition(".")
            for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
                if resource not in ((container.get("resources") or {}).get(kind or "requests") or {}):
                    missing.setdefault(name, set()).add(container["name"])
        if missing:
            told = "; ".join(f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing))
            why = f"failed quota: {quota['metadata']['name']}: must specify {told}"
            raise forbidden("", "pods", request.name, why)


def usage_of(collection: Collection, obj: Obj) -> Amounts:
    """What one object uses, by the names that quotas have for it."""
    group, plural = collection
    one = Decimal(1)
    used = {f"count/{plural}.{group}" if group else f"count/{plural}": one}
    if not group and plural in _COUNTED:
        used[plural] = one
    if collection == _PODS:
        used |= _pod_usage(obj)
    elif collection == _SERVICES:
        used |= _service_usage(obj)
    elif collection == _CLAIMS:
        used |= _claim_usage(obj)
    return used


def _is_used_by(collection: Collection, name: str) -> bool:
    group, plural = collection
    if name.startswith("count/"):
        return name == (f"count/{plural}.{group}" if group else f"count/{plural}")
    if group:
        return False
    if plural == "pods":
        return name not in _COUNTED and not name.startswith("services.") and _STORAGE_CLASS not in name
    if plural == "services":
        return name.startswith("services")
    return name == plural or (
        plural == "persistentvolumeclaims" and (name == "requests.storage" or _STORAGE_CLASS in name)
    )


def _pod_usage(pod: Obj) -> Iterator[tuple[str, Decimal]]:
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return
    yield "pods", Decimal(1)
    for name, amount in amounts.of_pod(pod, "requests").items():
        if name in _COMPUTE or name.startswith("hugepages-"):
            yield name, amount
        yield f"requests.{name}", amount
    for name, amount in amounts.of_pod(pod, "limits").items():
        if name in _COMPUTE:
            yield f"limits.{name}", amount


def _service_usage(service: Obj) -> Amounts:
    kind = (service.get("spec") or {}).get("type")
    ports = Decimal(len((service.get("spec") or {}).get("ports") or ()))
    if kind == "LoadBalancer":
        return {"services.loadbalancers": Decimal(1), "services.nodeports": ports}
    return {"services.nodeports": ports} if kind == "NodePort" else {}


def _claim_usage(claim: Obj) -> Amounts:
    spec = claim.get("spec") or {}
    wanted = amounts.parsed((spec.get("resources") or {}).get("requests"))
    used = {"requests.storage": wanted["storage"]} if "storage" in wanted else {}
    if name := spec.get("storageClassName"):
        used |= {f"{name}{_STORAGE_CLASS}{key}": amount for key, amount in used.items()}
        used[f"{name}{_STORAGE_CLASS}persistentvolumeclaims"] = Decimal(1)
    return used


def _covers(quota: Obj, collection: Collection, obj: Obj) -> bool:
    spec = quota.get("spec") or {}
    scopes = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    scopes += (spec.get("scopeSelector") or {}).get("matchExpressions") or []
    if not scopes:
        return True
    return collection == _PODS and all(_is_in_scope(scope, obj) for scope in scopes)


def _is_in_scope(scope: Obj, pod: Obj) -> bool:
    spec = pod.get("spec") or {}
    is_best_effort = not amounts.of_pod(pod, "requests") and not amounts.of_pod(pod, "limits")
    match scope["scopeName"]:
        case "Terminating":
            return spec.get("activeDeadlineSeconds") is not None
        case "NotTerminating":
            return spec.get("activeDeadlineSeconds") is None
        case "BestEffort":
            return is_best_effort
        case "NotBestEffort":
            return not is_best_effort
        case "PriorityClass":
            return _has_priority(scope, spec.get("priorityClassName") or "")
        case _:
            return False


def _has_priority(scope: Obj, name: str) -> bool:
    match scope.get("operator"):
        case "In":
            return name in (scope.get("values") or ())
        case "NotIn":
            return name not in (scope.get("values") or ())
        case "DoesNotExist":
            return not name
        case _:
            return bool(name)


def _exceeded(
    request: Request, quota: Obj, names: list[str], parts: tuple[Mapping[str, Decimal], ...]
) -> ApiError:
    written = quota["spec"]["hard"]
    asked, used, hard = (
        ",".join(f"{name}={amounts.shown(part[name], written[name])}" for name in names) for part in parts
    )
    why = f"exceeded quota: {quota['metadata']['name']}, requested: {asked}, used: {used}, limited: {hard}"
    resource = request.served.resource
    return forbidden(resource.group, resource.plural, request.name, why)
