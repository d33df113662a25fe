"""The rules of the built-in kinds: what is required, what fits, what may not change."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from jx.adapters.local.kubernetes import (
    admission_rules,
    changes,
    data_rules,
    invalid,
    network_rules,
    object_rules,
    pod_rules,
    quota_rules,
    rbac_rules,
    scaling_rules,
    selectors,
    service_rules,
    storage_rules,
)
from jx.adapters.local.kubernetes.facts import Gvk, Obj
from jx.adapters.local.kubernetes.invalid import FieldError

Rule: TypeAlias = Callable[[Obj], Iterator[FieldError]]

_NOT_NEGATIVE: Final = "must be greater than or equal to 0"
_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"


def mistakes(gvk: Gvk, obj: Obj, old: Obj | None) -> list[FieldError]:
    """All mistakes of a create (`old` is None) or an update, outside of metadata."""
    kind = (gvk[0], gvk[2])
    changed = [] if old is None else changes.mistakes(gvk, obj, old)
    found = list(_KINDS[kind](obj)) if kind in _KINDS else []
    found = found + changed if kind in _CHANGES_LAST else changed + found
    if old is None and kind in _NEW:
        found += _NEW[kind](obj)
    return found


# Workloads


def _not_negative(obj: Obj, path: str, *keys: str) -> Iterator[FieldError]:
    for key in keys:
        value = obj.get(key)
        if value is not None and value < 0:
            yield invalid.invalid(f"{path}.{key}", value, _NOT_NEGATIVE)


def _selector_mistakes(spec: Obj, kind: str) -> Iterator[FieldError]:
    selector = spec.get("selector")
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    unmatched = invalid.invalid(
        "spec.template.metadata.labels", labels, "`selector` does not match template `labels`"
    )
    if selector is None:
        yield invalid.required("spec.selector")
        yield unmatched
        return
    yield from object_rules.selector_mistakes(selector, "spec.selector")
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield invalid.invalid("spec.selector", selector, f"empty selector is invalid for {kind}")
        return
    try:
        matches = selectors.matches_label_selector(selector, labels or {})
    except selectors.SelectorError:
        return
    if not matches:
        yield unmatched


def _template_mistakes(
    spec: Obj, path: str = "spec.template", restarts: tuple[str, ...] = ("Always",)
) -> Iterator[FieldError]:
    template = spec.get("template") or {}
    metadata = template.get("metadata") or {}
    yield from object_rules.label_mistakes(metadata.get("labels"), f"{path}.labels")
    yield from object_rules.annotation_mistakes(metadata.get("annotations"), f"{path}.annotations")
    claims = tuple(
        (claim.get("metadata") or {}).get("name", "") for claim in spec.get("volumeClaimTemplates") or ()
    )
    yield from pod_rules.spec_mistakes(template.get("spec") or {}, f"{path}.spec", restarts, claims)


def _deployment(obj: Obj) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from _not_negative(spec, "spec", "replicas")
    yield from _selector_mistakes(spec, "deployment")
    yield from _template_mistakes(spec)
    strategy = spec.get("strategy") or {}
    kinds = ("Recreate", "RollingUpdate")
    if strategy.get("type") not in kinds:
        yield invalid.unsupported("spec.strategy.type", strategy.get("type", ""), kinds)
    if strategy.get("type") == "Recreate" and strategy.get("rollingUpdate") is not None:
        detail = "may not be specified when strategy `type` is 'Recreate'"
        yield invalid.forbidden("spec.strategy.rollingUpdate", detail)
    yield from _not_negative(
        spec, "spec", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"
    )
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        yield invalid.invalid(
            "spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"
        )


def _replica_set(obj: Obj) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from _not_negative(spec, "spec", "replicas", "minReadySeconds")
    yield from _selector_mistakes(spec, "deployment")
    yield from _template_mistakes(spec)


def _stateful_set(obj: Obj) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from _not_negative(spec, "spec", "replicas", "minReadySeconds")
    kinds = ("OrderedReady", "Parallel")
    if spec.get("podManagementPolicy") not in kinds:
        detail = f"must be '{kinds[0]}' or '{kinds[1]}'"
        yield invalid.invalid("spec.podManagementPolicy", spec.get("podManagementPolicy", ""), detail)
    yield from _selector_mistakes(spec, "statefulset")
    yield from _template_mistakes(spec)


def _daemon_set(obj: Obj) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from _selector_mistakes(spec, "daemonset")
    yield from _template_mistakes(spec)
    yield from _not_negative(spec, "spec", "minReadySeconds", "revisionHistoryLimit")


def _job_spec(spec: Obj, path: str) -> Iterator[FieldError]:
    yield from _not_negative(
        spec,
        path,
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
    )
    yield from _template_mistakes(spec, f"{path}.template", ("OnFailure", "Never"))


def _job(obj: Obj) -> Iterator[FieldError]:
    yield from _job_spec(obj.get("spec") or {}, "spec")


def _cron_job(obj: Obj) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    schedule = spec.get("schedule", "")
    fields = schedule.split()
    if not schedule:
        yield invalid.required("spec.schedule")
    elif not schedule.startswith("@") and len(fields) != 5:
        detail = f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
        yield invalid.invalid("spec.schedule", schedule, detail)
    kinds = ("Allow", "Forbid", "Replace")
    if spec.get("concurrencyPolicy") not in kinds:
        yield invalid.unsupported("spec.concurrencyPolicy", spec.get("concurrencyPolicy", ""), kinds)
    if len((obj.get("metadata") or {}).get("name", "")) > 52:
        detail = "must be no more than 52 characters"
        yield invalid.invalid("metadata.name", obj["metadata"]["name"], detail)
    yield from _job_spec((spec.get("jobTemplate") or {}).get("spec") or {}, "spec.jobTemplate.spec")


def _pod(obj: Obj) -> Iterator[FieldError]:
    yield from pod_rules.spec_mistakes(obj.get("spec") or {}, "spec")


def _claim(obj: Obj) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    if not spec.get("accessModes"):
        yield invalid.required("spec.accessModes", "at least 1 access mode is required")
    if "storage" not in ((spec.get("resources") or {}).get("requests") or {}):
        yield invalid.required("spec.resources[storage]")


_KINDS: Final[Mapping[tuple[str, str], Rule]] = MappingProxyType(
    {
        ("", "ConfigMap"): data_rules.config_map,
        ("", "Endpoints"): network_rules.endpoints,
        ("", "Event"): scaling_rules.event,
        ("", "LimitRange"): quota_rules.limit_range,
        ("", "PersistentVolume"): storage_rules.volume,
        ("", "PersistentVolumeClaim"): _claim,
        ("", "Pod"): _pod,
        ("", "ResourceQuota"): quota_rules.quota,
        ("", "Secret"): data_rules.secret,
        ("", "Service"): service_rules.service,
        ("apps", "ControllerRevision"): scaling_rules.revision,
        ("apps", "DaemonSet"): _daemon_set,
        ("apps", "Deployment"): _deployment,
        ("apps", "ReplicaSet"): _replica_set,
        ("apps", "StatefulSet"): _stateful_set,
        ("autoscaling", "HorizontalPodAutoscaler"): scaling_rules.autoscaler,
        ("batch", "CronJob"): _cron_job,
        ("batch", "Job"): _job,
        ("coordination.k8s.io", "Lease"): scaling_rules.lease,
        ("events.k8s.io", "Event"): scaling_rules.event,
        ("discovery.k8s.io", "EndpointSlice"): network_rules.endpoint_slice,
        ("networking.k8s.io", "Ingress"): network_rules.ingress,
        ("networking.k8s.io", "IngressClass"): network_rules.ingress_class,
        ("networking.k8s.io", "NetworkPolicy"): network_rules.network_policy,
        ("node.k8s.io", "RuntimeClass"): scaling_rules.runtime_class,
        ("policy", "PodDisruptionBudget"): scaling_rules.budget,
        ("scheduling.k8s.io", "PriorityClass"): scaling_rules.priority_class,
        ("storage.k8s.io", "StorageClass"): storage_rules.storage_class,
        (_ADMISSION, "MutatingWebhookConfiguration"): admission_rules.webhooks,
        (_ADMISSION, "ValidatingWebhookConfiguration"): admission_rules.webhooks,
        (_ADMISSION, "ValidatingAdmissionPolicy"): admission_rules.policy,
        (_ADMISSION, "ValidatingAdmissionPolicyBinding"): admission_rules.binding,
        (_RBAC, "ClusterRole"): rbac_rules.role,
        (_RBAC, "ClusterRoleBinding"): rbac_rules.binding,
        (_RBAC, "Role"): rbac_rules.role,
        (_RBAC, "RoleBinding"): rbac_rules.binding,
    }
)
# The real server looks at these first as they are, and then at what has changed.
_CHANGES_LAST: Final = frozenset(
    {
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
        ("", "ResourceQuota"),
        ("apps", "ControllerRevision"),
        ("discovery.k8s.io", "EndpointSlice"),
    }
)
_NEW: Final[Mapping[tuple[str, str], Rule]] = MappingProxyType(
    {("networking.k8s.io", "Ingress"): network_rules.new_ingress}
)
