"""A cluster in memory: objects, server-side apply, failures on demand. Simple but honest."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from jx.adapters.local import memory_fields
from jx.adapters.local.memory_fields import Path
from jx.adapters.local.memory_kinds import KINDS
from jx.domain.applying import field_ownership
from jx.domain.applying.applying import LiveObject, Step
from jx.domain.applying.locking import Fence
from jx.domain.errors import Conflict, Failed, Immutable, JxError, Overtaken, OwnedField, Stale
from jx.domain.names import EnvironmentName
from jx.domain.objects.manifests import Body, Capabilities, KindInfo, ObjectRef, ref_of
from jx.ports.cluster import Scope

_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class _Failure:
    error: JxError
    times: int
    only: Callable[[ObjectRef], bool]


@dataclass
class MemoryCluster:
    """ports.cluster.Cluster in memory. Workloads become ready when somebody looks at them, unless `break_workload` says not.

    `requests` lists what was asked, in order: `("send", ref)`, `("delete", ref)`, `("live", scope)`.
    """

    cluster_id: str = "11111111-0000-4000-8000-000000000001"
    version: str = "v1.36.0"
    user: str = "ann@example.com"
    kinds: dict[tuple[str, str], KindInfo] = field(default_factory=lambda: dict(KINDS))
    objects: dict[ObjectRef, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, object]] = field(default_factory=list)
    pod_logs: dict[tuple[str, str], str] = field(default_factory=dict)
    pods_of: dict[ObjectRef, str] = field(default_factory=dict)
    """Jobs that have a pod, once they are looked at, and what it says."""
    pass_time: Callable[[timedelta], None] = lambda _: None
    """What a second of silence does to the clock of whoever watches."""
    _failures: list[_Failure] = field(default_factory=list)
    _broken: set[ObjectRef] = field(default_factory=set)
    _endless: set[ObjectRef] = field(default_factory=set)
    _lingering: set[ObjectRef] = field(default_factory=set)
    _count: int = 0
    _tokens: dict[EnvironmentName, int] = field(default_factory=dict)
    _mutex: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        for name in ("default", "kube-system"):
            self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, manager="kube")

    # What tests arrange.

    def put(self, body: Body, *, manager: str = "kubectl-create") -> LiveObject:
        """Create or change an object as somebody else: an update that takes over the fields whose values it changes."""
        with self._mutex:
            ref = ref_of(body)
            stored = self.objects.get(ref) or self._new(ref, body)
            changed = frozenset(
                path for path, value in memory_fields.leaves(body) if memory_fields.get(stored, path) != value
            )
            for path, value in memory_fields.leaves(body):
                memory_fields.put(stored, path, value)
            _disown(stored, changed, keep=(manager, "Update"))
            owned = _owned(stored, manager, "Update") | changed
            _set_owned(stored, manager, "Update", owned, str(body["apiVersion"]))
            self._store(ref, stored)
            return self._live(ref)

    def remove(self, ref: ObjectRef) -> None:
        """Delete an object as somebody else; what lies in a namespace goes with it."""
        with self._mutex:
            self.objects.pop(ref, None)
            if ref.kind == "Namespace":
                for inside in [one for one in self.objects if one.namespace == ref.name]:
                    del self.objects[inside]

    def fail(
        self, error: JxError, *, times: int = 1, only: Callable[[ObjectRef], bool] = lambda _: True
    ) -> None:
        """Let the next sends and deletes of certain objects fail."""
        self._failures.append(_Failure(error, times, only))

    def break_workload(self, ref: ObjectRef) -> None:
        """This workload never becomes ready."""
        self._broken.add(ref)

    def mend_workload(self, ref: ObjectRef) -> None:
        """This workload becomes ready again."""
        self._broken.discard(ref)

    def never_ends(self, ref: ObjectRef) -> None:
        """This job runs for ever."""
        self._endless.add(ref)

    def linger(self, ref: ObjectRef) -> None:
        """A finalizer keeps this object in place after it was deleted, until `let_go`."""
        self._lingering.add(ref)

    def let_go(self, ref: ObjectRef) -> None:
        """The finalizer is done: the object goes, if it was deleted."""
        self._lingering.discard(ref)
        if ref in self.objects and self.objects[ref]["metadata"].get("deletionTimestamp"):
            self.remove(ref)

    def find(self, ref: ObjectRef) -> LiveObject | None:
        """An object as it is now."""
        return self._live(ref) if ref in self.objects else None

    def writes(self) -> list[tuple[str, object]]:
        """The requests that could have changed something."""
        return [request for request in self.requests if request[0] in {"send", "delete"}]

    # ports.cluster.Cluster

    def capabilities(self) -> Capabilities:
        kinds = dict(self.kinds)
        versions = {
            f"{info.group}/{version}".lstrip("/") for info in kinds.values() for version in info.versions
        }
        named = {
            f"{f'{info.group}/{version}'.lstrip('/')}/{info.kind}"
            for info in kinds.values()
            for version in info.versions
        }
        return Capabilities(self.version, tuple(sorted(versions | named)), kinds, self.cluster_id)

    def live(self, scopes: tuple[Scope, ...]) -> tuple[LiveObject, ...]:
        with self._mutex:
            found: dict[ObjectRef, LiveObject] = {}
            for scope in scopes:
                self.requests.append(("live", scope))
                group = scope.api_version.rpartition("/")[0]
                for ref in self.objects:
                    if (ref.group, ref.kind) == (group, scope.kind) and scope.namespace in {
                        "",
                        ref.namespace,
                    }:
                        found[ref] = self._live(ref)
            return tuple(found.values())

    def send(
        self, step: Step, *, dry_run: bool = False, force: bool = False, fence: Fence | None = None
    ) -> LiveObject:
        with self._mutex:
            self.requests.append(("send", step.ref))
            self._check_fence(step, fence)
            self._maybe_fail(step.ref)
            manifest = step.manifest
            if manifest is None:
                raise Failed(f"there is nothing to send for {step.ref}")
            if step.ref.namespace and ObjectRef("", "Namespace", "", step.ref.namespace) not in self.objects:
                raise Failed(f'namespaces "{step.ref.namespace}" not found')
            if (step.ref.group, step.ref.kind) not in self.kinds:
                raise Failed(f"the cluster serves no kind {step.ref.kind} ({step.api_version})")
            existing = self.objects.get(step.ref)
            if step.uid and (existing is None or existing["metadata"]["uid"] != step.uid):
                raise Stale(f"{step.ref} is another object than the one that was planned for")
            if existing is not None:
                _check_stiff(step, existing)
                if step.absorbs and not dry_run:
                    existing["metadata"]["managedFields"] = field_ownership.absorbed(existing, step.absorbs)
            applied = self._apply(step, manifest.body, existing, force=force)
            if not dry_run:
                self._store(step.ref, applied)
            return self._live(step.ref, applied if dry_run else None)

    def delete(self, step: Step, *, fence: Fence | None = None) -> None:
        with self._mutex:
            self.requests.append(("delete", step.ref))
            self._check_fence(step, fence)
            self._maybe_fail(step.ref)
            existing = self.objects.get(step.ref)
            if existing is None:
                return
            if step.uid and existing["metadata"]["uid"] != step.uid:
                raise Stale(f"{step.ref} is another object than the one that was planned for")
            if step.ref in self._lingering:
                existing["metadata"]["deletionTimestamp"] = _NOW.isoformat()
                return
            self.remove(step.ref)

    def changes(
        self, refs: tuple[tuple[ObjectRef, str], ...], *, within: timedelta
    ) -> Iterator[LiveObject | None]:
        for ref, _ in refs:
            with self._mutex:
                if ref not in self.objects:
                    continue
                self._play(ref)
                if ref in self.pods_of:
                    self._make_pod(ref)
                live = self._live(ref)
            yield live
        for _ in range(max(0, int(within.total_seconds()))):
            self.pass_time(timedelta(seconds=1))
            yield None

    def logs(self, namespace: str, pod: str, *, lines: int = 20) -> str:
        return "\n".join(self.pod_logs.get((namespace, pod), "").splitlines()[-lines:])

    def whoami(self) -> str:
        return self.user

    # How it works.

    def _apply(
        self, step: Step, body: Body, existing: dict[str, Any] | None, *, force: bool
    ) -> dict[str, Any]:
        stored = copy.deepcopy(existing) if existing else self._new(step.ref, body)
        wanted = dict(memory_fields.leaves(body))
        conflicts = _conflicts(stored, wanted, step.manager)
        if conflicts and not force:
            told = "; ".join(f"conflict with {one.manager!r} over {one.path}" for one in conflicts)
            hint = "take the fields over, or leave them to the other"
            raise Conflict(f"{step.ref}: {told}", hint=hint, fields=conflicts)
        for path in _owned(stored, step.manager, "Apply") - wanted.keys():
            if not any(path in _paths(entry) for entry in _others(stored, step.manager)):
                memory_fields.drop(stored, path)
        changed = {path for path, value in wanted.items() if memory_fields.get(stored, path) != value}
        for path, value in wanted.items():
            memory_fields.put(stored, path, value)
        _disown(stored, frozenset(changed), keep=(step.manager, "Apply"))
        _set_owned(stored, step.manager, "Apply", frozenset(wanted), str(body["apiVersion"]))
        return stored

    def _new(self, ref: ObjectRef, body: Body) -> dict[str, Any]:
        self._count += 1
        metadata: dict[str, Any] = {"name": ref.name, "uid": f"00000000-0000-4000-8000-{self._count:012d}"}
        if ref.namespace:
            metadata["namespace"] = ref.namespace
        return {"apiVersion": body["apiVersion"], "kind": ref.kind, "metadata": metadata}

    def _store(self, ref: ObjectRef, body: dict[str, Any]) -> None:
        old = self.objects.get(ref)
        metadata = body["metadata"]
        if old is not None and _without_version(old) == _without_version(body):
            return
        self._count += 1
        if old is None or old.get("spec") != body.get("spec"):
            metadata["generation"] = (old or {}).get("metadata", {}).get("generation", 0) + 1
        metadata["resourceVersion"] = str(self._count)
        self.objects[ref] = copy.deepcopy(body)
        if ref.kind == "CustomResourceDefinition":
            self._serve(body)

    def _serve(self, definition: Mapping[str, Any]) -> None:
        spec = definition["spec"]
        names = spec["names"]
        versions = tuple(version["name"] for version in spec.get("versions") or ())
        info = KindInfo(
            spec["group"], names["kind"], names["plural"], spec.get("scope") != "Cluster", versions or ("v1",)
        )
        self.kinds[info.group, info.kind] = info

    def _play(self, ref: ObjectRef) -> None:
        """Give a workload the status that its controller would."""
        body = self.objects[ref]
        replicas = (body.get("spec") or {}).get("replicas", 1)
        ready = 0 if ref in self._broken else replicas
        generation = body["metadata"].get("generation", 1)
        if ref.kind in {"Deployment", "StatefulSet", "ReplicaSet"}:
            counts = ("replicas", "updatedReplicas")
            body["status"] = {"observedGeneration": generation, **dict.fromkeys(counts, replicas)}
            body["status"] |= {"readyReplicas": ready, "availableReplicas": ready}
        elif ref.kind == "CustomResourceDefinition":
            status = "False" if ref in self._broken else "True"
            body["status"] = {"conditions": [{"type": "Established", "status": status}]}
        elif ref.kind == "Job" and ref not in self._endless:
            kind = "Failed" if ref in self._broken else "Complete"
            body["status"] = {"conditions": [{"type": kind, "status": "True"}]}

    def _check_fence(self, step: Step, fence: Fence | None) -> None:
        if fence is None:
            return
        newest = self._tokens.setdefault(fence.environment, fence.token)
        if fence.token < newest:
            raise Overtaken(f"{step.ref} was not changed: a newer apply, number {newest}, has begun")
        self._tokens[fence.environment] = fence.token

    def _make_pod(self, ref: ObjectRef) -> None:
        """The pod of a job, which says what it was told to."""
        job = self.objects[ref]["metadata"]
        name = f"{ref.name}-{job['uid'][-5:]}"
        owner = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": ref.name,
            "uid": job["uid"],
            "controller": True,
        }
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": ref.namespace, "ownerReferences": [owner]},
        }
        self.put(
            pod | {"status": {"phase": "Failed" if ref in self._broken else "Succeeded"}}, manager="kubelet"
        )
        self.pod_logs[ref.namespace, name] = self.pods_of[ref]

    def _maybe_fail(self, ref: ObjectRef) -> None:
        for failure in self._failures:
            if failure.times and failure.only(ref):
                failure.times -= 1
                raise failure.error

    def _live(self, ref: ObjectRef, body: dict[str, Any] | None = None) -> LiveObject:
        found = copy.deepcopy(self.objects[ref] if body is None else body)
        metadata = found["metadata"]
        return LiveObject(ref, metadata["uid"], metadata.get("resourceVersion", ""), found)


def _entries(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = body["metadata"].setdefault("managedFields", [])
    return entries


def _others(body: Mapping[str, Any], manager: str) -> list[dict[str, Any]]:
    return [e for e in _entries(body) if (e["manager"], e["operation"]) != (manager, "Apply")]


def _paths(entry: Mapping[str, Any]) -> frozenset[Path]:
    return memory_fields.from_fields(entry["fieldsV1"])


def _owned(body: Mapping[str, Any], manager: str, operation: str) -> frozenset[Path]:
    found = [e for e in _entries(body) if (e["manager"], e["operation"]) == (manager, operation)]
    return _paths(found[0]) if found else frozenset()


def _set_owned(
    body: dict[str, Any], manager: str, operation: str, paths: frozenset[Path], api_version: str
) -> None:
    rest = [e for e in _entries(body) if (e["manager"], e["operation"]) != (manager, operation)]
    entry: dict[str, Any] = {"manager": manager, "operation": operation, "apiVersion": api_version}
    entry |= {"time": _NOW.isoformat(), "fieldsType": "FieldsV1", "fieldsV1": memory_fields.to_fields(paths)}
    body["metadata"]["managedFields"] = [*rest, entry] if paths else rest


def _disown(body: dict[str, Any], paths: frozenset[Path], *, keep: tuple[str, str]) -> None:
    """Other managers lose the fields that somebody set to another value."""
    for entry in list(_entries(body)):
        if (entry["manager"], entry["operation"]) != keep:
            left = _paths(entry) - paths
            _set_owned(body, entry["manager"], entry["operation"], left, entry["apiVersion"])


def _conflicts(body: Mapping[str, Any], wanted: Mapping[Path, Any], manager: str) -> tuple[OwnedField, ...]:
    found = []
    for entry in _others(body, manager):
        for path in sorted(_paths(entry) & wanted.keys()):
            if memory_fields.get(body, path) != wanted[path]:
                found.append(OwnedField(_dotted(path), entry["manager"], entry["time"]))
    return tuple(found)


def _dotted(path: Path) -> str:
    """As API servers print it: `.spec.containers[name="web"].image`."""
    return "".join(
        f'[name="{json.loads(part[2:])["name"]}"]' if part.startswith("k:") else f".{part[2:]}"
        for part in path
    )


def _check_stiff(step: Step, existing: Mapping[str, Any]) -> None:
    """What cannot be changed in place: a job's pods, and selectors."""
    wanted: Mapping[str, Any] = (step.manifest.body.get("spec") or {}) if step.manifest else {}
    there = existing.get("spec") or {}
    stiff = {"Job": ("template",), "Deployment": ("selector",), "StatefulSet": ("selector",)}
    stiff["PersistentVolumeClaim"] = ("accessModes",)
    fields = tuple(
        f"spec.{field}"
        for field in stiff.get(step.ref.kind, ())
        if field in wanted and field in there and wanted[field] != there[field]
    )
    if fields:
        raise Immutable(f"{step.ref} cannot be changed in place", fields=fields)


def _without_version(body: Mapping[str, Any]) -> str:
    metadata = {k: v for k, v in body["metadata"].items() if k not in {"resourceVersion", "generation"}}
    return json.dumps({**body, "metadata": metadata}, sort_keys=True)
