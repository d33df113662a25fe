"""Pods are given to nodes: what a Binding says and does."""

from __future__ import annotations

from collections.abc import Mapping

from jx.adapters.local.kubernetes.errors import ApiError, bad_request, conflict
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid


def check(name: str, binding: Obj) -> None:
    """Refuse a Binding that is not of the pod, or of no node."""
    if (binding["metadata"].get("name") or "") != name:
        raise bad_request("name in URL does not match name in Binding object")
    target = binding.get("target") or {}
    mistakes = []
    if target.get("kind") and target["kind"] != "Node":
        mistakes.append(invalid.unsupported("target.kind", target["kind"], ("Node", "<empty>")))
    if not target.get("name"):
        mistakes.append(invalid.required("target.name"))
    if mistakes:
        # The real server lets these through as errors of its own, not as wrong fields of the caller's.
        texts = [str(one) for one in mistakes]
        text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        raise ApiError(500, "", text)


def bound(pod: Obj, node: str, now: str, binding: Mapping[str, Obj] | None = None) -> Obj:
    """The pod on its node, with the annotations and labels of the binding's metadata; 409 where it cannot go there."""
    name, spec = pod["metadata"]["name"], pod.get("spec") or {}
    if "deletionTimestamp" in pod["metadata"]:
        raise _conflict(name, f"pod {name} is being deleted, cannot be assigned to a host")
    if taken := spec.get("nodeName"):
        raise _conflict(name, f'pod {name} is already assigned to node "{taken}"')
    if spec.get("schedulingGates"):
        raise _conflict(name, f"pod {name} has non-empty .spec.schedulingGates")
    status = {key: value for key, value in (pod.get("status") or {}).items() if key != "nominatedNodeName"}
    condition = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
    conditions = list(status.get("conditions") or ())
    known = [one["type"] for one in conditions]
    if "PodScheduled" in known:
        conditions[known.index("PodScheduled")] = condition
    else:
        conditions.append(condition)
    metadata = dict(pod["metadata"])
    for key in ("annotations", "labels"):
        added = ((binding or {}).get("metadata") or {}).get(key)
        if added:
            metadata[key] = {**(metadata.get(key) or {}), **added}
    made = {"spec": {**spec, "nodeName": node}, "status": {**status, "conditions": conditions}}
    return {**pod, "metadata": metadata, **made}


def _conflict(name: str, why: str) -> ApiError:
    return conflict("", "pods/binding", name, why)
