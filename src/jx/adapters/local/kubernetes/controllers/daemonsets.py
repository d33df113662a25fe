"""DaemonSets: one pod on every node that wants it."""

from __future__ import annotations

from collections.abc import Iterable

from jx.adapters.local.kubernetes.api import WatchEvent
from jx.adapters.local.kubernetes.controllers import objects, revisions, scheduler
from jx.adapters.local.kubernetes.controllers.cluster import DAEMON_SETS, NODES, PODS, Cluster, Place, which
from jx.adapters.local.kubernetes.controllers.events import Recorder
from jx.adapters.local.kubernetes.controllers.owners import adopt, owners_of
from jx.adapters.local.kubernetes.types.facts import Obj


class DaemonSets:
    """One DaemonSet's pods and status."""

    name = "daemonsets"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._recorder = Recorder(cluster, "daemonset-controller")

    def keys(self, event: WatchEvent) -> Iterable[Place]:
        if which(event) == NODES:
            for each in self._cluster.cache.all(DAEMON_SETS):
                yield (objects.namespace_of(each), objects.name_of(each))
        yield from owners_of(event, DAEMON_SETS, "DaemonSet", PODS)

    def reconcile(self, namespace: str, name: str) -> float | None:
        daemon_set = self._cluster.cache.get(DAEMON_SETS, namespace, name)
        if daemon_set is None or objects.is_deleting(daemon_set):
            return None
        revision = objects.name_of(revisions.ensure_current(self._cluster, daemon_set)).rpartition("-")[2]
        adopt(self._cluster, daemon_set, PODS)
        template = daemon_set["spec"]["template"]
        nodes = {
            objects.name_of(node)
            for node in self._cluster.cache.all(NODES)
            if scheduler.why_not(template["spec"], node, ignore_unschedulable=True) is None
        }
        on_node: dict[str, Obj] = {}
        for pod in self._cluster.cache.children(daemon_set, PODS):
            node = pod["spec"].get("nodeName") or _pinned(pod)
            if node not in nodes or node in on_node or not _is_alive(pod):
                self._delete(daemon_set, pod)
            if node in nodes:
                on_node.setdefault(node, pod)
        for node in sorted(nodes - on_node.keys()):
            self._create(daemon_set, node, revision)
        self._update(daemon_set, [pod for pod in on_node.values() if objects.is_active(pod)], revision)
        used = {f"{name}-{revisions.label(pod)}" for pod in on_node.values()} | {f"{name}-{revision}"}
        revisions.remove_history(self._cluster, daemon_set, used=used)
        return self._write_status(daemon_set, nodes, revision)

    def _update(self, daemon_set: Obj, pods: list[Obj], revision: str) -> None:
        strategy = daemon_set["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        limit = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1)
        room = max(1, objects.resolve_share(limit, len(pods), round_up=True))
        outdated = [pod for pod in pods if revisions.label(pod) != revision]
        down = sum(not objects.is_ready(pod) for pod in pods if pod not in outdated)
        for pod in sorted(outdated, key=objects.is_ready)[: max(0, room - down)]:
            self._delete(daemon_set, pod)

    def _create(self, daemon_set: Obj, node: str, revision: str) -> None:
        labels = {revisions.HASH_LABEL: revision, "pod-template-generation": _template_generation(daemon_set)}
        pod = objects.pod_from(daemon_set, daemon_set["spec"]["template"], labels=labels)
        affinity = pod["spec"].setdefault("affinity", {}).setdefault("nodeAffinity", {})
        term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": [term]}
        made = self._cluster.create(PODS, pod)
        self._recorder.normal(daemon_set, "SuccessfulCreate", f"Created pod: {objects.name_of(made)}")

    def _delete(self, daemon_set: Obj, pod: Obj) -> None:
        if not objects.is_deleting(pod) and self._cluster.delete(PODS, pod):
            self._recorder.normal(daemon_set, "SuccessfulDelete", f"Deleted pod: {objects.name_of(pod)}")

    def _write_status(self, daemon_set: Obj, nodes: set[str], revision: str) -> float | None:
        now = self._cluster.now()
        minimum = float(daemon_set["spec"].get("minReadySeconds", 0))
        pods = [pod for pod in self._cluster.cache.children(daemon_set, PODS) if objects.is_active(pod)]
        waits = [objects.seconds_until_available(pod, minimum, now) for pod in pods]
        up = sum(wait == 0 for wait in waits)
        status = {
            "currentNumberScheduled": len(pods),
            "desiredNumberScheduled": len(nodes),
            "numberMisscheduled": 0,
            "numberReady": sum(objects.is_ready(pod) for pod in pods),
            "updatedNumberScheduled": sum(revisions.label(pod) == revision for pod in pods) or None,
            "numberAvailable": up or None,
            "numberUnavailable": max(0, len(nodes) - up) or None,
            "observedGeneration": daemon_set["metadata"].get("generation", 1),
        }
        self._cluster.set_status(DAEMON_SETS, daemon_set, status)
        return min((wait for wait in waits if wait), default=None)


def _is_alive(pod: Obj) -> bool:
    return objects.status_of(pod).get("phase") not in objects.TERMINAL_PHASES


def _template_generation(daemon_set: Obj) -> str:
    return objects.annotations_of(daemon_set).get("deprecated.daemonset.template.generation", "1")


def _pinned(pod: Obj) -> str:
    """The node that the pod was made for, before it is bound to it."""
    affinity = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    for term in affinity.get("nodeSelectorTerms") or []:
        for field in term.get("matchFields") or []:
            if field["key"] == "metadata.name":
                return str(field["values"][0])
    return ""
