"""The kinds that a cluster in memory serves from the start."""

from __future__ import annotations

from jx.domain.objects.manifests import KindInfo

_NAMESPACED = (
    (
        "",
        "v1",
        "ConfigMap Endpoints LimitRange PersistentVolumeClaim Pod ResourceQuota Secret Service ServiceAccount",
    ),
    ("apps", "v1", "DaemonSet Deployment ReplicaSet StatefulSet"),
    ("autoscaling", "v2", "HorizontalPodAutoscaler"),
    ("batch", "v1", "CronJob Job"),
    ("coordination.k8s.io", "v1", "Lease"),
    ("networking.k8s.io", "v1", "Ingress NetworkPolicy"),
    ("policy", "v1", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io", "v1", "Role RoleBinding"),
)
_CLUSTER_WIDE = (
    ("", "v1", "Namespace PersistentVolume"),
    ("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "v1", "APIService"),
    ("networking.k8s.io", "v1", "IngressClass"),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole ClusterRoleBinding"),
    ("scheduling.k8s.io", "v1", "PriorityClass"),
    ("storage.k8s.io", "v1", "StorageClass"),
)


def _plural(kind: str) -> str:
    name = kind.lower()
    if name.endswith(("s", "ss")):
        return name if name == "endpoints" else f"{name}es"
    return f"{name[:-1]}ies" if name.endswith("cy") else f"{name}s"


KINDS = {
    (group, kind): KindInfo(group, kind, _plural(kind), is_namespaced, (version,))
    for is_namespaced, table in ((True, _NAMESPACED), (False, _CLUSTER_WIDE))
    for group, version, kinds in table
    for kind in kinds.split()
}
"""By (group, kind). Plurals as Kubernetes forms them."""
