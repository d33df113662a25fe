"""Binds pods to a node that their nodeSelector, node affinity and tolerations allow, and says why none fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from jx.adapters.local.kubernetes.api import WatchEvent
from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.controllers.cluster import NODES, PODS, VOLUME_CLAIMS, Cluster, Place, which
from jx.adapters.local.kubernetes.controllers.events import Recorder
from jx.adapters.local.kubernetes.types.facts import Obj

NAME = "default-scheduler"


class Scheduler:
    """Binds one pod."""

    name = "scheduler"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._recorder = Recorder(cluster, NAME)

    def keys(self, event: WatchEvent) -> Iterable[Place]:
        if which(event) == PODS and event.type != "DELETED" and _is_waiting(event.obj):
            yield (objects.namespace_of(event.obj), objects.name_of(event.obj))
        if which(event) in (NODES, VOLUME_CLAIMS):
            for pod in self._cluster.cache.all(PODS):
                if _is_waiting(pod):
                    yield (objects.namespace_of(pod), objects.name_of(pod))

    def reconcile(self, namespace: str, name: str) -> float | None:
        pod = self._cluster.cache.get(PODS, namespace, name)
        if pod is None or not _is_waiting(pod):
            return None
        missing = self._missing_claim(pod)
        nodes = self._cluster.cache.all(NODES)
        reasons = {objects.name_of(node): why_not(pod["spec"], node) for node in nodes}
        chosen = next((node for node, reason in sorted(reasons.items()) if reason is None), None)
        if missing or chosen is None:
            self._refuse(pod, missing or _summary(len(nodes), [why for why in reasons.values() if why]))
            return None
        self._bind(pod, chosen)
        return None

    def _bind(self, pod: Obj, node: str) -> None:
        place = (objects.namespace_of(pod), objects.name_of(pod))
        self._cluster.api.bind(*place, node)
        self._recorder.normal(pod, "Scheduled", f"Successfully assigned {'/'.join(place)} to {node}")

    def _refuse(self, pod: Obj, why: str) -> None:
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why}
        if (objects.condition_of(pod, "PodScheduled") or {}).get("message") == why:
            return
        conditions = objects.with_condition(
            objects.status_of(pod).get("conditions") or [], condition, self._cluster.timestamp()
        )
        self._cluster.patch(PODS, pod, {"status": {"conditions": conditions}}, subresource="status")
        self._recorder.warning(pod, "FailedScheduling", why)

    def _missing_claim(self, pod: Obj) -> str:
        for volume in pod["spec"].get("volumes") or []:
            name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if name and self._cluster.cache.get(VOLUME_CLAIMS, objects.namespace_of(pod), name) is None:
                return f'0/1 nodes are available: persistentvolumeclaim "{name}" not found.'
        return ""


def _is_waiting(pod: Obj) -> bool:
    scheduler = pod["spec"].get("schedulerName", NAME)
    return not pod["spec"].get("nodeName") and scheduler == NAME and not objects.is_deleting(pod)


def why_not(pod_spec: Obj, node: Obj, *, ignore_unschedulable: bool = False) -> str | None:
    """Why a pod cannot run on a node, in the real scheduler's words; None where it can."""
    if node["spec"].get("unschedulable") and not ignore_unschedulable:
        return "node(s) were unschedulable"
    for taint in node["spec"].get("taints") or []:
        if taint["effect"] == "PreferNoSchedule" or taint["key"] == "node.kubernetes.io/unschedulable":
            continue
        if not any(_tolerates(toleration, taint) for toleration in pod_spec.get("tolerations") or []):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    labels = objects.labels_of(node)
    if not (pod_spec.get("nodeSelector") or {}).items() <= labels.items() or not _has_affinity(
        pod_spec, node
    ):
        return "node(s) didn't match Pod's node affinity/selector"
    return None


def _tolerates(toleration: Obj, taint: Obj) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("key") not in (None, "", taint["key"]):
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")


def _has_affinity(pod_spec: Obj, node: Obj) -> bool:
    affinity = (pod_spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    fields = {"metadata.name": objects.name_of(node)}
    return any(
        all(_matches(each, objects.labels_of(node)) for each in term.get("matchExpressions") or [])
        and all(_matches(each, fields) for each in term.get("matchFields") or [])
        for term in required["nodeSelectorTerms"]
    )


def _matches(expression: Obj, values: dict[str, str]) -> bool:
    value = values.get(expression["key"])
    wanted = expression.get("values") or []
    match expression["operator"]:
        case "In":
            return value in wanted
        case "NotIn":
            return value not in wanted
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt":
            return value is not None and int(value) > int(wanted[0])
        case _:
            return value is not None and int(value) < int(wanted[0])


def _summary(nodes: int, reasons: Iterable[str]) -> str:
    counted = ", ".join(f"{number} {reason}" for reason, number in sorted(Counter(reasons).items()))
    return f"0/{nodes} nodes are available: {counted}." if counted else "no nodes available to schedule pods"
