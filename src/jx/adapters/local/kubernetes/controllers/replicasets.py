"""ReplicaSets: as many pods as asked for, and a status that counts them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jx.adapters.local.kubernetes.api import ApiError, WatchEvent
from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.controllers.cluster import PODS, REPLICA_SETS, Cluster, Place
from jx.adapters.local.kubernetes.controllers.events import Recorder
from jx.adapters.local.kubernetes.controllers.owners import adopt, owners_of
from jx.adapters.local.kubernetes.types.facts import Obj


class ReplicaSets:
    """Creates and deletes pods of one ReplicaSet, and writes its status."""

    name = "replicasets"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._recorder = Recorder(cluster, "replicaset-controller")

    def keys(self, event: WatchEvent) -> Iterable[Place]:
        return owners_of(event, REPLICA_SETS, "ReplicaSet", PODS)

    def reconcile(self, namespace: str, name: str) -> float | None:
        replica_set = self._cluster.cache.get(REPLICA_SETS, namespace, name)
        if replica_set is None or objects.is_deleting(replica_set):
            return None
        adopt(self._cluster, replica_set, PODS)
        active = [pod for pod in self._cluster.cache.children(replica_set, PODS) if objects.is_active(pod)]
        wanted = int(replica_set["spec"].get("replicas", 1))
        failure = self._fill(replica_set, wanted - len(active))
        for pod in sorted(active, key=_dispensability)[: max(0, len(active) - wanted)]:
            if self._cluster.delete(PODS, pod):
                self._recorder.normal(replica_set, "SuccessfulDelete", f"Deleted pod: {objects.name_of(pod)}")
        return self._write_status(replica_set, failure)

    def _fill(self, replica_set: Obj, missing: int) -> ApiError | None:
        for _ in range(missing):
            try:
                pod = self._cluster.create(
                    PODS, objects.pod_from(replica_set, replica_set["spec"]["template"])
                )
            except ApiError as error:
                self._recorder.warning(replica_set, "FailedCreate", f"Error creating: {error.message}")
                return error
            self._recorder.normal(replica_set, "SuccessfulCreate", f"Created pod: {objects.name_of(pod)}")
        return None

    def _write_status(self, replica_set: Obj, failure: ApiError | None) -> float | None:
        now = self._cluster.now()
        pods = [pod for pod in self._cluster.cache.children(replica_set, PODS) if objects.is_active(pod)]
        minimum = float(replica_set["spec"].get("minReadySeconds", 0))
        waits = [objects.seconds_until_available(pod, minimum, now) for pod in pods]
        status: Obj = {"replicas": len(pods)}
        numbers = {
            "fullyLabeledReplicas": _fully_labelled(replica_set, pods),
            "readyReplicas": sum(objects.is_ready(pod) for pod in pods),
            "availableReplicas": sum(wait == 0 for wait in waits),
        }
        status.update({key: value for key, value in numbers.items() if value})
        children = self._cluster.cache.children(replica_set, PODS)
        status["terminatingReplicas"] = sum(objects.is_deleting(pod) for pod in children)
        status["observedGeneration"] = replica_set["metadata"].get("generation", 1)
        if failure is not None:
            condition = {
                "type": "ReplicaFailure",
                "status": "True",
                "reason": "FailedCreate",
                "message": failure.message,
            }
            before: list[Obj] = objects.status_of(replica_set).get("conditions") or []
            status["conditions"] = objects.with_condition(before, condition, objects.timestamp(now))
        self._cluster.set_status(REPLICA_SETS, replica_set, status)
        if failure is not None:
            return 5.0
        return min((wait for wait in waits if wait), default=None)


def _fully_labelled(replica_set: Obj, pods: Sequence[Obj]) -> int:
    wanted = (replica_set["spec"]["template"].get("metadata") or {}).get("labels") or {}
    return sum(wanted.items() <= objects.labels_of(pod).items() for pod in pods)


def _dispensability(pod: Obj) -> tuple[bool, bool, bool, float]:
    """Sorts the pods that are missed least to the front: without a node, pending, not ready, youngest."""
    return (
        bool(pod["spec"].get("nodeName")),
        objects.status_of(pod).get("phase") == "Running",
        objects.is_ready(pod),
        -objects.created_at(pod),
    )
