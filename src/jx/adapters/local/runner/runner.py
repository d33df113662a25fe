"""The loop of the runner: it hears of runs, TaskRuns and pods of a namespace, and looks at each run of which there is news."""

from __future__ import annotations

import threading
from collections.abc import Callable

from jx.adapters.kubernetes.api import PODS, Api
from jx.adapters.kubernetes.discovery import Discovery
from jx.adapters.kubernetes.watching import Change, Target, Watching
from jx.adapters.local.kubernetes.controllers.loop import Loop
from jx.adapters.local.runner.places import Places
from jx.adapters.local.runner.pods import MANAGED_LABEL, MANAGER, RUN_LABEL
from jx.adapters.local.runner.runs import Runs
from jx.adapters.local.runner.seen import KINDS, PIPELINE_RUNS, Known, by_age, run_of
from jx.domain.errors import Unavailable

_ENDED = ("Succeeded", "Failed")


class Runner:
    """Runs what is asked for in one namespace, at most so many tasks at once. Only one of them may be at work."""

    def __init__(self, api: Api, *, namespace: str, parallel: int) -> None:
        self._api = api
        self._namespace = namespace
        self._known = Known()
        self._places = Places(parallel)
        self._runs = Runs(api, namespace, self._known, self._places)
        self._loop: Loop[str] = Loop("runner", self._work)

    def run(self, stop: threading.Event, *, ready: Callable[[], None] = lambda: None) -> None:
        """Until `stop` is set. `ready` is called once everything that was there is known. Unavailable where the API cannot be
        reached, or does not know PipelineRuns."""
        self._check()
        targets = [Target(kind, self._namespace) for kind in KINDS]
        self._begin_with(targets)
        self._loop.start()
        try:
            ready()
            for change in Watching(self._api, targets).changes():
                if stop.is_set():
                    return
                if change is not None:
                    self._hear(change)
        finally:
            self._loop.stop()

    def _check(self) -> None:
        if Discovery(self._api).find(PIPELINE_RUNS.api_version, PIPELINE_RUNS.kind) is None:
            raise Unavailable(
                f"{self._api.access.host} has no {PIPELINE_RUNS.api_version} PipelineRun",
                hint="the chart jx-platform brings it with runner.enabled",
            )

    def _begin_with(self, targets: list[Target]) -> None:
        """Everything that is there, before anything is decided: pods that run have places, and who came first goes first."""
        found = {
            target.resource.kind: self._api.list_pages(target.resource, self._namespace)[0]
            for target in targets
        }
        for run in by_age(found[PIPELINE_RUNS.kind]):
            self._known.put(run)
        for kind in KINDS[1:]:
            for each in found[kind.kind]:
                self._known.put(each)
        for pod in found[PODS.kind]:
            labels = pod["metadata"].get("labels") or {}
            is_ours = labels.get(MANAGED_LABEL) == MANAGER and RUN_LABEL in labels
            if is_ours and (pod.get("status") or {}).get("phase") not in _ENDED:
                self._places.hold(pod["metadata"]["name"], labels[RUN_LABEL])
        for run in by_age(found[PIPELINE_RUNS.kind]):
            self._loop.add(run_of(run))

    def _hear(self, change: Change) -> None:
        name = self._known.drop(change.body) if change.is_deleted else self._known.put(change.body)
        if name:
            self._loop.add(name)

    def _work(self, name: str) -> float | None:
        due = self._runs.look(name)
        for each in self._places.next():
            if each != name:
                self._loop.add(each)
        return due
