"""StatefulSets: numbered pods in order, their volume claims, rolling updates from the highest number down."""

from __future__ import annotations

import json
from collections.abc import Iterable

from jx.adapters.local.kubernetes.api import ApiError, WatchEvent
from jx.adapters.local.kubernetes.controllers import objects, revisions
from jx.adapters.local.kubernetes.controllers.cluster import (
    CONTROLLER_REVISIONS,
    PODS,
    STATEFUL_SETS,
    VOLUME_CLAIMS,
    Cluster,
    Place,
)
from jx.adapters.local.kubernetes.controllers.events import Recorder
from jx.adapters.local.kubernetes.controllers.owners import adopt, owners_of
from jx.adapters.local.kubernetes.types.facts import Obj


class StatefulSets:
    """One StatefulSet's pods and status."""

    name = "statefulsets"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._recorder = Recorder(cluster, "statefulset-controller")

    def keys(self, event: WatchEvent) -> Iterable[Place]:
        return owners_of(event, STATEFUL_SETS, "StatefulSet", PODS)

    def reconcile(self, namespace: str, name: str) -> float | None:
        stateful_set = self._cluster.cache.get(STATEFUL_SETS, namespace, name)
        if stateful_set is None or objects.is_deleting(stateful_set):
            return None
        revision = objects.name_of(revisions.ensure_current(self._cluster, stateful_set))
        adopt(self._cluster, stateful_set, PODS)
        pods = self._numbered(stateful_set)
        if not self._remove_ended(stateful_set, pods) and not self._scale(stateful_set, pods, revision):
            self._update(stateful_set, pods, revision)
        wait = self._write_status(stateful_set, revision)
        used = {revisions.label(pod) for pod in self._numbered(stateful_set).values()} | {revision}
        revisions.remove_history(self._cluster, stateful_set, used=used)
        return wait

    def _numbered(self, stateful_set: Obj) -> dict[int, Obj]:
        found = {}
        for pod in self._cluster.cache.children(stateful_set, PODS):
            stem, _, number = objects.name_of(pod).rpartition("-")
            if stem == objects.name_of(stateful_set) and number.isdigit():
                found[int(number)] = pod
        return found

    def _remove_ended(self, stateful_set: Obj, pods: dict[int, Obj]) -> bool:
        ended = [
            pod for pod in pods.values() if objects.status_of(pod).get("phase") in objects.TERMINAL_PHASES
        ]
        for pod in ended:
            self._delete(stateful_set, pod)
        return bool(ended)

    def _scale(self, stateful_set: Obj, pods: dict[int, Obj], revision: str) -> bool:
        """Whether something was made or removed, or must be waited for before anything else."""
        first, wanted = _ordinals(stateful_set)
        in_order = stateful_set["spec"].get("podManagementPolicy", "OrderedReady") == "OrderedReady"
        for number in range(first, first + wanted):
            pod = pods.get(number)
            if pod is None:
                self._create(stateful_set, number, self._revision_for(stateful_set, number, revision))
            if in_order and (
                pod is None or objects.is_deleting(pod) or not self._is_available(stateful_set, pod)
            ):
                return True
        extra = sorted((n for n in pods if not first <= n < first + wanted), reverse=True)
        for number in extra:
            if not objects.is_deleting(pods[number]):
                self._delete(stateful_set, pods[number])
            if in_order:
                return True
        return bool(extra)

    def _is_available(self, stateful_set: Obj, pod: Obj) -> bool:
        minimum = float(stateful_set["spec"].get("minReadySeconds", 0))
        return objects.seconds_until_available(pod, minimum, self._cluster.now()) == 0

    def _revision_for(self, stateful_set: Obj, number: int, revision: str) -> str:
        """Below the partition pods stay at the revision that everything had before the update."""
        current = str(objects.status_of(stateful_set).get("currentRevision", ""))
        return current if current and number < _partition(stateful_set) else revision

    def _update(self, stateful_set: Obj, pods: dict[int, Obj], revision: str) -> None:
        strategy = stateful_set["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        for number in sorted(pods, reverse=True):
            pod = pods[number]
            if number < _partition(stateful_set):
                return
            if objects.is_deleting(pod):
                return
            if revisions.label(pod) != revision:
                self._delete(stateful_set, pod)
                return
            if not self._is_available(stateful_set, pod):
                return

    def _create(self, stateful_set: Obj, number: int, revision: str) -> None:
        name = f"{objects.name_of(stateful_set)}-{number}"
        template = self._template(stateful_set, revision)
        labels = {
            "apps.kubernetes.io/pod-index": str(number),
            revisions.HASH_LABEL: revision,
            "statefulset.kubernetes.io/pod-name": name,
        }
        pod = objects.pod_from(stateful_set, template, labels=labels)
        del pod["metadata"]["generateName"]
        pod["metadata"]["name"] = name
        pod["spec"]["hostname"] = name
        if stateful_set["spec"].get("serviceName"):
            pod["spec"]["subdomain"] = stateful_set["spec"]["serviceName"]
        self._claim(stateful_set, pod)
        try:
            self._cluster.create(PODS, pod)
        except ApiError as error:
            if (
                error.reason == "AlreadyExists"
            ):  # the one before it is not gone yet, or a stranger has the name
                return
            self._recorder.warning(
                stateful_set,
                "FailedCreate",
                f"Create Pod {name} in StatefulSet failed error: {error.message}",
            )
            raise
        self._recorder.normal(
            stateful_set,
            "SuccessfulCreate",
            f"Create Pod {name} in StatefulSet {objects.name_of(stateful_set)} successful",
        )

    def _template(self, stateful_set: Obj, revision: str) -> Obj:
        known = self._cluster.cache.get(CONTROLLER_REVISIONS, objects.namespace_of(stateful_set), revision)
        template: Obj = known["data"]["spec"]["template"] if known else stateful_set["spec"]["template"]
        return {key: value for key, value in template.items() if key != "$patch"}

    def _claim(self, stateful_set: Obj, pod: Obj) -> None:
        """The claims of one pod, which outlive it, and the volumes that name them."""
        templates: list[Obj] = stateful_set["spec"].get("volumeClaimTemplates") or []
        volumes = [
            volume
            for volume in pod["spec"].get("volumes") or []
            if volume["name"] not in {objects.name_of(each) for each in templates}
        ]
        for template in templates:
            name = f"{objects.name_of(template)}-{objects.name_of(pod)}"
            claim = json.loads(json.dumps(template))
            labels = (stateful_set["spec"]["selector"].get("matchLabels") or {}) | objects.labels_of(template)
            claim.update(apiVersion="v1", kind="PersistentVolumeClaim")
            claim.pop("status", None)
            claim["metadata"].update(name=name, namespace=objects.namespace_of(stateful_set), labels=labels)
            if self._cluster.create_missing(VOLUME_CLAIMS, claim):
                self._recorder.normal(
                    stateful_set,
                    "SuccessfulCreate",
                    f"Create Claim {name} Pod {objects.name_of(pod)} in StatefulSet"
                    f" {objects.name_of(stateful_set)} success",
                )
            volumes.append({"name": objects.name_of(template), "persistentVolumeClaim": {"claimName": name}})
        if volumes:
            pod["spec"]["volumes"] = volumes

    def _delete(self, stateful_set: Obj, pod: Obj) -> None:
        if not objects.is_deleting(pod) and self._cluster.delete(PODS, pod):
            self._recorder.normal(
                stateful_set,
                "SuccessfulDelete",
                f"Delete Pod {objects.name_of(pod)} in StatefulSet {objects.name_of(stateful_set)} successful",
            )

    def _write_status(self, stateful_set: Obj, revision: str) -> float | None:
        before = objects.status_of(stateful_set)
        now = self._cluster.now()
        minimum = float(stateful_set["spec"].get("minReadySeconds", 0))
        pods = list(self._numbered(stateful_set).values())
        waits = [objects.seconds_until_available(pod, minimum, now) for pod in pods]
        _, wanted = _ordinals(stateful_set)
        updated = [pod for pod in pods if revisions.label(pod) == revision and not objects.is_deleting(pod)]
        current = before.get("currentRevision", revision)
        done = len(updated) == wanted == len(pods) and all(objects.is_ready(pod) for pod in pods)
        if done and not _partition(stateful_set):
            current = revision
        is_current = [pod for pod in pods if revisions.label(pod) == current]
        status = {
            "observedGeneration": stateful_set["metadata"].get("generation", 1),
            "replicas": len(pods),
            "readyReplicas": sum(objects.is_ready(pod) for pod in pods) or None,
            "currentReplicas": len(is_current) or None,
            "updatedReplicas": len(updated) or None,
            "availableReplicas": sum(wait == 0 for wait in waits),
            "currentRevision": current,
            "updateRevision": revision,
            "collisionCount": 0,
        }
        self._cluster.set_status(STATEFUL_SETS, stateful_set, status)
        return min((wait for wait in waits if wait), default=None)


def _ordinals(stateful_set: Obj) -> tuple[int, int]:
    start = int((stateful_set["spec"].get("ordinals") or {}).get("start", 0))
    return start, int(stateful_set["spec"].get("replicas", 1))


def _partition(stateful_set: Obj) -> int:
    rolling = (stateful_set["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
    return int(rolling.get("partition", 0))
