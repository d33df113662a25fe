"""The API in process: what each verb does to an object, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.support.kubernetes_server import config_map, definition

from jx.adapters.local.kubernetes.api import Api, ApiError, Obj, WatchEvent


@pytest.fixture
def api() -> Iterator[Api]:
    opened = Api.open(None)
    yield opened
    opened.close()


def _create(api: Api, obj: Obj, namespace: str = "default") -> Obj:
    group = obj["apiVersion"].rpartition("/")[0]
    return api.create(api.resource(group, obj["kind"]), namespace, obj, manager="tester")


def _config(api: Api, name: str = "a", **data: str) -> Obj:
    return _create(api, config_map(name, **data))


def _refused(call: Any, *arguments: Any, **options: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        call(*arguments, **options)
    return caught.value


def test_a_created_object_gets_what_the_server_writes(api: Api) -> None:
    made = _config(api, x="1")
    meta = made["metadata"]
    assert meta["namespace"] == "default"
    assert meta["uid"]
    assert meta["creationTimestamp"].endswith("Z")
    assert meta["resourceVersion"]
    assert meta["managedFields"][0]["manager"] == "tester"
    assert api.get(api.resource("", "configmaps"), "default", "a") == made


def test_a_taken_name_is_refused(api: Api) -> None:
    _config(api)
    error = _refused(_config, api)
    assert (error.status, error.reason) == (409, "AlreadyExists")
    assert error.message == 'configmaps "a" already exists'


def test_generated_names_begin_as_asked(api: Api) -> None:
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "run-"}}
    names = {_create(api, obj)["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("run-") and len(name) == 9 for name in names)


def test_nothing_is_made_in_a_missing_namespace(api: Api) -> None:
    error = _refused(_create, api, config_map("a"), "nowhere")
    assert (error.status, error.message) == (404, 'namespaces "nowhere" not found')


def test_an_update_of_an_older_state_is_refused(api: Api) -> None:
    configs = api.resource("", "configmaps")
    first = _config(api, x="1")
    api.update(configs, "default", "a", {**first, "data": {"x": "2"}}, manager="tester")
    error = _refused(api.update, configs, "default", "a", {**first, "data": {"x": "3"}}, manager="tester")
    assert (error.status, error.reason) == (409, "Conflict")
    assert error.message.startswith(
        'Operation cannot be fulfilled on configmaps "a": the object has been modified'
    )


def test_an_update_that_changes_nothing_keeps_the_revision(api: Api) -> None:
    configs = api.resource("", "configmaps")
    first = _config(api, x="1")
    same = api.update(configs, "default", "a", first, manager="tester")
    assert same["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_returned_objects_are_the_callers_own(api: Api) -> None:
    configs = api.resource("", "configmaps")
    made = _config(api, x="1")
    made["data"]["x"] = "changed"
    listed = api.list(configs, "default", fields="metadata.name=a")
    listed[0]["data"]["x"] = "changed"
    assert api.get(configs, "default", "a")["data"] == {"x": "1"}


def test_a_given_object_is_not_changed_and_not_kept(api: Api) -> None:
    given = config_map("a", x="1")
    _create(api, given)
    given["data"]["x"] = "changed"
    assert given == config_map("a", x="changed")
    assert api.get(api.resource("", "configmaps"), "default", "a")["data"] == {"x": "1"}


def test_lists_are_chosen_by_labels_and_fields(api: Api) -> None:
    for name in ("a", "b"):
        _create(api, {**config_map(name), "metadata": {"name": name, "labels": {"app": name}}})
    configs = api.resource("", "configmaps")
    assert [one["metadata"]["name"] for one in api.list(configs, labels="app in (b, c)")] == ["b"]
    assert [one["metadata"]["name"] for one in api.list(configs, "default", fields="metadata.name=a")] == [
        "a"
    ]


def _deployment(replicas: int = 1) -> Obj:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def test_the_generation_counts_changes_of_the_specification_only(api: Api) -> None:
    deployments = api.resource("apps", "deployments")
    _create(api, _deployment())

    def merged(patch: Obj, subresource: str = "") -> int:
        made = api.merge(deployments, "default", "web", patch, subresource=subresource, manager="tester")
        generation: int = made["metadata"]["generation"]
        return generation

    assert merged({"metadata": {"labels": {"x": "y"}}}) == 1
    assert merged({"status": {"observedGeneration": 1}}, "status") == 1
    assert merged({"spec": {"replicas": 2}}) == 2


def test_status_is_written_through_its_subresource_only(api: Api) -> None:
    deployments = api.resource("apps", "deployments")
    _create(api, {**_deployment(), "status": {"replicas": 7}})
    patch = {"status": {"replicas": 5}, "spec": {"replicas": 9}}
    main = api.merge(deployments, "default", "web", patch, manager="tester")
    assert "replicas" not in main.get("status", {})
    status = api.merge(
        deployments, "default", "web", {**patch, "spec": {"replicas": 3}}, subresource="status", manager="t"
    )
    assert status["status"]["replicas"] == 5
    assert status["spec"]["replicas"] == 9


def test_an_apply_takes_back_what_it_no_longer_says(api: Api) -> None:
    configs = api.resource("", "configmaps")
    api.apply(configs, "default", "a", config_map("a", x="1", y="2"), manager="one")
    second = api.apply(configs, "default", "a", config_map("a", x="1"), manager="one")
    assert second["data"] == {"x": "1"}


def test_an_apply_over_another_managers_field_is_a_conflict(api: Api) -> None:
    configs = api.resource("", "configmaps")
    api.apply(configs, "default", "a", config_map("a", x="1"), manager="one")
    error = _refused(api.apply, configs, "default", "a", config_map("a", x="2"), manager="two")
    assert (error.status, error.reason) == (409, "Conflict")
    assert error.message == 'Apply failed with 1 conflict: conflict with "one": .data.x'
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.x"}
    assert error.details["causes"] == [cause]
    forced = api.apply(configs, "default", "a", config_map("a", x="2"), manager="two", force=True)
    assert forced["data"] == {"x": "2"}


def test_an_apply_of_a_missing_object_with_a_uid_is_a_conflict(api: Api) -> None:
    obj = {**config_map("a"), "metadata": {"name": "a", "uid": "u-1"}}
    error = _refused(api.apply, api.resource("", "configmaps"), "default", "a", obj, manager="one")
    assert error.status == 409
    assert (
        "uid mismatch: the provided object specified uid u-1, and no existing object was found"
        in error.message
    )


def test_a_dry_run_shows_the_outcome_and_changes_nothing(api: Api) -> None:
    configs = api.resource("", "configmaps")
    shown = api.apply(configs, "default", "a", config_map("a", x="1"), manager="one", dry_run=True)
    assert shown["data"] == {"x": "1"}
    assert _refused(api.get, configs, "default", "a").status == 404


def test_a_delete_can_ask_for_one_very_object(api: Api) -> None:
    configs = api.resource("", "configmaps")
    made = _config(api)
    assert _refused(api.delete, configs, "default", "a", uid="other").status == 409
    assert _refused(api.delete, configs, "default", "a", resource_version="1").status == 409
    api.delete(configs, "default", "a", uid=made["metadata"]["uid"])
    assert _refused(api.get, configs, "default", "a").status == 404


def test_a_finalizer_holds_a_deleted_object_until_it_is_taken_away(api: Api) -> None:
    configs = api.resource("", "configmaps")
    _create(api, {**config_map("a"), "metadata": {"name": "a", "finalizers": ["example.org/hold"]}})
    marked = api.delete(configs, "default", "a")
    assert "deletionTimestamp" in marked["metadata"]
    error = _refused(
        api.merge,
        configs,
        "default",
        "a",
        {"metadata": {"finalizers": ["example.org/more"]}},
        manager="tester",
    )
    assert error.status == 422
    assert "no new finalizers can be added if the object is being deleted" in error.message
    api.merge(configs, "default", "a", {"metadata": {"finalizers": None}}, manager="tester")
    assert _refused(api.get, configs, "default", "a").status == 404


def _pod(name: str = "p", node: str = "") -> Obj:
    spec: Obj = {"containers": [{"name": "c", "image": "i"}]}
    if node:
        spec["nodeName"] = node
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def test_a_pod_on_a_node_is_marked_and_goes_when_its_node_says_so(api: Api) -> None:
    pods = api.resource("", "pods")
    _create(api, _pod(node="n"))
    marked = api.delete(pods, "default", "p")
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    api.delete(pods, "default", "p", grace_seconds=0)
    assert _refused(api.get, pods, "default", "p").status == 404


def test_a_pod_without_a_node_goes_at_once(api: Api) -> None:
    _create(api, _pod())
    api.delete(api.resource("", "pods"), "default", "p")
    assert api.list(api.resource("", "pods")) == []


def test_services_get_addresses_of_their_own_and_keep_them(api: Api) -> None:
    services = api.resource("", "services")
    ports = {"ports": [{"port": 80}]}
    made = [
        _create(api, {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": dict(ports)})
        for name in ("a", "b")
    ]
    addresses = [one["spec"]["clusterIP"] for one in made]
    assert len(set(addresses)) == 2
    assert all(address.startswith("127.96.") for address in addresses)
    changed = {**made[0], "spec": {"ports": [{"port": 81}]}}
    assert api.update(services, "default", "a", changed, manager="t")["spec"]["clusterIP"] == addresses[0]


def test_listeners_hear_every_change_in_order(api: Api) -> None:
    heard: list[WatchEvent] = []
    leave = api.subscribe(heard.append)
    configs = api.resource("", "configmaps")
    _config(api, x="1")
    api.merge(configs, "default", "a", {"data": {"x": "2"}}, manager="tester")
    api.delete(configs, "default", "a")
    leave()
    _config(api, "b")
    assert [(one.type, one.resource.kind) for one in heard] == [
        ("ADDED", "ConfigMap"),
        ("MODIFIED", "ConfigMap"),
        ("DELETED", "ConfigMap"),
    ]
    assert heard[1].old is not None
    assert heard[1].old["data"] == {"x": "1"}


def test_a_namespace_is_furnished_and_emptied(api: Api) -> None:
    namespaces, configs = api.resource("", "namespaces"), api.resource("", "configmaps")
    api.create(
        namespaces, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}, manager="t"
    )
    assert api.get(api.resource("", "serviceaccounts"), "n", "default")
    assert "BEGIN CERTIFICATE" in api.get(configs, "n", "kube-root-ca.crt")["data"]["ca.crt"]
    _create(
        api, {**config_map("held"), "metadata": {"name": "held", "finalizers": ["example.org/hold"]}}, "n"
    )
    api.delete(namespaces, "", "n")
    assert api.get(namespaces, "", "n")["status"]["phase"] == "Terminating"
    error = _refused(_create, api, config_map("late"), "n")
    assert error.status == 403
    assert "because it is being terminated" in error.message
    api.merge(configs, "n", "held", {"metadata": {"finalizers": None}}, manager="t")
    assert _refused(api.get, namespaces, "", "n").status == 404


def test_some_namespaces_stay_for_ever(api: Api) -> None:
    error = _refused(api.delete, api.resource("", "namespaces"), "", "default")
    assert error.status == 403
    assert error.message == 'namespaces "default" is forbidden: this namespace may not be deleted'


def test_an_unserved_kind_is_not_found(api: Api) -> None:
    assert _refused(api.resource, "example.org", "gadgets").status == 404


def test_custom_resources_can_be_made_as_soon_as_their_definition_is(api: Api) -> None:
    _create(api, definition(), "")
    live = api.get(
        api.resource("apiextensions.k8s.io", "customresourcedefinitions"), "", "gadgets.example.org"
    )
    held = {one["type"]: one["status"] for one in live["status"]["conditions"]}
    assert held == {"NamesAccepted": "True", "Established": "True"}
    made = _create(
        api,
        {
            "apiVersion": "example.org/v1",
            "kind": "Gadget",
            "metadata": {"name": "g"},
            "spec": {"size": 1, "x": 2},
        },
    )
    assert made["spec"] == {"size": 1}
    assert made["metadata"]["generation"] == 1


def test_a_definition_takes_its_objects_with_it(api: Api) -> None:
    _create(api, definition(), "")
    held = {"name": "g", "finalizers": ["example.org/hold"]}
    _create(api, {"apiVersion": "example.org/v1", "kind": "Gadget", "metadata": held})
    definitions = api.resource("apiextensions.k8s.io", "customresourcedefinitions")
    gadgets = api.resource("example.org", "gadgets")
    api.delete(definitions, "", "gadgets.example.org")
    assert "deletionTimestamp" in api.get(gadgets, "default", "g")["metadata"]
    api.merge(gadgets, "default", "g", {"metadata": {"finalizers": None}}, manager="t")
    assert _refused(api.get, definitions, "", "gadgets.example.org").status == 404
    assert _refused(api.resource, "example.org", "gadgets").status == 404


def test_a_definition_that_cannot_be_served_is_refused_with_all_its_mistakes(api: Api) -> None:
    wrong = definition()
    wrong["metadata"]["name"] = "other.example.org"
    wrong["spec"]["versions"][0]["storage"] = False
    error = _refused(_create, api, wrong, "")
    assert error.status == 422
    assert "must be spec.names.plural" in error.message
    assert "exactly one version marked as storage version" in error.message


def test_a_second_kind_of_the_same_name_is_not_established(api: Api) -> None:
    _create(api, definition(), "")
    _create(api, definition(plural="widgets"), "")
    second = api.get(
        api.resource("apiextensions.k8s.io", "customresourcedefinitions"), "", "widgets.example.org"
    )
    assert {one["type"]: one["status"] for one in second["status"]["conditions"]}["Established"] == "False"
    assert _refused(api.resource, "example.org", "widgets").status == 404


def test_everything_is_as_it_was_after_a_restart(tmp_path: Path) -> None:
    first = Api.open(tmp_path)
    _create(first, definition(), "")
    gadget = _create(first, {"apiVersion": "example.org/v1", "kind": "Gadget", "metadata": {"name": "g"}})
    token = first.token_for("default", "default")
    first.close()
    again = Api.open(tmp_path)
    assert again.get(again.resource("example.org", "gadgets"), "default", "g") == gadget
    user = again.accounts.user_of(token)
    assert user is not None
    assert user.name == "system:serviceaccount:default:default"
    revision = again.verbs.store.revision
    again.close()
    third = Api.open(tmp_path)
    assert third.verbs.store.revision == revision
    third.close()


def _service(name: str, **spec: Any) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": [{"port": 80}], **spec},
    }


def test_an_address_in_use_is_refused(api: Api) -> None:
    address = _create(api, _service("a"))["spec"]["clusterIP"]
    error = _refused(_create, api, _service("b", clusterIP=address))
    assert error.status == 422
    assert "provided IP is already allocated" in error.message
    assert _create(api, _service("c", clusterIP="None"))["spec"]["clusterIP"] == "None"
    assert _create(api, _service("d", clusterIP="None"))["spec"]["clusterIP"] == "None"


def test_services_of_nodes_get_ports_of_their_own_and_keep_them(api: Api) -> None:
    made = [_create(api, _service(name, type="NodePort")) for name in ("a", "b")]
    ports = [one["spec"]["ports"][0]["nodePort"] for one in made]
    assert len(set(ports)) == 2
    patch = {"spec": {"ports": [{"port": 80, "protocol": "TCP", "targetPort": 8080}]}}
    changed = api.merge(api.resource("", "services"), "default", "a", patch, manager="t")
    assert changed["spec"]["ports"][0]["nodePort"] == ports[0]


def test_readers_and_writers_in_many_threads_do_not_disturb_each_other(api: Api) -> None:
    configs = api.resource("", "configmaps")

    def work(worker: int) -> None:
        for number in range(20):
            _config(api, f"w{worker}-{number}")
            assert len(api.list(configs, "default")) > number

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(api.list(configs, "default")) == 81
