"""The official Python client: it creates, applies, patches, watches and deletes as beside a real server."""

from __future__ import annotations

import importlib
import json
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.embedded import fresh_name
from tests.support.kubernetes_server import Obj, definition

pytestmark = pytest.mark.slow


def package(name: str) -> Any:
    """A module of the official client; its types are not what this is about."""
    return importlib.import_module(name)


@pytest.fixture
def official(cluster: Path) -> Iterator[Any]:
    """An ApiClient of the package `kubernetes`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package("kubernetes.config").load_kube_config(str(cluster))
        with package("kubernetes.client").ApiClient() as made:
            yield made


DEPLOYMENT: Obj = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "official"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "official"}},
        "template": {
            "metadata": {"labels": {"app": "official"}},
            "spec": {"containers": [{"name": "web", "image": "web:1"}]},
        },
    },
}


def test_the_official_client_creates_and_watches(official: Any) -> None:
    client, watch = package("kubernetes.client"), package("kubernetes.watch")
    apps = client.AppsV1Api(official)
    made = apps.create_namespaced_deployment("default", DEPLOYMENT)
    assert made.spec.replicas == 2
    ready = None
    watcher = watch.Watch()
    for event in watcher.stream(apps.list_namespaced_deployment, "default", timeout_seconds=20):
        if event["object"].metadata.name == "official" and event["object"].status.ready_replicas == 2:
            ready = event["object"]
            watcher.stop()
    assert ready is not None
    pods = client.CoreV1Api(official).list_namespaced_pod("default", label_selector="app=official")
    assert [pod.status.phase for pod in pods.items] == ["Running", "Running"]
    apps.patch_namespaced_deployment_scale("official", "default", {"spec": {"replicas": 1}})
    assert apps.read_namespaced_deployment_scale("official", "default").spec.replicas == 1
    apps.delete_namespaced_deployment("official", "default")
    with pytest.raises(client.ApiException) as raised:
        apps.read_namespaced_deployment("official", "default")
    assert (raised.value.status, json.loads(raised.value.body)["reason"]) == (404, "NotFound")


def test_the_official_dynamic_client_applies(official: Any) -> None:
    dynamic = package("kubernetes.dynamic").DynamicClient(official)
    conflict = package("kubernetes.dynamic.exceptions").ConflictError
    definitions = dynamic.resources.get(
        api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition"
    )
    offered = definition(plural="widgets", kind="Widget")
    offered["spec"]["names"]["shortNames"] = ["wd"]
    applied = definitions.server_side_apply(offered, name="widgets.example.org", field_manager="one")
    assert applied.metadata.managedFields[0].manager == "one"
    _await_served(official, "example.org", "v1", "widgets")
    dynamic.resources.invalidate_cache()
    widgets = dynamic.resources.get(api_version="example.org/v1", kind="Widget")
    widget = {
        "apiVersion": "example.org/v1",
        "kind": "Widget",
        "metadata": {"name": "a"},
        "spec": {"size": 1},
    }
    made = widgets.server_side_apply(widget, name="a", namespace="default", field_manager="one")
    assert made.spec.size == 1
    widget["spec"] = {"size": 2}
    with pytest.raises(conflict, match="conflict with"):
        widgets.server_side_apply(widget, name="a", namespace="default", field_manager="two")
    forced = widgets.server_side_apply(
        widget, name="a", namespace="default", field_manager="two", force_conflicts=True
    )
    assert forced.spec.size == 2
    assert [item.metadata.name for item in widgets.get(namespace="default").items] == ["a"]


def test_the_official_client_reads_page_by_page_and_watches_from_there(official: Any, space: str) -> None:
    client, watch = package("kubernetes.client"), package("kubernetes.watch")
    core = client.CoreV1Api(official)
    for number in range(5):
        body = {"metadata": {"name": f"c{number}", "labels": {"n": str(number)}}, "data": {"n": str(number)}}
        core.create_namespaced_config_map(space, body)
    only = {"label_selector": "n", "limit": 2}
    first = core.list_namespaced_config_map(space, **only)
    second = core.list_namespaced_config_map(space, _continue=first.metadata._continue, **only)
    third = core.list_namespaced_config_map(space, _continue=second.metadata._continue, **only)
    pages = [[one.metadata.name for one in page.items] for page in (first, second, third)]
    assert pages == [["c0", "c1"], ["c2", "c3"], ["c4"]]
    assert (first.metadata.remaining_item_count, third.metadata._continue) == (None, None)
    core.patch_namespaced_config_map("c1", space, {"data": {"more": "x"}})
    core.delete_namespaced_config_map("c2", space)
    seen = []
    stream = watch.Watch().stream(
        core.list_namespaced_config_map,
        space,
        label_selector="n",
        resource_version=first.metadata.resource_version,
        timeout_seconds=2,
    )
    for event in stream:
        seen.append((event["type"], event["object"].metadata.name))
    assert seen == [("MODIFIED", "c1"), ("DELETED", "c2")]


def test_the_official_client_is_told_of_lost_races_and_of_what_is_wrong(official: Any, space: str) -> None:
    client = package("kubernetes.client")
    core = client.CoreV1Api(official)
    made = core.create_namespaced_config_map(space, {"metadata": {"name": "c"}, "data": {"a": "1"}})
    core.patch_namespaced_config_map("c", space, {"data": {"a": "2"}})
    made.data = {"a": "3"}
    refused: list[tuple[Callable[[], Any], int, str]] = [
        (lambda: core.replace_namespaced_config_map("c", space, made), 409, "Conflict"),
        (lambda: core.create_namespaced_config_map(space, {"metadata": {"name": "c"}}), 409, "AlreadyExists"),
        (lambda: core.create_namespaced_config_map(space, {"metadata": {"name": "B_d"}}), 422, "Invalid"),
        (lambda: core.read_namespaced_config_map("nothing", space), 404, "NotFound"),
        (lambda: core.create_namespaced_config_map("nowhere", {"metadata": {"name": "c"}}), 404, "NotFound"),
    ]
    for call, status, reason in refused:
        with pytest.raises(client.ApiException) as raised:
            call()
        assert (raised.value.status, json.loads(raised.value.body)["reason"]) == (status, reason)
    assert core.read_namespaced_config_map("c", space).data == {"a": "2"}


def test_the_official_client_makes_all_of_a_file(official: Any, space: str, tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "official"}, "ports": [{"port": 80, "targetPort": "http"}]},
    }
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "once"},
        "spec": {
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
        },
    }
    path.write_text("\n---\n".join(json.dumps(one) for one in (DEPLOYMENT, service, job)))
    package("kubernetes.utils").create_from_yaml(official, str(path), namespace=space)
    client, watch = package("kubernetes.client"), package("kubernetes.watch")
    found = client.CoreV1Api(official).read_namespaced_service("web", space)
    assert (found.spec.type, found.spec.ports[0].protocol, found.spec.ports[0].target_port) == (
        "ClusterIP",
        "TCP",
        "http",
    )
    watcher = watch.Watch()
    for event in watcher.stream(client.BatchV1Api(official).list_namespaced_job, space, timeout_seconds=20):
        conditions = event["object"].status.conditions or []
        if any(one.type == "Complete" and one.status == "True" for one in conditions):
            watcher.stop()
            break
    else:
        raise AssertionError("the job did not complete")


def test_the_official_client_asks_for_rights_and_tokens(official: Any, space: str) -> None:
    client = package("kubernetes.client")
    core, rights = client.CoreV1Api(official), client.AuthorizationV1Api(official)
    core.create_namespaced_service_account(space, {"metadata": {"name": "bot"}})
    token = core.create_namespaced_service_account_token("bot", space, {"spec": {"expirationSeconds": 600}})
    configuration: Any = client.Configuration()
    configuration.host, configuration.ssl_ca_cert = (
        official.configuration.host,
        official.configuration.ssl_ca_cert,
    )
    configuration.api_key["authorization"] = f"Bearer {token.status.token}"
    asked = {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": space}}}
    assert rights.create_self_subject_access_review(asked).status.allowed is True
    with client.ApiClient(configuration) as bot:
        answer = client.AuthorizationV1Api(bot).create_self_subject_access_review(asked)
        assert answer.status.allowed is False
        with pytest.raises(client.ApiException) as raised:
            client.CoreV1Api(bot).list_namespaced_pod(space)
    message = json.loads(raised.value.body)["message"]
    assert message == (
        f'pods is forbidden: User "system:serviceaccount:{space}:bot" cannot list resource "pods" '
        f'in API group "" in the namespace "{space}"'
    )


@pytest.fixture
def space(official: Any) -> str:
    """A namespace whose default account is there."""
    core, watch = package("kubernetes.client").CoreV1Api(official), package("kubernetes.watch").Watch()
    name = fresh_name("official")
    core.create_namespace({"metadata": {"name": name}})
    for event in watch.stream(core.list_namespaced_service_account, name, timeout_seconds=20):
        if event["object"].metadata.name == "default":
            watch.stop()
    return name


def _await_served(official: Any, group: str, version: str, plural: str) -> None:
    """Wait until a definition is established."""
    client = package("kubernetes.client")
    custom, end, pause = client.CustomObjectsApi(official), time.monotonic() + 20, threading.Event()
    while time.monotonic() < end:
        try:
            custom.list_cluster_custom_object(group, version, plural)
        except client.ApiException:
            pause.wait(0.05)
        else:
            return
    raise AssertionError(f"{plural} are not served")
