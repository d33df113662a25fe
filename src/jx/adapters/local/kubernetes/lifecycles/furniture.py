"""What every cluster has before anybody made it: priority classes, and the Service that leads to the API itself."""

from __future__ import annotations

from typing import Final

from jx.adapters.local.kubernetes.calls.requests import Request
from jx.adapters.local.kubernetes.kinds.scaling_rules import SYSTEM_PRIORITIES
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.writes.verbs import Verbs

SERVICE: Final = "kubernetes"
ADDRESS: Final = "127.96.0.1"
"""Of the Service `kubernetes`: the first address of its range, as on any cluster."""

_MANAGER: Final = "kube-apiserver"
_MARKS: Final = {"component": "apiserver", "provider": "kubernetes"}
_PRIORITIES: Final = (
    (
        "system-node-critical",
        "Used for system critical pods that must not be moved from their current node.",
    ),
    (
        "system-cluster-critical",
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
)


def furnish(verbs: Verbs) -> None:
    """Make the priority classes of the system."""
    for name, description in _PRIORITIES:
        made = {"metadata": {"name": name}, "value": SYSTEM_PRIORITIES[name], "description": description}
        _ensure(verbs, ("scheduling.k8s.io", "priorityclasses"), "", {**made, "globalDefault": False})


def announce(verbs: Verbs, host: str, port: int) -> None:
    """Let the Service `kubernetes` lead to where the API listens now."""
    ports = [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}]
    spec = {"clusterIP": ADDRESS, "ports": ports, "type": "ClusterIP", "sessionAffinity": "None"}
    _ensure(
        verbs,
        ("", "services"),
        "default",
        {"metadata": {"name": SERVICE, "namespace": "default", "labels": _MARKS}, "spec": spec},
        changed=("spec",),
    )
    reached = [{"name": "https", "port": port, "protocol": "TCP"}]
    mirror = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    _ensure(
        verbs,
        ("", "endpoints"),
        "default",
        {
            "metadata": {"name": SERVICE, "namespace": "default", "labels": mirror},
            "subsets": [{"addresses": [{"ip": host}], "ports": reached}],
        },
        changed=("subsets",),
    )
    leads = {"kubernetes.io/service-name": SERVICE}
    _ensure(
        verbs,
        ("discovery.k8s.io", "endpointslices"),
        "default",
        {
            "metadata": {"name": SERVICE, "namespace": "default", "labels": leads},
            "addressType": "IPv6" if ":" in host else "IPv4",
            "endpoints": [{"addresses": [host], "conditions": {"ready": True}}],
            "ports": reached,
        },
        changed=("endpoints", "ports"),
    )


def _ensure(
    verbs: Verbs, collection: tuple[str, str], namespace: str, wanted: Obj, *, changed: tuple[str, ...] = ()
) -> None:
    served = verbs.registry.get(*collection)
    name = wanted["metadata"]["name"]
    head = {"apiVersion": served.resource.api_version, "kind": served.resource.kind}
    request = Request(served, namespace, name, manager=_MANAGER)
    with verbs.operation():
        live = verbs.store.find(collection, request.key)
        if live is None:
            verbs.create(Request(served, namespace, manager=_MANAGER), {**head, **wanted})
            return
        parts = {key: {**live.obj[key], **wanted[key]} if key == "spec" else wanted[key] for key in changed}
        if any(live.obj.get(key) != part for key, part in parts.items()):
            verbs.rewrite(request, lambda found: {**found, **parts})
