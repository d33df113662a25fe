"""Ordering: what is applied before what. Waves between kinds that need each other, Helm's install order within a wave."""

from __future__ import annotations

from enum import IntEnum

from jx.domain.objects.manifests import ObjectRef


class Wave(IntEnum):
    """Waves of an apply, lower first; a wave begins when the one before it is done without an error."""

    NAMESPACES = 0
    DEFINITIONS = 1
    CONFIGURATION = 2
    WORKLOADS = 3
    GATES = 4
    """What can make the API server refuse other requests: webhooks and aggregated APIs."""
    PRUNE_GATES = 5
    PRUNE_WORKLOADS = 6
    PRUNE_CONFIGURATION = 7
    PRUNE_DEFINITIONS = 8
    PRUNE_NAMESPACES = 9


INSTALL_ORDER = (
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
)
"""Helm's; kinds that are not in it come last, in the order of their names."""

_RANK = {kind: rank for rank, kind in enumerate(INSTALL_ORDER)}
_FIRST_WORKLOAD = _RANK["DaemonSet"]
_GATES = frozenset(
    {
        "APIService",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
)
_GATE_GROUPS = frozenset({"apiregistration.k8s.io", "admissionregistration.k8s.io"})


def wave_of(ref: ObjectRef) -> Wave:
    """The wave in which an object is sent."""
    if ref.kind == "Namespace" and not ref.group:
        return Wave.NAMESPACES
    if ref.kind == "CustomResourceDefinition":
        return Wave.DEFINITIONS
    if ref.group in _GATE_GROUPS and ref.kind in _GATES:
        return Wave.GATES
    if _RANK.get(ref.kind, len(_RANK)) < _FIRST_WORKLOAD:
        return Wave.CONFIGURATION
    return Wave.WORKLOADS


def prune_wave_of(ref: ObjectRef) -> Wave:
    """The wave in which an object is deleted: after everything that is sent, in the opposite order."""
    return Wave(Wave.PRUNE_NAMESPACES - wave_of(ref))


def rank_of(ref: ObjectRef) -> int:
    """The place of a kind in Helm's install order."""
    return _RANK.get(ref.kind, len(_RANK))
