"""What the server writes into workloads itself, once admission is through: no manager owns it.

Functions here give a copy where they change something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from jx.adapters.local.kubernetes.kinds import job_rules
from jx.adapters.local.kubernetes.kinds.defaults import TEMPLATE_GENERATION
from jx.adapters.local.kubernetes.types.facts import Gvk, Obj

First: TypeAlias = Callable[[Obj], Obj]
Next: TypeAlias = Callable[[Obj, Obj], Obj]


def for_create(gvk: Gvk, obj: Obj) -> Obj:
    """A new object as it is validated and stored."""
    prepare = _CREATED.get((gvk[0], gvk[2]))
    return prepare(obj) if prepare else obj


def for_update(gvk: Gvk, obj: Obj, old: Obj, subresource: str = "") -> Obj:
    """An updated object as it is validated and stored."""
    kind = (gvk[0], gvk[2])
    if kind == ("", "Pod"):
        return _changed_pod(obj, old, subresource)
    prepare = _UPDATED.get(kind)
    return prepare(obj, old) if prepare else obj


def _changed_pod(obj: Obj, old: Obj, subresource: str) -> Obj:
    """What callers of a pod's subresources leave out, or may not change, stays."""
    if subresource == "ephemeralcontainers":
        return _only_added_containers(obj, old)
    if subresource != "status":
        return obj
    status, before = dict(obj.get("status") or {}), old.get("status") or {}
    for key in ("qosClass", "observedGeneration"):
        if not status.get(key) and key in before:
            status[key] = before[key]
    return {**obj, "status": status}


def _only_added_containers(obj: Obj, old: Obj) -> Obj:
    """A pod to which somebody adds containers to look around, and changes nothing else."""
    spec, metadata = dict(old.get("spec") or {}), dict(old["metadata"])
    if added := (obj.get("spec") or {}).get("ephemeralContainers"):
        spec["ephemeralContainers"] = added
    else:
        spec.pop("ephemeralContainers", None)
    metadata["managedFields"] = obj["metadata"].get("managedFields") or []
    if spec != old.get("spec"):
        metadata["generation"] = metadata.get("generation", 0) + 1
    return {**obj, "spec": spec, "metadata": metadata}


def _job(obj: Obj) -> Obj:
    """A job's pods are labelled and found by its own identity, unless its author takes that on."""
    spec = obj.get("spec") or {}
    template = spec.get("template") or {}
    metadata = template.get("metadata") or {}
    labels = dict(metadata.get("labels") or {})
    own = obj["metadata"].get("labels")
    # Labels that a job has got from its template are the template's, whatever becomes of these.
    # A generated name, however, makes a copy of it all.
    is_template = (not own or own == labels) and not obj["metadata"].get("generateName")
    made = obj
    if not spec.get("manualSelector"):
        name, uid = obj["metadata"].get("name") or "", obj["metadata"].get("uid") or ""
        for key in (job_rules.OLD_NAME_LABEL, job_rules.NAME_LABEL):
            labels.setdefault(key, name)
        for key in (job_rules.OLD_UID_LABEL, job_rules.UID_LABEL):
            labels.setdefault(key, uid)
        selector = spec.get("selector") or {}
        wanted = {job_rules.UID_LABEL: uid, **(selector.get("matchLabels") or {})}
        template = {**template, "metadata": {**metadata, "labels": labels}}
        made = {
            **obj,
            "spec": {**spec, "selector": {**selector, "matchLabels": wanted}, "template": template},
        }
    if labels and is_template:
        made = {**made, "metadata": {**made["metadata"], "labels": dict(labels)}}
    return made


def _new_daemon_set(obj: Obj) -> Obj:
    return _with_generation(obj, 1)


def _daemon_set(obj: Obj, old: Obj) -> Obj:
    """The generation of a DaemonSet's template is counted by the server alone."""
    annotations = old["metadata"].get("annotations") or {}
    number = int(annotations.get(TEMPLATE_GENERATION) or 1)
    changed = _template(obj) != _template(old)
    return _with_generation(obj, number + changed)


def _template(obj: Obj) -> Any:
    return (obj.get("spec") or {}).get("template")


def _with_generation(obj: Obj, number: int) -> Obj:
    metadata = obj["metadata"]
    annotations = {**(metadata.get("annotations") or {}), TEMPLATE_GENERATION: str(number)}
    return {**obj, "metadata": {**metadata, "annotations": annotations}}


def _pod(obj: Obj) -> Obj:
    """Labels that a pod names by their keys become part of its selectors."""
    spec, labels = obj.get("spec") or {}, obj["metadata"].get("labels") or {}
    made = dict(spec)
    if spec.get("affinity"):
        made["affinity"] = {
            kind: _with_label_keys(value, labels) if kind != "nodeAffinity" else value
            for kind, value in spec["affinity"].items()
        }
    if spec.get("topologySpreadConstraints"):
        made["topologySpreadConstraints"] = [
            _with_keys(one, labels) for one in spec["topologySpreadConstraints"]
        ]
    return {**obj, "spec": _without_disabled(made)}


def _without_disabled(spec: Obj) -> Obj:
    """A pod's spec without what this version of the server does not do by default."""
    volumes = spec.get("volumes") or ()
    if not any((volume.get("projected") or {}).get("sources") for volume in volumes):
        return spec
    return {**spec, "volumes": [_enabled(volume) for volume in volumes]}


def _enabled(volume: Obj) -> Obj:
    sources = (volume.get("projected") or {}).get("sources")
    if not sources:
        return volume
    kept = [{key: value for key, value in one.items() if key not in _DISABLED} for one in sources]
    return {**volume, "projected": {**volume["projected"], "sources": kept}}


_DISABLED: Final = frozenset({"clusterTrustBundle", "podCertificate"})


def _stateful_set(obj: Obj) -> Obj:
    strategy = (obj.get("spec") or {}).get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    if "maxUnavailable" not in rolling:
        return obj
    kept = {key: value for key, value in rolling.items() if key != "maxUnavailable"}
    return {**obj, "spec": {**obj["spec"], "updateStrategy": {**strategy, "rollingUpdate": kept}}}


def _changed_stateful_set(obj: Obj, old: Obj) -> Obj:
    made = _stateful_set(obj)
    if made is not obj and made["spec"] == old.get("spec"):
        metadata = {**made["metadata"], "generation": old["metadata"].get("generation", 0)}
        return {**made, "metadata": metadata}
    return made


def _with_label_keys(affinity: Obj, labels: Obj) -> Obj:
    made = dict(affinity)
    required, preferred = (
        f"{kind}DuringSchedulingIgnoredDuringExecution" for kind in ("required", "preferred")
    )
    if made.get(required):
        made[required] = [_with_keys(term, labels) for term in made[required]]
    if made.get(preferred):
        made[preferred] = [
            {**one, "podAffinityTerm": _with_keys(one.get("podAffinityTerm") or {}, labels)}
            for one in made[preferred]
        ]
    return made


def _with_keys(term: Obj, labels: Obj) -> Obj:
    added = [
        {"key": key, "operator": operator, "values": [labels[key]]}
        for field, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn"))
        for key in term.get(field) or ()
        if key in labels
    ]
    selector = term.get("labelSelector")
    if not added or selector is None:
        return term
    expressions = [*(selector.get("matchExpressions") or ()), *added]
    return {**term, "labelSelector": {**selector, "matchExpressions": expressions}}


_CREATED: Final[Mapping[tuple[str, str], First]] = MappingProxyType(
    {
        ("", "Pod"): _pod,
        ("apps", "DaemonSet"): _new_daemon_set,
        ("apps", "StatefulSet"): _stateful_set,
        ("batch", "Job"): _job,
    }
)
_UPDATED: Final[Mapping[tuple[str, str], Next]] = MappingProxyType(
    {("apps", "DaemonSet"): _daemon_set, ("apps", "StatefulSet"): _changed_stateful_set}
)
