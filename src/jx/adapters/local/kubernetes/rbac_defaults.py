"""The ClusterRoles and bindings that every cluster starts with."""

from __future__ import annotations

from jx.adapters.local.kubernetes.facts import Obj

_API = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]

_VIEWED = {
    "": [
        "bindings", "configmaps", "endpoints", "events", "limitranges", "namespaces", "namespaces/status",
        "persistentvolumeclaims", "persistentvolumeclaims/status", "pods", "pods/log", "pods/status",
        "replicationcontrollers", "replicationcontrollers/scale", "replicationcontrollers/status", "resourcequotas",
        "resourcequotas/status", "serviceaccounts", "services", "services/status",
    ],
    "apps": [
        "controllerrevisions", "daemonsets", "daemonsets/status", "deployments", "deployments/scale",
        "deployments/status", "replicasets", "replicasets/scale", "replicasets/status", "statefulsets",
        "statefulsets/scale", "statefulsets/status",
    ],
    "autoscaling": ["horizontalpodautoscalers", "horizontalpodautoscalers/status"],
    "batch": ["cronjobs", "cronjobs/status", "jobs", "jobs/status"],
    "discovery.k8s.io": ["endpointslices"],
    "networking.k8s.io": ["ingresses", "ingresses/status", "networkpolicies"],
    "policy": ["poddisruptionbudgets", "poddisruptionbudgets/status"],
}  # fmt: skip

_EDITED = {
    "": [
        "configmaps", "events", "persistentvolumeclaims", "pods", "pods/attach", "pods/exec", "pods/portforward",
        "pods/proxy", "replicationcontrollers", "replicationcontrollers/scale", "secrets", "serviceaccounts",
        "services", "services/proxy",
    ],
    "apps": [
        "daemonsets", "deployments", "deployments/rollback", "deployments/scale", "replicasets", "replicasets/scale",
        "statefulsets", "statefulsets/scale",
    ],
    "autoscaling": ["horizontalpodautoscalers"],
    "batch": ["cronjobs", "jobs"],
    "networking.k8s.io": ["ingresses", "networkpolicies"],
    "policy": ["poddisruptionbudgets"],
}  # fmt: skip

_DISCOVERY_PATHS = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz",
                    "/version", "/version/"]  # fmt: skip
_PUBLIC_PATHS = ["/healthz", "/livez", "/readyz", "/version", "/version/"]


def objects() -> list[Obj]:
    """All of them, parts before what is aggregated from them."""
    return [
        _role("cluster-admin", [_rule("*", ["*"], ["*"]), {"verbs": ["*"], "nonResourceURLs": ["*"]}]),
        _role("system:discovery", [{"verbs": ["get"], "nonResourceURLs": _DISCOVERY_PATHS}]),
        _role("system:public-info-viewer", [{"verbs": ["get"], "nonResourceURLs": _PUBLIC_PATHS}]),
        _role("system:basic-user", _basic_rules()),
        _role("system:auth-delegator", _delegator_rules()),
        _part("view", [_rule(group, plurals, _READ) for group, plurals in _VIEWED.items()]),
        _part("edit", _edit_rules()),
        _part("admin", _admin_rules()),
        _aggregate("view", ["view"]),
        _aggregate("edit", ["edit"]),
        _aggregate("admin", ["admin"]),
        _binding("cluster-admin", "cluster-admin", ["system:masters"]),
        _binding("system:discovery", "system:discovery", ["system:authenticated"]),
        _binding("system:basic-user", "system:basic-user", ["system:authenticated"]),
        _binding(
            "system:public-info-viewer",
            "system:public-info-viewer",
            ["system:authenticated", "system:unauthenticated"],
        ),
    ]


def _edit_rules() -> list[Obj]:
    rules = [_rule(group, plurals, _WRITE) for group, plurals in _EDITED.items()]
    rules.append(_rule("", ["pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets"], _READ))
    rules.append(_rule("", ["services/proxy"], _READ))
    rules.append(_rule("", ["pods/eviction"], ["create"]))
    rules.append(_rule("", ["serviceaccounts"], ["impersonate"]))
    rules.append(_rule("", ["serviceaccounts/token"], ["create"]))
    rules.append(_rule("coordination.k8s.io", ["leases"], [*_READ, *_WRITE]))
    return rules


def _admin_rules() -> list[Obj]:
    return [
        _rule("authorization.k8s.io", ["localsubjectaccessreviews"], ["create"]),
        _rule(_API, ["rolebindings", "roles"], [*_READ, *_WRITE]),
    ]


def _basic_rules() -> list[Obj]:
    reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
    return [
        _rule("authorization.k8s.io", reviews, ["create"]),
        _rule("authentication.k8s.io", ["selfsubjectreviews"], ["create"]),
    ]


def _delegator_rules() -> list[Obj]:
    return [
        _rule("authentication.k8s.io", ["tokenreviews"], ["create"]),
        _rule("authorization.k8s.io", ["subjectaccessreviews"], ["create"]),
    ]


def _rule(group: str, resources: list[str], verbs: list[str]) -> Obj:
    return {"verbs": verbs, "apiGroups": [group], "resources": resources}


def _role(name: str, rules: list[Obj], labels: dict[str, str] | None = None) -> Obj:
    return {
        "apiVersion": f"{_API}/v1",
        "kind": "ClusterRole",
        "metadata": _meta(name, labels or {}),
        "rules": rules,
    }


def _part(level: str, rules: list[Obj]) -> Obj:
    return _role(f"system:aggregate-to-{level}", rules, {f"{_API}/aggregate-to-{level}": "true"})


def _aggregate(name: str, selected: list[str]) -> Obj:
    upper = {"view": "edit", "edit": "admin"}.get(name)
    labels = {f"{_API}/aggregate-to-{upper}": "true"} if upper else {}
    chosen = [{"matchLabels": {f"{_API}/aggregate-to-{level}": "true"}} for level in selected]
    return {**_role(name, [], labels), "aggregationRule": {"clusterRoleSelectors": chosen}}


def _binding(name: str, role: str, groups: list[str]) -> Obj:
    return {
        "apiVersion": f"{_API}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": _meta(name, {}),
        "subjects": [{"kind": "Group", "apiGroup": _API, "name": group} for group in groups],
        "roleRef": {"apiGroup": _API, "kind": "ClusterRole", "name": role},
    }


def _meta(name: str, labels: dict[str, str]) -> Obj:
    return {
        "name": name,
        "labels": {"kubernetes.io/bootstrapping": "rbac-defaults", **labels},
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
    }
