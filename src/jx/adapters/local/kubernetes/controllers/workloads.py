"""All controllers on one worker thread, woken by the API's events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from jx.adapters.local.kubernetes.api import Api, WatchEvent
from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.controllers.claims import Claims
from jx.adapters.local.kubernetes.controllers.cluster import CACHED, EVENTS, PODS, Cluster, Place, which
from jx.adapters.local.kubernetes.controllers.cronjobs import CronJobs
from jx.adapters.local.kubernetes.controllers.daemonsets import DaemonSets
from jx.adapters.local.kubernetes.controllers.deployments import Deployments
from jx.adapters.local.kubernetes.controllers.disruptions import Disruptions
from jx.adapters.local.kubernetes.controllers.endpoints import Endpoints, IngressAddresses
from jx.adapters.local.kubernetes.controllers.events import Expiry
from jx.adapters.local.kubernetes.controllers.jobs import Jobs
from jx.adapters.local.kubernetes.controllers.loop import Loop
from jx.adapters.local.kubernetes.controllers.nodes import Nodes, PodAddresses
from jx.adapters.local.kubernetes.controllers.play import Play, PlaySettings
from jx.adapters.local.kubernetes.controllers.replicasets import ReplicaSets
from jx.adapters.local.kubernetes.controllers.scheduler import Scheduler
from jx.adapters.local.kubernetes.controllers.statefulsets import StatefulSets
from jx.adapters.local.kubernetes.types.facts import Obj

MANAGER = "kube-controller-manager"

Key: TypeAlias = tuple[str, str, str]


class Controller(Protocol):
    """Looks after the objects of one kind."""

    name: str

    def keys(self, event: WatchEvent) -> Iterable[Place]:
        """The objects to look at after this change; called under the API's lock, so it only reads the cache."""

    def reconcile(self, namespace: str, name: str) -> float | None:
        """Bring one object a step nearer to what it asks for; gives the seconds after which to look again."""


@dataclass(frozen=True)
class Settings:
    """How the controllers behave."""

    play: PlaySettings = field(default_factory=PlaySettings)
    job_backoff_seconds: float = 1.0
    """After a Job's first failed pod; doubles with each further one."""
    is_real: Callable[[Obj], bool] = lambda _pod: False
    """Which pods something else runs; they are scheduled here, but not played."""
    now: Callable[[], float] = time.time


class Workloads:
    """An extension of the API server: everything that a cluster's controllers, scheduler and kubelet would do."""

    def __init__(self, api: Api, addresses: PodAddresses, settings: Settings | None = None) -> None:
        chosen = settings or Settings()
        self._addresses = addresses
        api.webhooks.is_played = lambda pod: not chosen.is_real(pod)
        self._cluster = cluster = Cluster(api, MANAGER, now=chosen.now)
        every: list[Controller] = [
            Nodes(cluster, objects.NODE_NAME, addresses.cidr),
            Scheduler(cluster),
            Deployments(cluster),
            ReplicaSets(cluster),
            StatefulSets(cluster),
            DaemonSets(cluster),
            Jobs(cluster, backoff_seconds=chosen.job_backoff_seconds),
            CronJobs(cluster),
            Claims(cluster),
            Disruptions(cluster),
            Endpoints(cluster),
            IngressAddresses(cluster),
            Expiry(cluster),
            Play(
                cluster,
                chosen.play,
                node=objects.NODE_NAME,
                is_real=chosen.is_real,
                allocate_ip=addresses.allocate,
            ),
        ]
        self._controllers = {each.name: each for each in every}
        self._loop: Loop[Key] = Loop("kube-controllers", self._work)
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        self._unsubscribe = self._cluster.open(self._hear)
        for kind in CACHED:
            resource = self._cluster.resource(kind)
            for obj in self._cluster.cache.all(kind):
                self._hear(WatchEvent("ADDED", resource, obj, None))
        resource = self._cluster.resource(EVENTS)
        for obj in self._cluster.api.list(resource):
            self._hear(WatchEvent("ADDED", resource, obj, None))
        self._loop.add(("nodes", "", objects.NODE_NAME))
        self._loop.start()

    def stop(self) -> None:
        self._unsubscribe()
        self._loop.stop()

    def _hear(self, event: WatchEvent) -> None:
        if which(event) == PODS and (address := objects.status_of(event.obj).get("podIP")):
            (self._addresses.release if event.type == "DELETED" else self._addresses.take)(address)
        for name, controller in self._controllers.items():
            for place in controller.keys(event):
                self._loop.add((name, *place))

    def _work(self, key: Key) -> float | None:
        name, *place = key
        return self._controllers[name].reconcile(*place)
