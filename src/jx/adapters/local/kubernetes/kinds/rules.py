"""The rules of the built-in kinds: what is required, what fits, what may not change."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from jx.adapters.local.kubernetes.kinds import (
    admission_rules,
    autoscaler_rules,
    changes,
    claim_rules,
    data_rules,
    job_rules,
    network_rules,
    quota_rules,
    rbac_rules,
    scaling_rules,
    service_rules,
    status_rules,
    storage_rules,
    workload_rules,
)
from jx.adapters.local.kubernetes.types.facts import Gvk, Obj
from jx.adapters.local.kubernetes.words.invalid import FieldError

Rule: TypeAlias = Callable[[Obj], Iterator[FieldError]]
WholeRule: TypeAlias = Callable[[Obj, Obj | None], Iterator[FieldError]]
"""A rule of a kind that tells of mistakes and forbidden changes (None: of a new object) in one order."""

_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"


def mistakes(gvk: Gvk, obj: Obj, old: Obj | None, subresource: str = "") -> list[FieldError]:
    """All mistakes of a create (`old` is None) or an update, outside of metadata."""
    kind = (gvk[0], gvk[2])
    if kind in _WHOLE:
        return list(_whole(kind, subresource)(obj, old))
    changed = [] if old is None else changes.mistakes(gvk, obj, old)
    found = list(_KINDS[kind](obj)) if kind in _KINDS else []
    found = found + changed if kind in _CHANGES_LAST else changed + found
    if old is None and kind in _NEW:
        found += _NEW[kind](obj)
    return found


def _whole(kind: tuple[str, str], subresource: str) -> WholeRule:
    match subresource:
        case "status":
            return status_rules.RULES.get(kind, _no_rule)
        case "ephemeralcontainers":
            return workload_rules.ephemeral_containers
        case _:
            return _WHOLE[kind]


def _no_rule(obj: Obj, old: Obj | None) -> Iterator[FieldError]:
    return iter(())


_KINDS: Final[Mapping[tuple[str, str], Rule]] = MappingProxyType(
    {
        ("", "ConfigMap"): data_rules.config_map,
        ("", "Endpoints"): network_rules.endpoints,
        ("", "Event"): scaling_rules.event,
        ("", "LimitRange"): quota_rules.limit_range,
        ("", "PersistentVolume"): storage_rules.volume,
        ("", "PersistentVolumeClaim"): claim_rules.claim,
        ("", "ResourceQuota"): quota_rules.quota,
        ("", "Secret"): data_rules.secret,
        ("", "Service"): service_rules.service,
        ("apps", "ControllerRevision"): scaling_rules.revision,
        ("autoscaling", "HorizontalPodAutoscaler"): autoscaler_rules.autoscaler,
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
_WHOLE: Final[Mapping[tuple[str, str], WholeRule]] = MappingProxyType(
    {
        ("", "Pod"): workload_rules.pod,
        ("", "PodTemplate"): workload_rules.pod_template,
        ("", "ReplicationController"): workload_rules.replication_controller,
        ("apps", "DaemonSet"): workload_rules.daemon_set,
        ("apps", "Deployment"): workload_rules.deployment,
        ("apps", "ReplicaSet"): workload_rules.replica_set,
        ("apps", "StatefulSet"): workload_rules.stateful_set,
        ("batch", "CronJob"): job_rules.cron_job,
        ("batch", "Job"): job_rules.job,
    }
)
