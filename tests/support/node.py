"""A cluster whose node runs real processes, and requests through its ingress router."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.workloads import FAST, Obj, World, condition, deployment, service

from jx.adapters.local.kubernetes.api import Api
from jx.adapters.local.node.containers import Patience
from jx.adapters.local.node.daemon import Cluster, Options
from jx.adapters.local.node.pods import Settings

IMPATIENT = Patience(first_seconds=0.02, longest_seconds=0.1)
POD_IP = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}


class RealWorld(World):
    """A world with a router."""

    def __init__(self, api: Api, cluster: Cluster) -> None:
        super().__init__(api)
        self.cluster = cluster

    def ask(
        self, path: str = "/", *, host: str = "", method: str = "GET", body: bytes | None = None
    ) -> tuple[int, bytes]:
        """Send a request to the router: status and body."""
        port = self.cluster.ingress.port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request(method, path, body=body, headers={"Host": host or f"127.0.0.1:{port}"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def seen(self, path: str = "/", *, host: str = "") -> Any:
        """What the server behind the router says about itself."""
        status, body = self.ask(path, host=host)
        assert status == 200, body
        return json.loads(body)

    def delete_pods(self) -> None:
        """Delete all pods, and wait until the node has taken them away."""
        for pod in self.all("Pod"):
            self.delete("Pod", pod["metadata"]["name"])
        self.until(lambda: not self.all("Pod"), 60)

    def until_ready(self, name: str = "web") -> Obj:
        """Wait until the rollout of a deployment is over and its service knows the pods."""

        def look() -> Obj | None:
            obj = self.get("Deployment", name)
            status = obj.get("status") or {}
            is_seen = status.get("observedGeneration", 0) >= obj["metadata"]["generation"]
            wanted = obj["spec"].get("replicas", 1)
            done = all(
                status.get(key) == wanted for key in ("replicas", "updatedReplicas", "availableReplicas")
            )
            return obj if is_seen and done and condition(obj, "Available")[0] == "True" else None

        found: Obj = self.until(look)
        return found

    def container_status(self, name: str = "web") -> Obj:
        """The status of the newest pod's container; empty where there is none."""
        pods = sorted(self.all("Pod", f"app={name}"), key=lambda pod: int(pod["metadata"]["resourceVersion"]))
        statuses: list[Obj] = pods[-1].get("status", {}).get("containerStatuses") or [] if pods else []
        return statuses[0] if statuses else {}

    def waiting_reason(self, name: str = "web") -> tuple[str, str]:
        waiting = (self.container_status(name).get("state") or {}).get("waiting") or {}
        return waiting.get("reason", ""), waiting.get("message", "")


@contextmanager
def running_world(
    folder: Path, *, hidden: tuple[Path, ...] = (), guarded: tuple[Path, ...] = ()
) -> Iterator[RealWorld]:
    """A cluster on a folder, without its HTTPS server."""
    api = Api.open(folder)
    settings = Settings(
        patience=IMPATIENT,
        server=("127.0.0.1", 6443),
        stop_seconds=5,
        hidden=hidden,
        guarded=guarded,
    )
    cluster = Cluster(api, Options(folder, play=FAST), settings)
    world = RealWorld(api, cluster)
    cluster.start()
    try:
        yield world
    finally:
        cluster.stop()
        api.close()


def server(name: str = "web", *, tag: str = "1", args: list[str] | None = None, **options: Any) -> Obj:
    """A deployment of the test server, with a readiness probe."""
    probe = {"httpGet": {"path": "/healthy", "port": "http"}, "periodSeconds": 1}
    container: Obj = {
        "args": args or [],
        "env": [POD_IP],
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": probe,
        **options.pop("container", {}),
    }
    return deployment(name, image=f"test/server:{tag}", container=container, **options)


def ingress(name: str = "web", *, host: str = "", path: str = "/", kind: str = "Prefix") -> Obj:
    backend = {"service": {"name": name, "port": {"number": 80}}}
    rule: Obj = {"http": {"paths": [{"path": path, "pathType": kind, "backend": backend}]}}
    if host:
        rule["host"] = host
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name},
        "spec": {"rules": [rule]},
    }


def expose(world: World, name: str = "web", **rule: str) -> None:
    """A service and an ingress for a deployment."""
    world.apply(service(name, target="http"))
    world.apply(ingress(name, **rule))
