"""What the server writes into workloads itself, once admission is through: no manager owns it.

Functions here give a copy where they change something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from jx.adapters.local.kubernetes import job_rules
from jx.adapters.local.kubernetes.defaults import TEMPLATE_GENERATION
from jx.adapters.local.kubernetes.facts import Gvk, Obj

First: TypeAlias = Callable[[Obj], Obj]
Next: TypeAlias = Callable[[Obj, Obj], Obj]


def for_create(gvk: Gvk, obj: Obj) -> Obj:
    """A new object as it is validated and stored."""
    prepare = _CREATED.get((gvk[0], gvk[2]))
    return prepare(obj) if prepare else obj


def for_update(gvk: Gvk, obj: Obj, old: Obj) -> Obj:
    """An updated object as it is validated and stored."""
    prepare = _UPDATED.get((gvk[0], gvk[2]))
    return prepare(obj, old) if prepare else obj


def _job(obj: Obj) -> Obj:
    """A job's pods are labelled and found by its own identity, unless its author takes that on."""
    spec = obj.get("spec") or {}
    template = spec.get("template") or {}
    metadata = template.get("metadata") or {}
    labels = dict(metadata.get("labels") or {})
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
    if labels and not obj["metadata"].get("labels"):
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
    return {**obj, "spec": made}


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
    {("", "Pod"): _pod, ("apps", "DaemonSet"): _new_daemon_set, ("batch", "Job"): _job}
)
_UPDATED: Final[Mapping[tuple[str, str], Next]] = MappingProxyType({("apps", "DaemonSet"): _daemon_set})
