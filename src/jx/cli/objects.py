"""Objects as people name them on the command line."""

from __future__ import annotations

from jx.domain.errors import Usage

_SHORT = {
    "cj": "CronJob",
    "cm": "ConfigMap",
    "crd": "CustomResourceDefinition",
    "deploy": "Deployment",
    "ds": "DaemonSet",
    "ep": "Endpoints",
    "hpa": "HorizontalPodAutoscaler",
    "ing": "Ingress",
    "limits": "LimitRange",
    "netpol": "NetworkPolicy",
    "ns": "Namespace",
    "pc": "PriorityClass",
    "pdb": "PodDisruptionBudget",
    "po": "Pod",
    "pv": "PersistentVolume",
    "pvc": "PersistentVolumeClaim",
    "quota": "ResourceQuota",
    "rs": "ReplicaSet",
    "sa": "ServiceAccount",
    "sc": "StorageClass",
    "sts": "StatefulSet",
    "svc": "Service",
}
"""What kubectl's users type. Written down, since a clone has no cluster to ask."""


def parse_object(text: str) -> tuple[str, str]:
    """Kind and name from `Deployment/shop` or `deploy/shop`. Usage where it is neither."""
    kind, slash, name = text.partition("/")
    if not (kind and slash and name):
        raise Usage(f"{text!r} is no object", hint="name it as KIND/NAME: Deployment/shop")
    return _SHORT.get(kind.casefold(), kind), name
