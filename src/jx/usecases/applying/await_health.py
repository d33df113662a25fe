"""Await health: watch what was applied until it does what it says. Shared by applies and by checks of an installation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from jx.domain.applying.applying import LiveObject, Step
from jx.domain.errors import JxError
from jx.domain.events import Event, Level
from jx.domain.objects import health
from jx.domain.objects.health import Health, State
from jx.domain.objects.manifests import ObjectRef
from jx.domain.objects.secrets import scrub
from jx.ports.clock import Clock
from jx.ports.cluster import Cluster, Scope
from jx.ports.reporter import Reporter

_SETTLED = frozenset({State.CURRENT, State.FAILED})
_LOG_LINES = 20
_LOOK_AT_PODS = 10
"""After so many seconds of silence, pods are looked at: a workload may take long to say that it has failed."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What came of the wait. `is_healthy` is None where it was broken off."""

    is_healthy: bool | None
    unhealthy: tuple[str, ...] = ()
    refs: tuple[ObjectRef, ...] = ()
    """Which objects those are."""


@dataclass(frozen=True, slots=True)
class AwaitHealth:
    """Waits without polling, tells each change of each workload, and shows why a pod fails."""

    cluster: Cluster
    clock: Clock
    reporter: Reporter

    def __call__(
        self,
        steps: tuple[Step, ...],
        *,
        within: timedelta,
        is_overtaken: Callable[[], bool] = lambda: False,
        secret_values: frozenset[str] = frozenset(),
        every: bool = False,
    ) -> HealthReport:
        """Wait until every workload among the steps (with `every`, each object whatever its kind) is healthy or has failed for
        good, or the time is over. `is_overtaken` is asked about once a second, and breaks the wait off."""
        wanted = {
            step.ref: step for step in steps if step.manifest and (every or health.is_waited_for(step.ref))
        }
        if not wanted:
            return HealthReport(is_healthy=True)
        watch = _Watch(wanted, self.reporter)
        limit = {"within": f"{within.total_seconds():.0f}"}
        self.reporter.tell(Event(f"waiting for {len(wanted)} workloads", Level.DEBUG, limit))
        try:
            return self._watch(watch, within, is_overtaken, secret_values)
        finally:
            self.reporter.tell(Event("the wait is over", Level.DEBUG, {"within": ""}))

    def _watch(
        self,
        watch: _Watch,
        within: timedelta,
        is_overtaken: Callable[[], bool],
        secret_values: frozenset[str],
    ) -> HealthReport:
        wanted, quiet = watch.wanted, 0
        refs = tuple((ref, step.api_version) for ref, step in wanted.items())
        for seen in self.cluster.changes(refs, within=within):
            if seen is not None:
                watch.see(seen)
                if watch.is_settled:
                    break
                continue
            watch.note_missing()
            if watch.is_settled:
                break
            quiet += 1
            if quiet % _LOOK_AT_PODS == 0:
                for ref in watch.unhealthy_refs:
                    self._tell_why(ref, watch, secret_values, only_failed=True)
            if self.clock.wait(timedelta(0)) or is_overtaken():
                self.reporter.tell(Event("the wait for health was broken off", Level.WARNING))
                return HealthReport(None, watch.unhealthy, watch.unhealthy_refs)
        for ref in watch.unhealthy_refs:
            self._tell_why(ref, watch, secret_values)
        return HealthReport(not watch.unhealthy, watch.unhealthy, watch.unhealthy_refs)

    def _tell_why(
        self, workload: ObjectRef, watch: _Watch, secret_values: frozenset[str], *, only_failed: bool = False
    ) -> None:
        """The last lines of the pods that keep a workload from being healthy, once for each state of a pod; best effort."""
        live = watch.seen.get(workload)
        selector = ((live.body.get("spec") or {}).get("selector") or {}) if live else {}
        labels: Mapping[str, str] = selector.get("matchLabels") or {}
        if not labels:
            return
        bad = {State.FAILED} if only_failed else {State.FAILED, State.IN_PROGRESS, State.TERMINATING}
        try:
            for pod in self.cluster.live((Scope("v1", "Pod", workload.namespace),)):
                mine = (pod.body.get("metadata") or {}).get("labels") or {}
                if labels.items() <= mine.items() and health.assess(pod.body).state in bad:
                    self._tell_pod(pod, watch, secret_values)
        except JxError as error:
            self.reporter.tell(Event(f"the pods of {workload} cannot be read: {error.message}", Level.DEBUG))

    def _tell_pod(self, pod: LiveObject, watch: _Watch, secret_values: frozenset[str]) -> None:
        words = health.assess(pod.body).message
        if (pod.ref.name, words) in watch.told:
            return
        watch.told.add((pod.ref.name, words))
        logs = self.cluster.logs(pod.ref.namespace, pod.ref.name, lines=_LOG_LINES)
        lines = "".join(f"\n    {line}" for line in scrub(logs, secret_values).splitlines())
        self.reporter.tell(Event(f"pod {pod.ref.name}: {words}{lines}", Level.WARNING))


@dataclass
class _Watch:
    wanted: Mapping[ObjectRef, Step]
    reporter: Reporter
    seen: dict[ObjectRef, LiveObject] = field(default_factory=dict)
    found: dict[ObjectRef, Health] = field(default_factory=dict)
    told: set[tuple[str, str]] = field(default_factory=set)
    """Pods, and what was told of them."""

    def see(self, live: LiveObject) -> None:
        if live.ref not in self.wanted:
            return
        found = health.assess(live.body)
        self.seen[live.ref] = live
        before = self.found.get(live.ref)
        if found == before:
            return
        self.found[live.ref] = found
        level = Level.WARNING if found.state is State.FAILED else Level.INFO
        if before is None and found.state is State.CURRENT:
            level = Level.DEBUG  # healthy as it was: no news
        facts = {"object": str(live.ref), "state": found.state.value, "waitsFor": found.message}
        text = f"{live.ref}: {found.message or found.state.value}"
        self.reporter.tell(Event(text, level, facts, key=f"health:{live.ref}"))

    def note_missing(self) -> None:
        """What was not listed by the time that all is quiet is not there, and waiting does not bring it."""
        for ref in self.wanted:
            if ref not in self.seen:
                self.found[ref] = Health(State.FAILED, "it is not there")

    @property
    def is_settled(self) -> bool:
        return all(ref in self.found and self.found[ref].state in _SETTLED for ref in self.wanted)

    @property
    def unhealthy_refs(self) -> tuple[ObjectRef, ...]:
        return tuple(
            ref for ref in self.wanted if ref not in self.found or self.found[ref].state is not State.CURRENT
        )

    @property
    def unhealthy(self) -> tuple[str, ...]:
        missing = Health(State.IN_PROGRESS, "it is not there")
        return tuple(f"{ref}: {self.found.get(ref, missing).message}" for ref in self.unhealthy_refs)
