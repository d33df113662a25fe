"""Watches: every change once, in order, from any kept revision."""

from __future__ import annotations

from pathlib import Path

from tests.support.kubernetes_server import Client, admin, config_map

from jx.adapters.local.kubernetes.serve import Server


def _path(namespace: str, query: str = "") -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps{query}"


def test_a_watch_from_a_list_tells_what_came_after_it(client: Client, namespace: str) -> None:
    client.post(_path(namespace), config_map("before"))
    revision = client.get(_path(namespace)).body["metadata"]["resourceVersion"]
    client.post(_path(namespace), config_map("between"))
    with client.watch(_path(namespace, f"?watch=1&resourceVersion={revision}")) as events:
        first = next(events)
        client.merge(_path(namespace, "/between"), {"data": {"x": "1"}})
        client.delete(_path(namespace, "/between"))
        told = [first, next(events), next(events)]
    assert [(one["type"], one["object"]["metadata"]["name"]) for one in told] == [
        ("ADDED", "between"),
        ("MODIFIED", "between"),
        ("DELETED", "between"),
    ]
    revisions = [int(one["object"]["metadata"]["resourceVersion"]) for one in told]
    assert revisions == sorted(set(revisions))
    assert told[0]["object"]["kind"] == "ConfigMap"


def test_a_watch_without_a_revision_begins_with_what_is_there(client: Client, namespace: str) -> None:
    client.post(_path(namespace), config_map("a"))
    with client.watch(_path(namespace, "?watch=1&fieldSelector=metadata.name%3Da")) as events:
        assert next(events)["type"] == "ADDED"


def test_the_end_of_the_initial_events_is_marked_for_who_asks(client: Client, namespace: str) -> None:
    query = "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    with client.watch(_path(namespace, query)) as events:
        assert next(events)["object"]["metadata"]["name"] == "kube-root-ca.crt"
        mark = next(events)
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_entering_and_leaving_a_selection_look_like_birth_and_death(client: Client, namespace: str) -> None:
    client.post(_path(namespace), config_map("a"))
    revision = client.get(_path(namespace)).body["metadata"]["resourceVersion"]
    with client.watch(_path(namespace, f"?watch=1&labelSelector=on&resourceVersion={revision}")) as events:
        client.merge(_path(namespace, "/a"), {"metadata": {"labels": {"on": "1"}}})
        client.merge(_path(namespace, "/a"), {"data": {"x": "1"}})
        client.merge(_path(namespace, "/a"), {"metadata": {"labels": None}})
        assert [next(events)["type"] for _ in range(3)] == ["ADDED", "MODIFIED", "DELETED"]


def test_a_forgotten_revision_is_told_as_an_error(tmp_path: Path) -> None:
    with Server(tmp_path) as first:
        admin(first).post(_path("default"), config_map("a"))
    # Changes are remembered by the process only.
    with (
        Server(tmp_path) as again,
        admin(again).watch(_path("default", "?watch=1&resourceVersion=1")) as events,
    ):
        told = list(events)
    assert [(one["type"], one["object"]["code"], one["object"]["reason"]) for one in told] == [
        ("ERROR", 410, "Expired")
    ]
    assert told[0]["object"]["message"].startswith("too old resource version: 1 (")


def test_other_namespaces_are_not_told(client: Client, namespace: str) -> None:
    revision = client.get(_path(namespace)).body["metadata"]["resourceVersion"]
    with client.watch(_path(namespace, f"?watch=1&resourceVersion={revision}")) as events:
        client.post(_path("default"), {**config_map(""), "metadata": {"generateName": "x-"}})
        client.post(_path(namespace), config_map("mine"))
        assert next(events)["object"]["metadata"]["name"] == "mine"


def test_a_watch_ends_when_its_time_is_over(client: Client, namespace: str) -> None:
    revision = client.get(_path(namespace)).body["metadata"]["resourceVersion"]
    with client.watch(_path(namespace, f"?watch=1&timeoutSeconds=1&resourceVersion={revision}")) as events:
        assert list(events) == []


def test_a_watch_of_the_future_waits_for_it(client: Client, namespace: str) -> None:
    with client.watch(_path(namespace, "?watch=1&timeoutSeconds=1&resourceVersion=99999999")) as events:
        client.post(_path(namespace), config_map("a"))
        assert list(events) == []


def test_a_stopping_server_ends_its_watches(tmp_path: Path) -> None:
    running = Server(tmp_path)
    running.start()
    with admin(running).watch("/api/v1/configmaps?watch=1&fieldSelector=metadata.name%3Dnone") as events:
        running.stop()
        assert list(events) == []
