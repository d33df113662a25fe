"""Objects as an environment has them, of ten kinds, for benchmarks of an API server."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from typing import Any, TypeAlias

Obj: TypeAlias = dict[str, Any]


def mixed(space: str) -> Iterator[tuple[str, bytes]]:
    """Paths and bodies of objects of a namespace."""
    for number in itertools.count():
        name = f"app-{number}"
        labels = {
            "app.kubernetes.io/name": name,
            "app.kubernetes.io/managed-by": "jx",
            "team": f"team-{number % 7}",
        }
        kind = _KINDS[number % len(_KINDS)]
        obj, plural, group = kind(name, number)
        obj["metadata"] |= {"namespace": space, "labels": labels}
        root = f"/apis/{obj['apiVersion']}" if group else "/api/v1"
        yield f"{root}/namespaces/{space}/{plural}/{name}", encoded(obj)


def _config(name: str, number: int) -> tuple[Obj, str, bool]:
    data = {f"key-{n}": f"value {number} {n}" for n in range(8)}
    return {**named("ConfigMap", "v1", name), "data": data}, "configmaps", False


def _secret(name: str, number: int) -> tuple[Obj, str, bool]:
    value = base64.b64encode(f"secret {number}".encode()).decode()
    return {**named("Secret", "v1", name), "type": "Opaque", "data": {"password": value}}, "secrets", False


def _account(name: str, _number: int) -> tuple[Obj, str, bool]:
    return named("ServiceAccount", "v1", name), "serviceaccounts", False


def _service(name: str, number: int) -> tuple[Obj, str, bool]:
    ports = [{"name": "http", "port": 80, "targetPort": 8000 + number}, {"name": "metrics", "port": 9090}]
    return (
        {**named("Service", "v1", name), "spec": {"selector": {"app": name}, "ports": ports}},
        "services",
        False,
    )


def _deployment(name: str, number: int) -> tuple[Obj, str, bool]:
    probe = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5}
    container = {
        "name": "main",
        "image": f"registry.example.org/{name}:1.{number}",
        "args": ["serve", "--port=8080"],
        "env": [{"name": f"VARIABLE_{n}", "value": f"{number}"} for n in range(5)],
        "ports": [{"name": "http", "containerPort": 8080}],
        "livenessProbe": probe,
        "readinessProbe": probe,
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/app"}],
    }
    volumes = [{"name": "config", "configMap": {"name": name}}]
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [container], "volumes": volumes},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {**named("Deployment", "apps/v1", name), "spec": spec}, "deployments", True


def _role(name: str, number: int) -> tuple[Obj, str, bool]:
    rules = [{"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get", "list", "watch"]}] * (
        1 + number % 3
    )
    return {**named("Role", "rbac.authorization.k8s.io/v1", name), "rules": rules}, "roles", True


def _binding(name: str, _number: int) -> tuple[Obj, str, bool]:
    group = "rbac.authorization.k8s.io"
    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": "default"}]
    role = {"apiGroup": group, "kind": "ClusterRole", "name": "view"}
    return (
        {**named("RoleBinding", f"{group}/v1", name), "subjects": subjects, "roleRef": role},
        "rolebindings",
        True,
    )


def _ingress(name: str, _number: int) -> tuple[Obj, str, bool]:
    backend = {"service": {"name": name, "port": {"name": "http"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    rules = [{"host": f"{name}.example.org", "http": {"paths": [path]}}]
    return {**named("Ingress", "networking.k8s.io/v1", name), "spec": {"rules": rules}}, "ingresses", True


_KINDS = (
    _config,
    _secret,
    _deployment,
    _service,
    _account,
    _config,
    _role,
    _binding,
    _deployment,
    _ingress,
)


def named(kind: str, api_version: str, name: str) -> Obj:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}


def encoded(obj: object) -> bytes:
    return json.dumps(obj).encode()
