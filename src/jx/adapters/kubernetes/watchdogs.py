"""ports.watchdogs.Watchdogs: a ConfigMap with the orders and a bare Pod, in a namespace of no environment.

A bare Pod on a named node needs neither scheduler nor controllers; the kubelet restarts it in place. Its image is there already,
since the controllers run from it.
"""

from __future__ import annotations

import contextlib
from typing import Any

import orjson

from jx.adapters.kubernetes.anchors import ensure_namespace
from jx.adapters.kubernetes.api import CONFIG_MAPS, PODS, Api, Json, Resource
from jx.domain.environments.watchdog_records import parse_watch, watch_to_data
from jx.domain.environments.watchdogs import NAME, Orders, Watch
from jx.domain.errors import NotFound, Stale
from jx.domain.names import EnvironmentName
from jx.domain.objects.membership import RESCUE_NAMESPACE

ACCOUNTS = Resource("v1", "serviceaccounts", "ServiceAccount")
BINDINGS = Resource(
    "rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)
LABEL = "jenkins.io/watchdog"
_MANAGED = {"app.kubernetes.io/managed-by": "jx"}
_KEY = "watch.json"
_CONTROLLERS = "app.kubernetes.io/component=controllers"
_BINDING = "jx-rescue-watchdog"


class KubernetesWatchdogs:
    """Watchdogs of one cluster; `namespace` is that of the platform."""

    def __init__(self, api: Api, *, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def start(self, orders: Orders) -> Watch:
        mine = self._get_controllers()
        ensure_namespace(self._api, RESCUE_NAMESPACE)
        self._ensure_account()
        watch = self._put(Watch(orders))
        name = f"{NAME}-{orders.environment}-{orders.number}"
        self._remove_others(orders.environment, name)
        with contextlib.suppress(Stale):  # made by a start whose answer was lost
            self._api.create(PODS, RESCUE_NAMESPACE, _pod(name, orders.environment, mine))
        return watch

    def find(self, environment: EnvironmentName) -> Watch | None:
        body = self._find(environment)
        return _read(body) if body else None

    def remove(self, environment: EnvironmentName) -> None:
        """The rights first: a pod that is slow to end changes nothing any more."""
        for resource, namespace, name in (
            (BINDINGS, "", _BINDING),
            (CONFIG_MAPS, RESCUE_NAMESPACE, _record(environment)),
            (ACCOUNTS, RESCUE_NAMESPACE, NAME),
        ):
            with contextlib.suppress(NotFound):
                self._api.delete(resource, namespace, name)
        self._remove_others(environment, "")

    def report(self, watch: Watch) -> Watch:
        body = _body(watch)
        body["metadata"]["resourceVersion"] = watch.version
        return _read(self._api.replace(CONFIG_MAPS, RESCUE_NAMESPACE, body))

    def _get_controllers(self) -> Json:
        """A pod of the controllers, one that is ready before others."""
        query = {"labelSelector": _CONTROLLERS}
        pods = self._api.list_pages(PODS, self._namespace, query=query)[0]
        alive = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        if not alive:
            raise NotFound(
                f"no pod in namespace {self._namespace} is of the controllers ({_CONTROLLERS}), whose image a watchdog has"
            )
        return max(alive, key=_is_ready)

    def _find(self, environment: EnvironmentName) -> Json | None:
        try:
            return self._api.get(CONFIG_MAPS, RESCUE_NAMESPACE, _record(environment))
        except NotFound:
            return None

    def _put(self, watch: Watch) -> Watch:
        there, body = self._find(watch.orders.environment), _body(watch)
        if there is None:
            return _read(self._api.create(CONFIG_MAPS, RESCUE_NAMESPACE, body))
        body["metadata"]["resourceVersion"] = there["metadata"]["resourceVersion"]
        return _read(self._api.replace(CONFIG_MAPS, RESCUE_NAMESPACE, body))

    def _ensure_account(self) -> None:
        """Of its own, with every right: what an upgrade breaks may be anything."""
        account = {
            "apiVersion": ACCOUNTS.api_version,
            "kind": ACCOUNTS.kind,
            "metadata": {"name": NAME, "namespace": RESCUE_NAMESPACE, "labels": _MANAGED},
        }
        binding: Json = {
            "apiVersion": BINDINGS.api_version,
            "kind": BINDINGS.kind,
            "metadata": {"name": _BINDING, "labels": _MANAGED},
            "subjects": [{"kind": ACCOUNTS.kind, "name": NAME, "namespace": RESCUE_NAMESPACE}],
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "cluster-admin",
            },
        }
        with contextlib.suppress(Stale):
            self._api.create(ACCOUNTS, RESCUE_NAMESPACE, account)
        with contextlib.suppress(Stale):
            self._api.create(BINDINGS, "", binding)

    def _remove_others(self, environment: EnvironmentName, name: str) -> None:
        query = {"labelSelector": f"{LABEL}={environment}"}
        for one in self._api.list_pages(PODS, RESCUE_NAMESPACE, query=query)[0]:
            if one["metadata"]["name"] != name:
                with contextlib.suppress(NotFound):
                    self._api.delete(PODS, RESCUE_NAMESPACE, one["metadata"]["name"])


def _record(environment: EnvironmentName) -> str:
    return f"{NAME}-{environment}"


def _body(watch: Watch) -> Json:
    environment = watch.orders.environment
    text = orjson.dumps(watch_to_data(watch), option=orjson.OPT_INDENT_2).decode()
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": _record(environment),
            "namespace": RESCUE_NAMESPACE,
            "labels": {**_MANAGED, LABEL: environment},
        },
        "data": {_KEY: text + "\n"},
    }


def _read(body: Json) -> Watch:
    data = orjson.loads((body.get("data") or {}).get(_KEY) or "{}")
    return parse_watch(data, version=str(body["metadata"]["resourceVersion"]))


def _pod(name: str, environment: EnvironmentName, mine: Json) -> Json:
    """The watchdog, from the controllers' pod."""
    spec, container = mine["spec"], mine["spec"]["containers"][0]
    own: dict[str, Any] = {
        "name": NAME,
        "image": _image(mine),
        "imagePullPolicy": "IfNotPresent",
        "args": ["watchdog", "run", "--environment", environment],
        "securityContext": container.get("securityContext") or {},
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    if container.get("command"):
        own["command"] = container["command"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": RESCUE_NAMESPACE,
            "labels": {**_MANAGED, LABEL: environment},
        },
        "spec": {
            "serviceAccountName": NAME,
            "nodeName": spec.get("nodeName", ""),
            "restartPolicy": "OnFailure",
            "securityContext": spec.get("securityContext") or {},
            "containers": [own],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
            "tolerations": [{"operator": "Exists"}],
        },
    }


def _is_ready(pod: Json) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def _image(pod: Json) -> str:
    """By its digest, where the node tells: a tag may mean something else by now."""
    wanted = str(pod["spec"]["containers"][0]["image"])
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        image = str(status.get("imageID") or "").partition("://")[2] or str(status.get("imageID") or "")
        if status.get("name") == pod["spec"]["containers"][0]["name"] and "@sha256:" in image:
            return image
    return wanted
