"""Versions that differ, groups that share a store, and bodies that say a thing twice."""

from __future__ import annotations

import json

import pytest
from tests.support.kubernetes_server import Client, Obj

from jx.adapters.local.kubernetes.types import conversions, strictness

TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}


def scaler(version: str, **spec: object) -> Obj:
    return {
        "apiVersion": f"autoscaling/{version}",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "a"},
        "spec": {"scaleTargetRef": TARGET, "maxReplicas": 3, **spec},
    }


def path(namespace: str, version: str) -> str:
    return f"/apis/autoscaling/{version}/namespaces/{namespace}/horizontalpodautoscalers"


def test_an_autoscaler_is_one_object_in_both_versions(client: Client, namespace: str) -> None:
    made = client.post(path(namespace, "v1"), scaler("v1", targetCPUUtilizationPercentage=70)).body
    assert (made["apiVersion"], made["spec"]["targetCPUUtilizationPercentage"]) == ("autoscaling/v1", 70)
    assert "metrics" not in made["spec"]
    newer = client.get(path(namespace, "v2") + "/a").body
    target = {"type": "Utilization", "averageUtilization": 70}
    assert newer["apiVersion"] == "autoscaling/v2"
    assert newer["spec"]["metrics"] == [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    (item,) = client.get(path(namespace, "v1")).body["items"]
    assert item["spec"]["targetCPUUtilizationPercentage"] == 70
    client.merge(path(namespace, "v1") + "/a", {"spec": {"targetCPUUtilizationPercentage": 60}})
    newest = client.get(path(namespace, "v2") + "/a").body
    assert newest["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 60


def test_what_an_older_version_has_no_field_for_is_noted() -> None:
    target = {"type": "AverageValue", "averageValue": "9"}
    pods = {"type": "Pods", "pods": {"metric": {"name": "hits"}, "target": target}}
    about = {"kind": "Service", "name": "s"}
    value = {"metric": {"name": "load"}, "describedObject": about, "target": {"type": "Value", "value": "3"}}
    service = {"type": "Object", "object": value}
    behaviour = {"scaleUp": {"stabilizationWindowSeconds": 0}}
    newer = scaler("v2", metrics=[pods, service], behavior=behaviour)
    older = conversions.as_version(newer, "autoscaling/v1")
    notes = older["metadata"]["annotations"]
    assert json.loads(notes["autoscaling.alpha.kubernetes.io/metrics"]) == [
        {"type": "Pods", "pods": {"metricName": "hits", "targetAverageValue": "9"}},
        {"type": "Object", "object": {"metricName": "load", "target": about, "targetValue": "3"}},
    ]
    assert older["spec"].keys() == {"scaleTargetRef", "maxReplicas"}
    assert conversions.as_version(older, "autoscaling/v2") == newer


def test_events_of_both_groups_are_the_same_events(client: Client, namespace: str) -> None:
    core = f"/api/v1/namespaces/{namespace}/events"
    newer = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
    event: Obj = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": namespace},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "regarding": {"kind": "Pod", "name": "a", "namespace": namespace},
        "reason": "Testing",
        "action": "Test",
        "note": "hello",
        "type": "Normal",
        "reportingController": "tests.example.org/x",
        "reportingInstance": "x-1",
    }
    assert client.post(newer, event).status == 201
    found = client.get(f"{core}/e").body
    assert (found["message"], found["involvedObject"]["name"]) == ("hello", "a")
    assert (found["apiVersion"], found["reportingComponent"]) == ("v1", "tests.example.org/x")
    (listed,) = client.get(newer).body["items"]
    assert (listed["note"], listed["regarding"]["kind"]) == ("hello", "Pod")
    selected = client.get(f"{core}?fieldSelector=involvedObject.name%3Da").body["items"]
    assert len(selected) == 1
    assert client.delete(f"{core}/e").status == 200
    assert client.get(f"{newer}/e").status == 404


def test_a_watch_shows_events_in_its_own_group(client: Client, namespace: str) -> None:
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": namespace},
        "involvedObject": {"kind": "Pod", "name": "a", "namespace": namespace},
        "message": "hello",
    }
    client.post(f"/api/v1/namespaces/{namespace}/events", event)
    with client.watch(f"/apis/events.k8s.io/v1/namespaces/{namespace}/events?watch=1") as events:
        assert next(events)["object"]["note"] == "hello"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"a": 1, "b": {"c": [{"d": 1, "d": 2}]}}', ['duplicate field "b.c[0].d"']),
        (b'{"a": 1, "a": 2, "a": 3}', ['duplicate field "a"']),
        (b'{"a": "\\": \\":", "b": {"a": 1}}', []),
        (b'{"a": {"x": 1}, "b": [{"x": 1}, {"x": 2}]}', []),
        (b"a: 1\nb:\n  c: 1\n  c: 2\n", ['yaml: unmarshal errors:\n  line 4: key "c" already set in map']),
        (b"a: 1\nb: [{c: 1}, {c: 2}]\n", []),
        (b"a: [", []),
    ],
)
def test_keys_that_stand_twice_are_found(body: bytes, told: list[str]) -> None:
    parsed = json.loads(body) if body[:1] == b"{" else None
    assert strictness.duplicates(body, parsed) == told


@pytest.mark.parametrize(("validation", "status"), [("Strict", 400), ("Warn", 201), ("Ignore", 201)])
def test_a_key_that_stands_twice_is_an_error_or_a_warning(
    client: Client, namespace: str, validation: str, status: int
) -> None:
    body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"1","x":"2"}}'
    answer = client.post(f"/api/v1/namespaces/{namespace}/configmaps?fieldValidation={validation}", body)
    assert answer.status == status
    if validation == "Strict":
        assert answer.body["message"].endswith('strict decoding error: duplicate field "data.x"')
    else:
        assert answer.body["data"] == {"x": "2"}
    assert ("duplicate field" in answer.headers.get("warning", "")) is (validation == "Warn")
