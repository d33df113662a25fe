"""The embedded cluster's node on a real API server that has none: its scheduler, its volumes, and its played pods.

So that what a real cluster's controllers make of workloads can be compared: below them both clusters have the same node.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import api as remote
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.transport import Request, Transport
from jx.adapters.kubernetes.watching import Target, Watching
from jx.adapters.local.kubernetes.api import Api, ApiError, WatchEvent
from jx.adapters.local.kubernetes.controllers import cluster as kinds
from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.controllers.claims import Claims
from jx.adapters.local.kubernetes.controllers.cluster import Cluster, Which
from jx.adapters.local.kubernetes.controllers.endpoints import LOAD_BALANCER, IngressAddresses
from jx.adapters.local.kubernetes.controllers.loop import Loop
from jx.adapters.local.kubernetes.controllers.nodes import Nodes
from jx.adapters.local.kubernetes.controllers.play import Play, PlaySettings
from jx.adapters.local.kubernetes.controllers.scheduler import Scheduler
from jx.adapters.local.kubernetes.store import ChangeType
from jx.adapters.local.kubernetes.types import facts

Obj = dict[str, Any]
_CIDR = "10.244.0.0/24"
_WATCHED: tuple[Which, ...] = (
    *(kinds.PODS, kinds.CONFIG_MAPS, kinds.SECRETS, kinds.NODES, kinds.VOLUME_CLAIMS, kinds.VOLUMES),
    *(kinds.INGRESSES, kinds.SERVICES, kinds.SERVICE_ACCOUNTS),
)


class RemoteApi:
    """What `Cluster` asks of the embedded API, asked of a real one."""

    def __init__(self, path: Path) -> None:
        self.access = kubeconfig.load([path])
        self._transport = Transport(self.access, SystemClock())
        self._api = remote.Api(self._transport)
        self._listener: Callable[[WatchEvent], None] = lambda _event: None
        self._telling = threading.Lock()
        self._versions: dict[str, int] = {}
        self._tokens: dict[str, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="node-watch", daemon=True)

    def subscribe(self, listener: Callable[[WatchEvent], None]) -> Callable[[], None]:
        self._listener = listener
        self._thread.start()
        return self._end

    def list(self, _resource: facts.Resource) -> list[Obj]:
        """Nothing: what is there comes as the first events."""
        return []

    def resource(self, group: str, plural: str, version: str = "") -> facts.Resource:
        return next(
            one
            for one in facts.load().resources
            if (one.group, one.plural) == (group, plural)
            and version in ("", one.version)
            and "beta" not in one.version
        )

    def create(self, resource: facts.Resource, namespace: str, obj: Obj, *, manager: str) -> Obj:
        return self._send("POST", resource, (namespace, "", ""), obj, manager=manager)

    def update(
        self,
        resource: facts.Resource,
        namespace: str,
        name: str,
        obj: Obj,
        *,
        subresource: str = "",
        manager: str,
    ) -> Obj:
        return self._send("PUT", resource, (namespace, name, subresource), obj, manager=manager)

    def merge(
        self,
        resource: facts.Resource,
        namespace: str,
        name: str,
        patch: Obj,
        *,
        subresource: str = "",
        manager: str,
    ) -> Obj:
        return self._send("PATCH", resource, (namespace, name, subresource), patch, manager=manager)

    def bind(self, namespace: str, name: str, node: str) -> None:
        target = {"apiVersion": "v1", "kind": "Node", "name": node}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        pods = self.resource(*kinds.PODS)
        self._send("POST", pods, (namespace, name, "binding"), binding, manager="kube-scheduler")

    def delete(
        self,
        resource: facts.Resource,
        namespace: str,
        name: str,
        *,
        uid: str,
        propagation: str = "",
        grace_seconds: int | None = None,
    ) -> None:
        options: Obj = {"preconditions": {"uid": uid}, "propagationPolicy": propagation}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        self._send("DELETE", resource, (namespace, name, ""), options, manager="")

    def token_for_run(self, pod: Obj) -> str:
        """A token for the pod's account that ends with the pod, asked for once."""
        meta = pod["metadata"]
        if meta["uid"] in self._tokens:
            return self._tokens[meta["uid"]]
        bound = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]}
        account = pod["spec"].get("serviceAccountName") or "default"
        self._tokens[meta["uid"]] = self._token(meta["namespace"], account, {"boundObjectRef": bound})
        return self._tokens[meta["uid"]]

    def token_for(self, namespace: str, account: str) -> str:
        """A token for an account."""
        return self._token(namespace, account, {})

    def _token(self, namespace: str, account: str, more: Obj) -> str:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
        spec = {"audiences": [], "expirationSeconds": 3600, **more}
        place = (namespace, account, "token")
        accounts = self.resource(*kinds.SERVICE_ACCOUNTS)
        found = self._send("POST", accounts, place, {**body, "spec": spec}, manager="kubelet")
        return str(found["status"]["token"])

    def _send(
        self, method: str, resource: facts.Resource, place: tuple[str, str, str], body: Obj, *, manager: str
    ) -> Obj:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        query = (("fieldManager", manager),) if manager else ()
        request = Request(
            method, _at(resource).path(*place), query, json.dumps(body).encode(), {"Content-Type": kind}
        )
        response = self._transport.request(request)
        found: Obj = json.loads(response.body)
        if response.status >= 300:
            raise ApiError(response.status, found.get("reason", ""), found.get("message", ""))
        if found.get("kind") == resource.kind and method != "DELETE":
            self._tell(WatchEvent("MODIFIED", resource, found, None))
        return found

    def _follow(self) -> None:
        resources = {_at(resource): resource for resource in (self.resource(*kind) for kind in _WATCHED)}
        watching = Watching(self._api, [Target(resource) for resource in resources])
        for change in watching.changes(within=timedelta(days=1)):
            if self._stopping.is_set():
                return
            if change is not None:
                what: ChangeType = "DELETED" if change.is_deleted else "MODIFIED"
                self._tell(WatchEvent(what, resources[change.target.resource], change.body, None))

    def _tell(self, event: WatchEvent) -> None:
        """Answers and the watch come from two threads: what is older than what was told is left out."""
        uid, version = objects.uid_of(event.obj), int(event.obj["metadata"]["resourceVersion"])
        with self._telling:
            if self._versions.get(uid, 0) > version:
                return
            self._versions[uid] = version
            self._listener(event)

    def _end(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._transport.close()


def _at(resource: facts.Resource) -> remote.Resource:
    return remote.Resource(resource.api_version, resource.plural, resource.kind, resource.namespaced)


def _addresses() -> Iterator[str]:
    for number in itertools.count(2):
        yield f"10.244.{number // 250 % 250}.{number % 250 + 2}"


class _TaintFree(Nodes):
    """Also takes away the taint of a new node, as the controller of node life cycles does, and says where logs are asked for."""

    port = 0

    def reconcile(self, namespace: str, name: str) -> float | None:
        super().reconcile(namespace, name)
        node = self._cluster.cache.get(kinds.NODES, "", name)
        if node is not None and node["spec"].get("taints"):
            node = self._cluster.patch(kinds.NODES, node, {"spec": {"taints": None}})
        if node is not None and self.port:
            here = {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}]}
            ports = {"kubeletEndpoint": {"Port": self.port}}
            self._cluster.set_status(kinds.NODES, node, {**node["status"], **here, "daemonEndpoints": ports})
        return None


class _Balancers:
    """Gives Services of type LoadBalancer the address that those of the embedded cluster have."""

    name = "balancers"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def keys(self, event: WatchEvent) -> Iterator[kinds.Place]:
        if kinds.which(event) == kinds.SERVICES and event.obj["spec"].get("type") == "LoadBalancer":
            yield (objects.namespace_of(event.obj), objects.name_of(event.obj))

    def reconcile(self, namespace: str, name: str) -> None:
        service = self._cluster.cache.get(kinds.SERVICES, namespace, name)
        if service is not None and not objects.is_deleting(service):
            status = {"loadBalancer": {"ingress": [{**LOAD_BALANCER, "ipMode": "VIP"}]}}
            self._cluster.set_status(kinds.SERVICES, service, status)


@contextmanager
def playing_node(
    path: Path,
    settings: PlaySettings,
    *,
    is_real: Callable[[Obj], bool] = lambda _pod: False,
    log_port: int = 0,
) -> Iterator[None]:
    """Have a node, and play its pods but for the real ones, on the cluster of a kubeconfig."""
    cluster = Cluster(cast(Api, RemoteApi(path)), "kubelet")
    addresses = _addresses()
    node = _TaintFree(cluster, objects.NODE_NAME, _CIDR)
    node.port = log_port
    parts = (
        node,
        Scheduler(cluster),
        Claims(cluster),
        IngressAddresses(cluster),
        _Balancers(cluster),
        Play(
            cluster,
            settings,
            node=objects.NODE_NAME,
            is_real=is_real,
            allocate_ip=lambda: next(addresses),
        ),
    )
    by_name: Mapping[str, Any] = {part.name: part for part in parts}
    loop: Loop[tuple[str, str, str]] = Loop("node", lambda key: by_name[key[0]].reconcile(*key[1:]))

    def hear(event: WatchEvent) -> None:
        for name, part in by_name.items():
            for place in part.keys(event):
                loop.add((name, *place))

    end = cluster.open(hear)
    loop.add(("nodes", "", objects.NODE_NAME))
    loop.start()
    try:
        yield
    finally:
        loop.stop()
        end()
