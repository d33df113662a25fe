"""Replacing: objects with a field that cannot be changed in place. They are deleted and made anew only where somebody said so,
and never where data would go with them.

Which fields those are is asked of the server, by a dry run; but only of objects that differ where their kind is known to be
stiff, so that plans stay cheap. Custom resources may be stiff anywhere: of those only the apply itself tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from jx.domain.applying.applying import Action, ApplyPlan, LiveObject, Step
from jx.domain.objects import field_paths, membership
from jx.domain.objects.manifests import Body, ObjectRef

REPLACE = "jenkins.io/replace"
"""Annotation of a manifest: `"true"` lets it be deleted and made anew."""

_STIFF: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("", "ConfigMap"): ("immutable", "data", "binaryData"),
    ("", "PersistentVolume"): ("spec",),
    ("", "PersistentVolumeClaim"): ("spec",),
    ("", "Pod"): ("spec",),
    ("", "Secret"): ("type", "immutable", "data"),
    ("", "Service"): ("spec.clusterIP", "spec.clusterIPs", "spec.ipFamilies"),
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "ReplicaSet"): ("spec.selector",),
    ("apps", "StatefulSet"): (
        "spec.selector",
        "spec.serviceName",
        "spec.podManagementPolicy",
        "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): ("spec.selector", "spec.template", "spec.completions", "spec.completionMode"),
    ("networking.k8s.io", "IngressClass"): ("spec.controller",),
    ("node.k8s.io", "RuntimeClass"): ("handler",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("scheduling.k8s.io", "PriorityClass"): ("value", "preemptionPolicy"),
    ("storage.k8s.io", "CSIDriver"): ("spec",),
    ("storage.k8s.io", "StorageClass"): ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"),
}
_SEALED = frozenset({("", "ConfigMap"), ("", "Secret")})
"""Kinds whose data is stiff only once the live object says `immutable: true`."""

_DATA = frozenset(
    {
        ("", "Namespace"),
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
    }
)


def may_be_refused(step: Step, live: LiveObject | None) -> bool:
    """Whether a change touches what its kind may not let be changed: then the server is asked."""
    if step.manifest is None or live is None or step.action not in {Action.UPDATE, Action.TAKE_OVER}:
        return False
    kind = (step.ref.group, step.ref.kind)
    is_open = kind in _SEALED and not live.body.get("immutable")
    paths = _STIFF.get(kind, ())
    return any(
        not _is_within(step.manifest.body, live.body, path)
        for path in paths
        if not (is_open and path != "type")
    )


def with_replacements(plan: ApplyPlan, stuck: Mapping[ObjectRef, tuple[str, ...]]) -> ApplyPlan:
    """The plan with the objects that the server would not let be changed in place as such; `stuck` are their fields."""

    def step_of(step: Step) -> Step:
        if step.ref not in stuck:
            return step
        reason = f"{', '.join(stuck[step.ref]) or 'a field'} cannot be changed in place"
        return replace(step, action=Action.REPLACE, reason=reason)

    return replace(plan, steps=tuple(step_of(step) for step in plan.steps)) if stuck else plan


def is_permitted(step: Step, names: Iterable[str]) -> bool:
    """Whether the repository lets this object be replaced: by its annotation, or by name in `apply.replace`."""
    if step.manifest and membership.annotations_of(step.manifest.body).get(REPLACE) == "true":
        return True
    short = f"{step.ref.kind}/{step.ref.name}"
    return not {short, f"{step.ref.namespace}/{short}", f"{step.ref.kind}/*"}.isdisjoint(names)


def takes_data_along(ref: ObjectRef, body: Body, protected: Iterable[str] = ()) -> str:
    """What would be lost with an object, in words; empty for nothing. `protected` are further kinds (`Kind`, `Kind.group`)."""
    if (ref.group, ref.kind) in _DATA or not {ref.kind, f"{ref.kind}.{ref.group}"}.isdisjoint(protected):
        return "the objects of its kind" if ref.kind == "CustomResourceDefinition" else "data"
    retention = (body.get("spec") or {}).get("persistentVolumeClaimRetentionPolicy") or {}
    if ref.kind == "StatefulSet" and retention.get("whenDeleted") == "Delete":
        return "the data of its claims, which go with it"
    return ""


def _is_within(wanted: Body, live: Body, path: str) -> bool:
    there = field_paths.resolve(wanted, path)
    if there is None:
        return True
    found = field_paths.resolve(live, path)
    return found is not None and _contains(field_paths.get(live, found), field_paths.get(wanted, there))


def _contains(live: Any, wanted: Any) -> bool:
    """Whether the live value is what is wanted, up to what servers add."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            key in live and _contains(live[key], part) for key, part in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(_contains(one, part) for one, part in zip(live, wanted, strict=True))
        )
    return bool(live == wanted)
