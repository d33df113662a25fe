"""What the runner knows of the API: runs, their TaskRuns and pods as they were last heard of or written. Thread-safe."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from jx.adapters.kubernetes.api import PODS, Resource
from jx.adapters.local.runner.plan import Obj
from jx.adapters.local.runner.pods import API, RUN_LABEL

PIPELINE_RUNS = Resource(API, "pipelineruns", "PipelineRun")
TASK_RUNS = Resource(API, "taskruns", "TaskRun")
KINDS = (PIPELINE_RUNS, TASK_RUNS, PODS)


class Known:
    """Objects by kind and name. A version that is older than the one that is known is left aside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[str, dict[str, Obj]] = {kind.kind: {} for kind in KINDS}
        self._arrivals: dict[str, int] = {}

    def put(self, obj: Obj) -> str:
        """Take over an object; the name of the run that it belongs to, empty for none."""
        with self._lock:
            known = self._objects[obj["kind"]]
            before = known.get(_name(obj))
            if before is None or before["metadata"]["uid"] != _uid(obj) or _version(before) <= _version(obj):
                known[_name(obj)] = obj
            if obj["kind"] == PIPELINE_RUNS.kind:
                self._arrivals.setdefault(_uid(obj), len(self._arrivals))
        return run_of(obj)

    def drop(self, obj: Obj) -> str:
        """Forget an object that is deleted; the name of the run that it belongs to."""
        with self._lock:
            known = self._objects[obj["kind"]]
            if _name(obj) in known and _uid(known[_name(obj)]) == _uid(obj):
                del known[_name(obj)]
        return run_of(obj)

    def find(self, kind: Resource, name: str) -> Obj | None:
        with self._lock:
            return self._objects[kind.kind].get(name)

    def owned(self, kind: Resource, owner: Obj) -> list[Obj]:
        """The objects of a kind whose owner this is."""
        uid = _uid(owner)
        with self._lock:
            return [each for each in self._objects[kind.kind].values() if uid in _owners(each)]

    def every(self, kind: Resource) -> list[Obj]:
        with self._lock:
            return list(self._objects[kind.kind].values())

    def arrival(self, run: Obj) -> int:
        """The place of a run among all that were heard of: whoever came first goes first."""
        with self._lock:
            return self._arrivals.setdefault(_uid(run), len(self._arrivals))


def run_of(obj: Obj) -> str:
    """The name of the run that an object belongs to; empty for none."""
    if obj["kind"] == PIPELINE_RUNS.kind:
        return _name(obj)
    return str((obj["metadata"].get("labels") or {}).get(RUN_LABEL, ""))


def by_age(runs: list[Obj]) -> list[Obj]:
    """Runs that were there before we were, in the order in which they were made, as well as it can be told."""

    def age(run: Obj) -> tuple[str, int, str]:
        build = str((run["metadata"].get("labels") or {}).get("build", ""))
        return run["metadata"].get("creationTimestamp", ""), int(build) if build.isdigit() else 0, _name(run)

    return sorted(runs, key=age)


def _owners(obj: Obj) -> Iterator[str]:
    for each in obj["metadata"].get("ownerReferences") or ():
        yield each["uid"]


def _name(obj: Obj) -> str:
    return str(obj["metadata"]["name"])


def _uid(obj: Obj) -> str:
    return str(obj["metadata"]["uid"])


def _version(obj: Obj) -> int:
    text = str(obj["metadata"].get("resourceVersion", "0"))
    return int(text) if text.isdigit() else 0
