"""The API over HTTPS: paths, codes, messages and forms as clients of a real server know them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from tests.support.kubernetes_server import Client, Obj, config_map, definition

from jx.adapters.local.kubernetes.serve import Server

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def _configs(namespace: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps" + (f"/{name}" if name else "")


def test_keys_and_kubeconfig_are_their_owners_alone(server: Server) -> None:
    folder = server.kubeconfig.parent
    private = [server.kubeconfig, *(folder / "pki").iterdir()]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in private)
    assert stat.S_IMODE((folder / "pki").stat().st_mode) == 0o700


def test_the_kubeconfig_names_one_context_with_a_namespace(server: Server) -> None:
    config = yaml.safe_load(server.kubeconfig.read_text())
    assert config["current-context"] == "jx-local"
    context = {"cluster": "jx-local", "user": "jx-local", "namespace": "jx"}
    assert config["contexts"] == [{"name": "jx-local", "context": context}]
    assert config["clusters"][0]["cluster"]["server"] == server.url


def test_other_addresses_than_loopback_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="loopback"):
        Server(tmp_path, host="0.0.0.0")


def test_a_taken_port_is_an_os_error(server: Server, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="in use"):
        Server(tmp_path, port=server.port)


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_anybody_may_ask_for_health(server: Server, path: str) -> None:
    assert Client(server).get(path).body == "ok"


def test_the_version_is_known_to_anybody(server: Server) -> None:
    assert Client(server).get("/version").body["gitVersion"] == "v1.36.0"


def test_nobody_may_do_nothing_and_is_told_so(server: Server) -> None:
    answer = Client(server).get("/api/v1/namespaces/default/pods")
    assert answer.status == 403
    assert answer.body["message"] == (
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "default"'
    )
    assert answer.body["details"] == {"kind": "pods"}


def test_a_bad_token_is_unauthorized(server: Server) -> None:
    answer = Client(server, token="wrong").get("/api")
    assert (answer.status, answer.body["reason"]) == (401, "Unauthorized")


def test_the_admin_token_is_as_good_as_the_certificate(server: Server) -> None:
    answer = Client(server, token=server.api.pki.admin_token).get("/api/v1/nodes")
    assert answer.status == 200


def test_create_read_replace_and_delete(client: Client, namespace: str) -> None:
    made = client.post(_configs(namespace), config_map("a", x="1"))
    assert made.status == 201
    assert made.body["kind"] == "ConfigMap"
    read = client.get(_configs(namespace, "a"))
    assert (read.status, read.body) == (200, made.body)
    replaced = client.put(_configs(namespace, "a"), {**read.body, "data": {"x": "2"}})
    assert replaced.body["data"] == {"x": "2"}
    gone = client.delete(_configs(namespace, "a"))
    assert gone.body["status"] == "Success"
    assert gone.body["details"] == {"name": "a", "kind": "configmaps", "uid": made.body["metadata"]["uid"]}
    assert client.get(_configs(namespace, "a")).body == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'configmaps "a" not found',
        "reason": "NotFound",
        "details": {"name": "a", "kind": "configmaps"},
        "code": 404,
    }


def test_the_manager_is_named_by_the_user_agent_unless_given(client: Client, namespace: str) -> None:
    def manager(query: str, **headers: str) -> str:
        made = client.request(
            "POST", _configs(namespace) + query, config_map("x" + str(len(query)), a="b"), **headers
        )
        name: str = made.body["metadata"]["managedFields"][0]["manager"]
        return name

    assert manager("", User_Agent="kubectl/v1.36.0 (linux)") == "kubectl"
    assert manager("?fieldManager=me", User_Agent="kubectl/v1.36.0") == "me"


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("application/merge-patch+json", {"data": {"y": "2"}}),
        ("application/strategic-merge-patch+json", {"data": {"y": "2"}}),
        ("application/json-patch+json", [{"op": "add", "path": "/data/y", "value": "2"}]),
    ],
)
def test_the_older_patches_change_what_they_say(
    client: Client, namespace: str, kind: str, patch: Obj
) -> None:
    client.post(_configs(namespace), config_map("a", x="1"))
    answer = client.request("PATCH", _configs(namespace, "a"), patch, content_type=kind)
    assert (answer.status, answer.body["data"]) == (200, {"x": "1", "y": "2"})


def test_an_apply_creates_with_201_and_changes_with_200(client: Client, namespace: str) -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: '1'\n"
    made = client.apply(_configs(namespace, "a"), config)
    assert made.status == 201
    again = client.apply(_configs(namespace, "a"), config_map("a", x="2"))
    assert (again.status, again.body["data"]) == (200, {"x": "2"})


def test_an_apply_of_a_value_of_another_type_fails_as_the_real_one_does(
    client: Client, namespace: str
) -> None:
    # YAML's `on` is a boolean, and the values of data are strings.
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: on}\n"
    answer = client.apply(_configs(namespace, "a"), config)
    assert answer.status == 500
    assert "failed to create typed patch object" in answer.body["message"]


def test_an_apply_needs_a_manager(client: Client, namespace: str) -> None:
    answer = client.request(
        "PATCH", _configs(namespace, "a"), config_map("a"), content_type="application/apply-patch+yaml"
    )
    assert answer.status == 422
    assert "fieldManager: Required value: is required for apply patch" in answer.body["message"]


@pytest.mark.parametrize("kind", ["application/apply-patch+cbor", "text/plain", "application/cbor"])
def test_bodies_of_unknown_form_are_refused(client: Client, namespace: str, kind: str) -> None:
    answer = client.request("PATCH", _configs(namespace, "a") + "?fieldManager=m", "{}", content_type=kind)
    assert (answer.status, answer.body["reason"]) == (415, "UnsupportedMediaType")


def test_a_malformed_body_is_a_bad_request(client: Client, namespace: str) -> None:
    assert client.post(_configs(namespace), "{nonsense").status == 400
    assert client.post(_configs(namespace), "[1]").status == 400


def test_an_object_of_another_name_kind_or_namespace_is_refused(client: Client, namespace: str) -> None:
    client.post(_configs(namespace), config_map("a"))
    assert client.put(_configs(namespace, "a"), config_map("b")).status == 400
    assert client.post(_configs(namespace), {**config_map("c"), "kind": "Secret"}).status == 400
    elsewhere = {**config_map("d"), "metadata": {"name": "d", "namespace": "default"}}
    assert client.post(_configs(namespace), elsewhere).status == 400


def test_unknown_fields_are_refused_or_warned_of(client: Client, namespace: str) -> None:
    wrong = {**config_map("a"), "foo": 1}
    strict = client.post(_configs(namespace) + "?fieldValidation=Strict", wrong)
    assert strict.status == 400
    assert 'strict decoding error: unknown field "foo"' in strict.body["message"]
    warned = client.post(_configs(namespace), wrong)
    assert warned.status == 201
    assert warned.headers["warning"] == '299 - "unknown field \\"foo\\""'


def test_lists_come_in_parts_that_show_one_state(client: Client, namespace: str) -> None:
    for name in "abcd":
        client.post(_configs(namespace), config_map(name))
    first = client.get(_configs(namespace) + "?limit=2")
    token = first.body["metadata"]["continue"]
    assert first.body["metadata"]["remainingItemCount"] == 3
    client.delete(_configs(namespace, "d"))
    second = client.get(_configs(namespace) + f"?limit=9&continue={token}")
    names = [one["metadata"]["name"] for one in first.body["items"] + second.body["items"]]
    assert names == ["a", "b", "c", "d", "kube-root-ca.crt"]
    assert second.body["metadata"]["resourceVersion"] == first.body["metadata"]["resourceVersion"]
    assert (
        client.get(
            _configs(namespace)
            + "?limit=1&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJ4LzEifQ"
        ).status
        == 410
    )


def test_items_of_built_in_kinds_do_not_repeat_their_kind(client: Client, namespace: str) -> None:
    body = client.get(_configs(namespace)).body
    assert body["kind"] == "ConfigMapList"
    assert "kind" not in body["items"][0]


def test_a_list_from_the_future_is_a_timeout(client: Client, namespace: str) -> None:
    answer = client.get(_configs(namespace) + "?resourceVersion=99999999")
    assert answer.status == 504
    assert answer.body["message"].startswith("Timeout: Too large resource version: 99999999, current: ")


def test_an_unknown_field_selector_is_a_bad_request(client: Client, namespace: str) -> None:
    assert client.get(_configs(namespace) + "?fieldSelector=data.x%3D1").status == 400


def test_tables_have_the_columns_that_people_know(client: Client, namespace: str) -> None:
    client.post(_configs(namespace), config_map("a", x="1", y="2"))
    table = client.get(_configs(namespace), Accept=TABLE).body
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert table["rows"][0]["cells"][:2] == ["a", 2]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


def test_metadata_only_is_given_to_who_asks_for_it(client: Client, namespace: str) -> None:
    client.post(_configs(namespace), config_map("a", x="1"))
    form = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    body = client.get(_configs(namespace), Accept=form).body
    assert body["kind"] == "PartialObjectMetadataList"
    assert "data" not in body["items"][0]


def test_objects_are_given_as_yaml_to_who_asks_for_it(client: Client, namespace: str) -> None:
    client.post(_configs(namespace), config_map("a", x="1"))
    answer = client.get(_configs(namespace, "a"), Accept="application/yaml")
    assert yaml.safe_load(answer.body)["data"] == {"x": "1"}


def test_only_protobuf_is_not_acceptable(client: Client, namespace: str) -> None:
    assert client.get(_configs(namespace), Accept="application/vnd.kubernetes.protobuf").status == 406


def test_a_collection_is_deleted_by_selector(client: Client, namespace: str) -> None:
    for name in "ab":
        client.post(
            _configs(namespace), {**config_map(name), "metadata": {"name": name, "labels": {"n": name}}}
        )
    answer = client.delete(_configs(namespace) + "?labelSelector=n%3Da")
    assert [one["metadata"]["name"] for one in answer.body["items"]] == ["a"]
    assert client.get(_configs(namespace, "b")).status == 200
    assert client.get(_configs(namespace, "a")).status == 404


def test_delete_options_come_in_the_body(client: Client, namespace: str) -> None:
    client.post(_configs(namespace), config_map("a"))
    refused = client.delete(_configs(namespace, "a"), {"preconditions": {"uid": "other"}})
    assert refused.status == 409
    tried = client.delete(_configs(namespace, "a"), {"dryRun": ["All"]})
    assert tried.status == 200
    assert client.get(_configs(namespace, "a")).status == 200
    wrong = client.delete(_configs(namespace, "a"), {"propagationPolicy": "Sideways"})
    assert wrong.status == 422


def test_replicas_are_scaled_through_their_subresource(client: Client, namespace: str) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    client.post(
        path, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}
    )
    scale = client.get(f"{path}/d/scale").body
    assert (scale["kind"], scale["spec"]["replicas"], scale["status"]["selector"]) == ("Scale", 1, "a=b")
    client.put(f"{path}/d/scale", {**scale, "spec": {"replicas": 3}})
    live = client.merge(f"{path}/d/scale", {"spec": {"replicas": 4}})
    assert live.body["spec"]["replicas"] == 4
    managers = client.get(f"{path}/d").body["metadata"]["managedFields"]
    assert any(entry.get("subresource") == "scale" for entry in managers)


def test_a_pod_is_bound_once(client: Client, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    spec = {"containers": [{"name": "c", "image": "i"}]}
    client.post(path, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "p"},
        "target": {"kind": "Node", "name": "n"},
    }
    assert client.post(f"{path}/p/binding", binding).status == 201
    assert client.get(f"{path}/p").body["spec"]["nodeName"] == "n"
    assert client.post(f"{path}/p/binding", binding).status == 409


def test_discovery_tells_groups_one_by_one_and_all_at_once(client: Client) -> None:
    apps = client.get("/apis/apps/v1").body
    entry = next(one for one in apps["resources"] if one["name"] == "deployments")
    assert entry["shortNames"] == ["deploy"]
    assert any(
        one["name"] == "deployments/scale" and one["group"] == "autoscaling" for one in apps["resources"]
    )
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
    together = client.get("/apis", Accept=accept)
    assert "as=APIGroupDiscoveryList" in together.headers["content-type"]
    assert any(one["metadata"]["name"] == "apps" for one in together.body["items"])
    assert client.get("/apis/nothing.example.org").status == 404
    assert client.get("/apis/apps/v9").status == 404


def test_open_api_names_the_types_and_what_can_be_asked_of_them(client: Client) -> None:
    index = client.get("/openapi/v3").body["paths"]
    document = client.get(index["apis/apps/v1"]["serverRelativeURL"]).body
    assert "io.k8s.api.apps.v1.Deployment" in document["components"]["schemas"]
    patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert {"dryRun", "fieldManager", "fieldValidation", "force"} == {
        one["name"] for one in patch["parameters"]
    }
    assert client.get("/openapi/v2").body["swagger"] == "2.0"


def test_custom_resources_are_served_documented_and_shown_by_their_columns(
    client: Client, namespace: str
) -> None:
    columns = [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}]
    crd = definition(plural="gizmos", kind="Gizmo", additionalPrinterColumns=columns)
    crd["spec"]["names"].pop("shortNames")
    assert client.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd).status == 201
    path = f"/apis/example.org/v1/namespaces/{namespace}/gizmos"
    made = client.post(
        path,
        {"apiVersion": "example.org/v1", "kind": "Gizmo", "metadata": {"name": "g"}, "spec": {"size": 3}},
    )
    assert made.status == 201
    wrong = client.post(
        path,
        {"apiVersion": "example.org/v1", "kind": "Gizmo", "metadata": {"name": "h"}, "spec": {"size": "x"}},
    )
    assert wrong.status == 422
    table = client.get(path, Accept=TABLE).body
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Size"]
    assert table["rows"][0]["cells"] == ["g", 3]
    assert client.get(path).body["items"][0]["kind"] == "Gizmo"
    document = client.get("/openapi/v3/apis/example.org/v1").body
    assert "org.example.v1.Gizmo" in document["components"]["schemas"]
    strategic = client.request(
        "PATCH", f"{path}/g", {}, content_type="application/strategic-merge-patch+json"
    )
    assert strategic.status == 415


def test_unknown_paths_methods_and_subresources_have_their_own_answers(
    client: Client, namespace: str
) -> None:
    assert client.get("/apis/example.net/v1/things").status == 404
    assert client.get(f"/api/v1/namespaces/{namespace}/nodes").status == 404
    assert client.request("PUT", _configs(namespace), {}).status == 405
    assert client.get(_configs(namespace, "a") + "/scale").status == 404
    assert client.get("/nonsense").status == 404


def test_requests_under_a_foreign_name_are_refused(client: Client) -> None:
    assert client.get("/version", Host="evil.example").status == 421
    assert client.get("/version", Host="localhost:1").status == 200


def test_a_deprecated_version_warns(client: Client, namespace: str) -> None:
    crd = definition(plural="relics", kind="Relic", deprecated=True)
    crd["spec"]["names"].pop("shortNames")
    client.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
    answer = client.get(f"/apis/example.org/v1/namespaces/{namespace}/relics")
    assert answer.headers["warning"] == '299 - "example.org/v1 Relic is deprecated"'


@pytest.mark.slow
def test_the_server_by_itself_starts_answers_and_stops_on_request(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "jx.adapters.local.kubernetes",
        "--dir",
        str(tmp_path / "state"),
        "--name",
        "mine",
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as running:
        config = tmp_path / "state" / "admin.kubeconfig"
        _wait_for(config.exists)
        url = urlsplit(yaml.safe_load(config.read_text())["clusters"][0]["cluster"]["server"])
        again = subprocess.run(
            [*command, "--port", str(url.port)], capture_output=True, text=True, env=environment, check=False
        )
        running.terminate()
        assert running.wait(10) == 0
        assert running.stderr is not None
        assert running.stderr.read() == ""
    assert again.returncode == 1
    assert again.stderr.startswith("the API server cannot start on 127.0.0.1:")
    assert "Traceback" not in again.stderr


def _wait_for(condition: Callable[[], bool]) -> None:
    """Looks until a condition holds; 10 seconds at most."""
    pause = threading.Event()
    for _ in range(1000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen in 10 seconds")
