"""Deployments: ReplicaSets by pod-template-hash, RollingUpdate and Recreate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jx.adapters.local.kubernetes.api import ApiError, WatchEvent
from jx.adapters.local.kubernetes.controllers import objects, rollouts
from jx.adapters.local.kubernetes.controllers.cluster import (
    DEPLOYMENTS,
    PODS,
    REPLICA_SETS,
    Cluster,
    Place,
    which,
)
from jx.adapters.local.kubernetes.controllers.events import Recorder
from jx.adapters.local.kubernetes.controllers.owners import adopt, owners_of
from jx.adapters.local.kubernetes.types.facts import Obj

_NOT_COPIED = ("kubectl.kubernetes.io/last-applied-configuration", rollouts.REVISION)
_DESIRED = "deployment.kubernetes.io/desired-replicas"
_MAXIMUM = "deployment.kubernetes.io/max-replicas"


class Deployments:
    """Brings the ReplicaSets of one Deployment one step on, and writes its status."""

    name = "deployments"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._recorder = Recorder(cluster, "deployment-controller")

    def keys(self, event: WatchEvent) -> Iterable[Place]:
        yield from owners_of(event, DEPLOYMENTS, "Deployment", REPLICA_SETS)
        if which(event) == PODS and event.type == "DELETED":  # Recreate waits for the last old pod
            owner = objects.controller_of(event.obj)
            place = (objects.namespace_of(event.obj), owner["name"]) if owner else ("", "")
            replica_set = self._cluster.cache.get(REPLICA_SETS, *place)
            if replica_set is not None and (parent := objects.controller_of(replica_set)):
                yield (place[0], parent["name"])

    def reconcile(self, namespace: str, name: str) -> float | None:
        deployment = self._cluster.cache.get(DEPLOYMENTS, namespace, name)
        if deployment is None or objects.is_deleting(deployment):
            return None
        adopt(self._cluster, deployment, REPLICA_SETS)
        sets = self._cluster.cache.children(deployment, REPLICA_SETS)
        new = next((each for each in sets if rollouts.has_template(each, deployment)), None)
        old = [each for each in sets if each is not new]
        is_new = False
        if not deployment["spec"].get("paused"):
            if new is None and not self._is_blocked_by_old_pods(deployment, old):
                new, is_new = self._create(deployment, old), True
            deployment = self._renew_revision(deployment, new, old)
        if self._scale(deployment, new, old):
            return None  # each write wakes this key again
        if new is not None and rollouts.is_complete(deployment, rollouts.counts(deployment, new, old)):
            self._remove_history(deployment, old)
        self._write_status(deployment, new, old, is_new=is_new)
        if new is None or rollouts.is_complete(deployment, rollouts.counts(deployment, new, old)):
            return None
        wait = rollouts.seconds_to_deadline(deployment, self._cluster.now())
        return wait + 1 if wait > 0 else None

    def _is_blocked_by_old_pods(self, deployment: Obj, old: Sequence[Obj]) -> bool:
        if not rollouts.is_recreate(deployment):
            return False
        pods = [pod for each in old for pod in self._cluster.cache.children(each, PODS)]
        alive = [pod for pod in pods if objects.status_of(pod).get("phase") not in objects.TERMINAL_PHASES]
        return bool(alive) or any(rollouts.size(each) for each in old)

    def _create(self, deployment: Obj, old: Sequence[Obj]) -> Obj:
        template = deployment["spec"]["template"]
        collisions = int(objects.status_of(deployment).get("collisionCount", 0))
        suffix = objects.short_hash(objects.without_labels(template), collisions)
        hashed = {rollouts.HASH_LABEL: suffix}
        labels = {**((template.get("metadata") or {}).get("labels") or {}), **hashed}
        selector = deployment["spec"]["selector"]
        surge, _ = rollouts.limits(deployment)
        wanted = rollouts.desired(deployment)
        alive = sum(rollouts.size(each) for each in old)
        replicas = wanted if rollouts.is_recreate(deployment) else max(0, min(wanted, wanted + surge - alive))
        spec = {
            "replicas": replicas,
            "selector": {
                **selector,
                "matchLabels": {**(selector.get("matchLabels") or {}), **hashed},
            },
            "template": {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}},
        }
        if deployment["spec"].get("minReadySeconds"):
            spec["minReadySeconds"] = deployment["spec"]["minReadySeconds"]
        latest = max((rollouts.revision(each) for each in old), default=0) + 1
        wanted_set = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{objects.name_of(deployment)}-{suffix}",
                "namespace": objects.namespace_of(deployment),
                "labels": labels,
                "annotations": self._annotations(deployment, latest),
                "ownerReferences": [objects.controller_reference(deployment)],
            },
            "spec": spec,
        }
        try:
            made = self._cluster.create(REPLICA_SETS, wanted_set)
        except ApiError as error:
            if error.reason == "AlreadyExists":  # a stranger has this name: another one next time
                status = {**objects.status_of(deployment), "collisionCount": collisions + 1}
                self._cluster.set_status(DEPLOYMENTS, deployment, status)
            raise
        if replicas:
            self._recorder.normal(
                deployment,
                "ScalingReplicaSet",
                f"Scaled up replica set {objects.name_of(made)} from 0 to {replicas}",
            )
        return made

    def _annotations(self, deployment: Obj, revision: int) -> dict[str, str]:
        surge, _ = rollouts.limits(deployment)
        wanted = rollouts.desired(deployment)
        copied = {
            key: value for key, value in objects.annotations_of(deployment).items() if key not in _NOT_COPIED
        }
        numbers = {rollouts.REVISION: str(revision), _DESIRED: str(wanted), _MAXIMUM: str(wanted + surge)}
        return {**copied, **numbers}

    def _renew_revision(self, deployment: Obj, new: Obj | None, old: Sequence[Obj]) -> Obj:
        """The newest set has the highest revision, also after a rollback to it; the deployment shows it."""
        if new is None:
            return deployment
        latest = max((rollouts.revision(each) for each in old), default=0) + 1
        revision = max(rollouts.revision(new), latest)
        annotations = self._annotations(deployment, revision)
        if annotations.items() - objects.annotations_of(new).items():
            self._cluster.patch(REPLICA_SETS, new, {"metadata": {"annotations": annotations}})
        if rollouts.revision(deployment) == revision:
            return deployment
        shown = {"metadata": {"annotations": {rollouts.REVISION: str(revision)}}}
        # Beside the status, where it is no new wish of anybody and leaves the generation as it is.
        return self._cluster.patch(DEPLOYMENTS, deployment, shown, subresource="status")

    def _scale(self, deployment: Obj, new: Obj | None, old: Sequence[Obj]) -> bool:
        steps = self._plan(deployment, new, old)
        for step in steps:
            before = rollouts.size(step.replica_set)
            self._cluster.patch(REPLICA_SETS, step.replica_set, {"spec": {"replicas": step.replicas}})
            way = "up" if step.replicas > before else "down"
            self._recorder.normal(
                deployment,
                "ScalingReplicaSet",
                f"Scaled {way} replica set {objects.name_of(step.replica_set)} from {before} to {step.replicas}",
            )
        return bool(steps)

    def _plan(self, deployment: Obj, new: Obj | None, old: Sequence[Obj]) -> list[rollouts.Scale]:
        wanted = rollouts.desired(deployment)
        if deployment["spec"].get("paused"):
            alive = [each for each in [*old, *([new] if new else [])] if rollouts.size(each)]
            only = alive[0] if len(alive) == 1 else new if not alive else None
            return [rollouts.Scale(only, wanted)] if only and rollouts.size(only) != wanted else []
        if new is not None and not rollouts.is_recreate(deployment):
            return rollouts.plan_rolling(deployment, new, old)
        down = [rollouts.Scale(each, 0) for each in old if rollouts.size(each)]
        if down or new is None or rollouts.size(new) == wanted:
            return down
        return [] if self._is_blocked_by_old_pods(deployment, old) else [rollouts.Scale(new, wanted)]

    def _write_status(self, deployment: Obj, new: Obj | None, old: Sequence[Obj], *, is_new: bool) -> None:
        now = self._cluster.timestamp()
        before = objects.status_of(deployment)
        status: Obj = {
            "observedGeneration": deployment["metadata"].get("generation", 1),
            **rollouts.counts(deployment, new, old),
        }
        if "collisionCount" in before:
            status["collisionCount"] = before["collisionCount"]
        conditions: list[Obj] = before.get("conditions") or []
        conditions = _changed(conditions, rollouts.available_condition(deployment, status, now), now)
        for condition in self._failures(new, now):
            conditions = _changed(conditions, condition, now)
        if not any(objects.has_condition(each, "ReplicaFailure") for each in [*old, *([new] if new else [])]):
            conditions = objects.without_condition(conditions, "ReplicaFailure")
        if new is not None and not deployment["spec"].get("paused"):
            progress = rollouts.progressing_condition(
                deployment, new, status, is_new=is_new, now=self._cluster.now()
            )
            if progress is not None:
                conditions = objects.with_condition(conditions, progress, now)
        status["conditions"] = conditions
        self._cluster.set_status(DEPLOYMENTS, deployment, status)

    @staticmethod
    def _failures(new: Obj | None, now: str) -> Iterable[Obj]:
        failure = objects.condition_of(new, "ReplicaFailure") if new else None
        if failure is not None:
            yield {**failure, "lastUpdateTime": now}

    def _remove_history(self, deployment: Obj, old: Sequence[Obj]) -> None:
        limit = int(deployment["spec"].get("revisionHistoryLimit", 10))
        idle = [
            each for each in old if not rollouts.size(each) and not objects.status_of(each).get("replicas")
        ]
        for each in sorted(idle, key=rollouts.revision)[: max(0, len(idle) - limit)]:
            self._cluster.delete(REPLICA_SETS, each)


def _changed(conditions: list[Obj], new: Obj, now: str) -> list[Obj]:
    """With this condition, unless it says what was said before: a mere new time is no news."""
    old = next((each for each in conditions if each["type"] == new["type"]), None)
    if old is not None and (old["status"], old.get("reason")) == (new["status"], new.get("reason")):
        return conditions
    return objects.with_condition(conditions, new, now)
