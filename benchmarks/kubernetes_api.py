"""The embedded Kubernetes API beside Kubernetes' own server, with one client for both."""

from __future__ import annotations

import base64
import itertools
import json
import select
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import api_servers
from benchmarks.api_servers import ApiServer
from benchmarks.report import Report
from jx.adapters.kubernetes.streams import LineStream
from jx.adapters.kubernetes.transport import Request

CONNECTIONS = 8
OBJECTS = 1000
LISTED = 10_000
UPDATES = 200
SPACE = "bench"
APPLY = "application/apply-patch+yaml"

Obj = dict


def run(report: Report) -> None:
    ours = _embedded(report)
    with api_servers.real() as server:
        theirs = _measured(report, server) if server else {}
    if not theirs:
        report.note(
            "No real API server to compare with: run `make test-cluster` once, or set JX_TEST_KUBECONFIG."
        )
    for name, unit, aim in (
        ("start, fresh", "s", "< 0.5"),
        ("start, with 10,000 objects", "s", ""),
        ("server-side apply of new objects", "objects/s", "ratio > 0.5"),
        ("the same unchanged", "objects/s", "ratio > 0.5"),
        ("create", "objects/s", ""),
        ("list of 10,000", "ms", ""),
        ("watch latency, median", "ms", ""),
        ("watch latency, 99th of 100", "ms", ""),
        ("memory, fresh", "MB", "ratio < 1"),
        ("memory, with 11,000 objects", "MB", "ratio < 1"),
    ):
        if name in ours:
            report.add(name, ours[name], unit, peer=theirs.get(name), aim=aim)


def _embedded(report: Report) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="bench-") as parent:
        folder = Path(parent, "kubernetes")
        with api_servers.embedded(folder) as server:
            figures = _measured(report, server)
        with api_servers.embedded(folder) as server:
            figures["start, with 10,000 objects"] = server.start_seconds or 0.0
    return figures


def _measured(report: Report, server: ApiServer) -> dict[str, float]:
    figures: dict[str, float] = {}
    if server.start_seconds is not None:
        figures["start, fresh"] = server.start_seconds
    if server.pids:
        figures["memory, fresh"] = server.megabytes()
    _checked(server.send("POST", "/api/v1/namespaces", _json(_named("Namespace", "v1", SPACE))))
    objects = list(itertools.islice(_mixed(), OBJECTS))

    def apply(item: object) -> None:
        path, body = item  # type: ignore[misc]
        _checked(server.send("PATCH", f"{path}?fieldManager=bench&force=true", body, APPLY))

    report.say(f"  {server.name}: {OBJECTS} objects by server-side apply on {CONNECTIONS} connections, twice")
    figures["server-side apply of new objects"] = OBJECTS / api_servers.in_parallel(
        CONNECTIONS, objects, apply
    )
    figures["the same unchanged"] = OBJECTS / api_servers.in_parallel(CONNECTIONS, objects, apply)
    figures |= _watched(report, server)
    figures |= _listed(report, server)
    if server.pids:
        figures["memory, with 11,000 objects"] = server.megabytes()
    return figures


def _listed(report: Report, server: ApiServer) -> dict[str, float]:
    report.say(f"  {server.name}: {LISTED} objects made and listed")
    path = f"/api/v1/namespaces/{SPACE}/configmaps"
    bodies = [
        _json({**_named("ConfigMap", "v1", f"listed-{n}"), "data": {"n": str(n)}}) for n in range(LISTED)
    ]

    def create(body: object) -> None:
        _checked(server.send("POST", path, body))  # type: ignore[arg-type]

    seconds = api_servers.in_parallel(CONNECTIONS, bodies, create)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        _checked(server.send("GET", path))
        times.append(time.perf_counter() - begin)
    return {"create": LISTED / seconds, "list of 10,000": statistics.median(times) * 1000}


def _watched(report: Report, server: ApiServer) -> dict[str, float]:
    """From the moment an update is sent until a watch tells of it."""
    report.say(f"  {server.name}: {UPDATES} updates seen by a watch")
    path = f"/api/v1/namespaces/{SPACE}/configmaps"
    _checked(server.send("POST", path, _json({**_named("ConfigMap", "v1", "watched"), "data": {"n": "-1"}})))
    query = (("watch", "1"), ("fieldSelector", "metadata.name=watched"))
    stream = server.transport.stream(Request("GET", path, query))
    assert isinstance(stream, LineStream)
    seen: dict[str, float] = {}
    arrived = threading.Condition()

    def listen() -> None:
        while not stream.has_ended and len(seen) <= UPDATES:
            if not stream.has_buffered:
                select.select([stream], [], [], 10)
            lines = stream.read()
            now = time.perf_counter()
            with arrived:
                for line in lines:
                    seen[json.loads(line)["object"]["data"]["n"]] = now
                arrived.notify()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    waits = []
    for number in range(UPDATES):
        begin = time.perf_counter()
        change = _json({"data": {"n": str(number)}})
        _checked(server.send("PATCH", f"{path}/watched", change, "application/merge-patch+json"))
        with arrived:
            arrived.wait_for(lambda wanted=str(number): wanted in seen, 10)  # type: ignore[misc]
        waits.append((seen[str(number)] - begin) * 1000)
    listener.join(1)
    stream.close()
    waits.sort()
    return {
        "watch latency, median": statistics.median(waits),
        "watch latency, 99th of 100": waits[len(waits) * 99 // 100],
    }


def _mixed() -> Iterator[tuple[str, bytes]]:
    """Paths and bodies of objects as an environment has them, of ten kinds."""
    for number in itertools.count():
        name = f"app-{number}"
        labels = {
            "app.kubernetes.io/name": name,
            "app.kubernetes.io/managed-by": "jx",
            "team": f"team-{number % 7}",
        }
        kind = _KINDS[number % len(_KINDS)]
        obj, plural, group = kind(name, number)
        obj["metadata"] |= {"namespace": SPACE, "labels": labels}
        root = f"/apis/{obj['apiVersion']}" if group else "/api/v1"
        yield f"{root}/namespaces/{SPACE}/{plural}/{name}", _json(obj)


def _config(name: str, number: int) -> tuple[Obj, str, bool]:
    data = {f"key-{n}": f"value {number} {n}" for n in range(8)}
    return {**_named("ConfigMap", "v1", name), "data": data}, "configmaps", False


def _secret(name: str, number: int) -> tuple[Obj, str, bool]:
    value = base64.b64encode(f"secret {number}".encode()).decode()
    return {**_named("Secret", "v1", name), "type": "Opaque", "data": {"password": value}}, "secrets", False


def _account(name: str, _number: int) -> tuple[Obj, str, bool]:
    return _named("ServiceAccount", "v1", name), "serviceaccounts", False


def _service(name: str, number: int) -> tuple[Obj, str, bool]:
    ports = [{"name": "http", "port": 80, "targetPort": 8000 + number}, {"name": "metrics", "port": 9090}]
    return (
        {**_named("Service", "v1", name), "spec": {"selector": {"app": name}, "ports": ports}},
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
    return {**_named("Deployment", "apps/v1", name), "spec": spec}, "deployments", True


def _role(name: str, number: int) -> tuple[Obj, str, bool]:
    rules = [{"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get", "list", "watch"]}] * (
        1 + number % 3
    )
    return {**_named("Role", "rbac.authorization.k8s.io/v1", name), "rules": rules}, "roles", True


def _binding(name: str, _number: int) -> tuple[Obj, str, bool]:
    group = "rbac.authorization.k8s.io"
    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": SPACE}]
    role = {"apiGroup": group, "kind": "ClusterRole", "name": "view"}
    return (
        {**_named("RoleBinding", f"{group}/v1", name), "subjects": subjects, "roleRef": role},
        "rolebindings",
        True,
    )


def _ingress(name: str, _number: int) -> tuple[Obj, str, bool]:
    backend = {"service": {"name": name, "port": {"name": "http"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    rules = [{"host": f"{name}.example.org", "http": {"paths": [path]}}]
    return {**_named("Ingress", "networking.k8s.io/v1", name), "spec": {"rules": rules}}, "ingresses", True


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


def _named(kind: str, api_version: str, name: str) -> Obj:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}


def _json(obj: object) -> bytes:
    return json.dumps(obj).encode()


def _checked(response: api_servers.Response) -> None:
    if response.status >= 300:
        raise SystemExit(f"the API server refused: {response.status} {response.body.decode()[:500]}")
