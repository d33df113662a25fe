"""What admission gives every new pod: an account with its token, tolerations, a priority."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from jx.adapters.local.kubernetes.calls.admission import Operation
from jx.adapters.local.kubernetes.calls.requests import Request
from jx.adapters.local.kubernetes.errors import ApiError, forbidden
from jx.adapters.local.kubernetes.store import Collection, Store
from jx.adapters.local.kubernetes.types.facts import Obj

PODS: Final[Collection] = ("", "pods")
ACCOUNTS: Final[Collection] = ("", "serviceaccounts")
PRIORITIES: Final[Collection] = ("scheduling.k8s.io", "priorityclasses")
RUNTIMES: Final[Collection] = ("node.k8s.io", "runtimeclasses")

_TOKEN_MOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_VOLUME: Final = "kube-api-access-"
_TOKEN_SECONDS: Final = 3607
_FILE_MODE: Final = 0o644
_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
_GONE_NODES: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_GONE_SECONDS: Final = 300
_MIRROR: Final = "kubernetes.io/config.mirror"


class PodAccounts:
    """An admission plugin: pods run as a ServiceAccount that is there, and find its token where all clients look."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        if not _is_new_pod(operation, request) or _MIRROR in (new["metadata"].get("annotations") or {}):
            return new
        spec = new.get("spec") or {}
        name = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
        account = self._store.find(ACCOUNTS, (request.namespace, name))
        if account is None:
            place = f"{request.namespace}/{name}"
            raise _refused(
                request, f'error looking up service account {place}: serviceaccount "{name}" not found'
            )
        spec = {**spec, "serviceAccountName": name, "serviceAccount": name}
        if not spec.get("imagePullSecrets") and account.obj.get("imagePullSecrets"):
            spec["imagePullSecrets"] = [dict(one) for one in account.obj["imagePullSecrets"]]
        if _wants_token(spec, account.obj):
            spec = _with_token(spec, new["metadata"]["uid"])
        return {**new, "spec": spec}


def _wants_token(spec: Obj, account: Obj) -> bool:
    key = "automountServiceAccountToken"
    for owner in (spec, account):
        if owner.get(key) is not None:
            return bool(owner[key])
    return True


def _with_token(spec: Obj, uid: str) -> Obj:
    volumes = list(spec.get("volumes") or ())
    known = next((one["name"] for one in volumes if one.get("name", "").startswith(_TOKEN_VOLUME)), None)
    # The name is drawn from the uid, so that it is the same at each attempt of a request.
    name = known or _TOKEN_VOLUME + "".join(
        _LETTERS[byte % len(_LETTERS)] for byte in hashlib.sha256(uid.encode()).digest()[:5]
    )
    made = dict(spec)
    for key in ("initContainers", "containers"):
        if spec.get(key):
            made[key] = [_mounting(container, name) for container in spec[key]]
    is_mounted = any(made.get(key) != spec.get(key) for key in ("initContainers", "containers"))
    if is_mounted and known is None:
        made["volumes"] = [*volumes, {"name": name, "projected": _token_source()}]
    return made


def _mounting(container: Obj, volume: str) -> Obj:
    mounts = container.get("volumeMounts") or []
    if any(mount.get("mountPath") == _TOKEN_MOUNT for mount in mounts):
        return container
    mount = {"name": volume, "readOnly": True, "mountPath": _TOKEN_MOUNT}
    return {**container, "volumeMounts": [*mounts, mount]}


def _token_source() -> Obj:
    namespace = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": namespace}]}},
        ],
        "defaultMode": _FILE_MODE,
    }


class PodTolerations:
    """An admission plugin: pods stay five minutes on a node that does not answer, unless they say otherwise."""

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        if request.served.collection != PODS or operation == "DELETE" or request.subresource:
            return new
        spec = new.get("spec") or {}
        tolerations = spec.get("tolerations") or []
        missing = [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _GONE_SECONDS}
            for key in _GONE_NODES
            if not _is_tolerated(key, tolerations)
        ]
        return {**new, "spec": {**spec, "tolerations": [*tolerations, *missing]}} if missing else new


def _is_tolerated(key: str, tolerations: Iterable[Obj]) -> bool:
    return any(
        one.get("key") in (key, None, "") and one.get("effect") in ("NoExecute", None, "")
        for one in tolerations
    )


class PodPriorities:
    """An admission plugin: the number behind a pod's priority class."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        if request.served.collection != PODS or operation == "DELETE" or request.subresource:
            return new
        spec = new.get("spec") or {}
        if old is not None:
            before = old.get("spec") or {}
            kept = {
                key: before[key]
                for key in ("priority", "preemptionPolicy")
                if key in before and key not in spec
            }
            return {**new, "spec": {**spec, **kept}} if kept else new
        chosen = self._class(request, spec.get("priorityClassName") or "")
        priority = chosen["value"] if chosen else 0
        policy = (chosen or {}).get("preemptionPolicy") or "PreemptLowerPriority"
        if spec.get("priority") not in (None, priority):
            why = (
                f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; priority"
                f" admission controller computed {priority} from the given PriorityClass name"
            )
            raise _refused(request, why)
        made = {**spec, "priority": priority, "preemptionPolicy": policy}
        if chosen:
            made["priorityClassName"] = chosen["metadata"]["name"]
        return {**new, "spec": made}

    def _class(self, request: Request, name: str) -> Obj | None:
        if name:
            found = self._store.find(PRIORITIES, ("", name))
            if found is None:
                raise _refused(request, f"no PriorityClass with name {name} was found")
            return found.obj
        defaults = [one.obj for one in self._store.entries(PRIORITIES) if one.obj.get("globalDefault")]
        return min(defaults, key=lambda one: int(one["value"]), default=None)


class PodRuntimes:
    """An admission plugin: what the class of a pod's runtime costs, and where it runs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        if not _is_new_pod(operation, request):
            return new
        spec = new.get("spec") or {}
        name = spec.get("runtimeClassName")
        found = self._store.find(RUNTIMES, ("", name)) if name is not None else None
        if name is not None and found is None:
            raise _refused(request, f'pod rejected: RuntimeClass "{name}" not found')
        runtime = found.obj if found else {}
        cost = (runtime.get("overhead") or {}).get("podFixed")
        own = spec.get("overhead")
        if cost is None:
            if own:
                why = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
                raise _refused(request, why)
        elif own and own != cost:
            raise _refused(
                request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
            )
        else:
            spec = {**spec, "overhead": dict(cost)}
        return {**new, "spec": _scheduled(request, spec, runtime.get("scheduling") or {})}


def _scheduled(request: Request, spec: Obj, scheduling: Obj) -> Obj:
    """The spec with the nodes and tolerations of its runtime."""
    own, wanted = spec.get("nodeSelector") or {}, scheduling.get("nodeSelector") or {}
    for key, value in sorted(wanted.items()):
        if own.get(key, value) != value:
            why = (
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value};"
                f" pod.spec.nodeSelector[{key}] = {own[key]}"
            )
            raise _refused(request, why)
    made = {**spec, "nodeSelector": {**own, **wanted}} if wanted else dict(spec)
    known = spec.get("tolerations") or []
    added = [dict(one) for one in scheduling.get("tolerations") or () if one not in known]
    if added:
        made["tolerations"] = [*known, *added]
    return made


def _is_new_pod(operation: Operation, request: Request) -> bool:
    return request.served.collection == PODS and operation == "CREATE" and not request.subresource


def _refused(request: Request, why: str) -> ApiError:
    return forbidden("", "pods", request.name, why)
