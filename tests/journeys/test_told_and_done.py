"""What the comment on a pull request tells is what the apply of its merge does, by the API server's own log: each operation on
each field of each object. An app is added, upgraded and deleted, and added again over what was kept of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.places import make_place
from tests.support.told import Operations
from tests.support.touring import Tour
from tests.support.worlds import config_map, definition, deployment, secret

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.api import Api
from jx.adapters.local.kubernetes.serve import Server

Body = dict[str, Any]


def stateful_set(image: str) -> Body:
    """With a claim, within which the API server adds defaults although the list is ours as a whole."""
    body = copy.deepcopy(deployment("db", image))
    spec = body["spec"]["template"]["spec"]
    spec["hostNetwork"] = False  # a zero, which the API server does not keep
    spec["containers"][0]["env"] = [
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    ]
    spec["containers"][0]["resources"] = {"limits": {"cpu": "1000m", "memory": "0.5Gi"}}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    body["kind"] = "StatefulSet"
    body["spec"] |= {
        "serviceName": "db",
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
    }
    return body


def hook(name: str, *, policy: str) -> Body:
    notes = {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": policy}
    return config_map(name, {"of": name}, annotations=notes)


def role(*verbs: str) -> Body:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": list(verbs)}]
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "reader"}}
    return {**kind, "rules": rules}


@pytest.fixture
def tour(tmp_path: Path) -> Iterator[Tour]:
    log = tmp_path / "audit.log"
    with Server(tmp_path / "kubernetes", audit_log=log) as server:
        api = Api.connect(kubeconfig.load([server.kubeconfig]), SystemClock())
        yield Tour(make_place(api), log)
        api.close()


def whats(operations: Operations) -> dict[str, str]:
    return {f"{one.kind}/{one.name}": operation.what for one, operation in operations.items()}


def test_each_field_that_is_told_is_what_the_api_server_was_asked_for_and_no_other(tour: Tour) -> None:
    world, place = tour.place.world, tour.place
    crd = definition("example.com", "Widget")
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    crd["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": schema}
    world.offer(
        "shop", "1.0.0", stateful_set("db:1"), config_map("old", {"a": "1"}), secret("db", {"password": "hunter22"}),
        role("get"), crd, hook("before", policy="hook-succeeded"),
    )  # fmt: skip
    world.offer(
        "shop", "1.1.0", stateful_set("db:2"), config_map("new", {"a": "1"}),
        secret("db", {"password": "hunter23", "more": "hunter24"}), role("get", "list"), crd,
        hook("before", policy="hook-succeeded"), hook("again", policy="before-hook-creation"),
    )  # fmt: skip
    added = tour.merge(place.tree(shop="1.0.0"))
    assert added.differences == []
    assert set(whats(added.told).values()) == {"create", "run"}
    upgraded = tour.merge(place.tree(shop="1.1.0"))
    assert upgraded.differences == []
    assert whats(upgraded.told) == {
        "StatefulSet.apps/db": "change",
        "ConfigMap/old": "delete",
        "ConfigMap/new": "create",
        "Secret/db": "change",
        "Role.rbac.authorization.k8s.io/reader": "change",
        "ConfigMap/before": "run",
        "ConfigMap/again": "run",
    }
    image = {"spec.template.spec.containers[name=db].image"}
    assert next(one.fields for of, one in upgraded.told.items() if of.kind == "StatefulSet.apps") == image
    deleted = tour.merge(place.tree())
    assert deleted.differences == []
    assert set(whats(deleted.told).values()) == {"delete"}
    again = tour.merge(place.tree(shop="1.1.0"))
    assert again.differences == []
