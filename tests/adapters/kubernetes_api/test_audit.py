"""The audit log: all that the API is asked, in the form of Kubernetes' own, and no secret value."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.kubernetes_server import Client, admin, config_map

from jx.adapters.local.kubernetes.serve import Server

CONFIGS = "/api/v1/namespaces/default/configmaps"
SECRETS = "/api/v1/namespaces/default/secrets"


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    folder = tmp_path_factory.mktemp("audited")
    log = folder / "audit.log"
    with Server(folder / "kubernetes", audit_log=log) as server:
        yield server, log


def events(log: Path, *, path: str, verb: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in log.read_text().splitlines()]
    return [one for one in found if one["verb"] == verb and one["requestURI"].partition("?")[0] == path]


def test_a_write_is_told_with_what_was_sent_and_what_came_of_it(audited: tuple[Server, Path]) -> None:
    server, log = audited
    assert admin(server).post(CONFIGS, config_map("web", a="1")).status == 201
    (event,) = events(log, path=CONFIGS, verb="create")
    assert event["apiVersion"] == "audit.k8s.io/v1"
    assert (event["level"], event["stage"]) == ("RequestResponse", "ResponseComplete")
    assert event["user"]["username"] == "kubernetes-admin"
    wanted = {"resource": "configmaps", "namespace": "default", "name": "web", "apiVersion": "v1"}
    assert event["objectRef"] == wanted
    assert event["requestObject"]["data"] == {"a": "1"}
    assert event["responseObject"]["metadata"]["uid"]
    assert event["responseStatus"]["code"] == 201


def test_a_read_is_told_without_what_was_read(audited: tuple[Server, Path]) -> None:
    server, log = audited
    admin(server).get(f"{CONFIGS}/kube-root-ca.crt")
    (event,) = events(log, path=f"{CONFIGS}/kube-root-ca.crt", verb="get")
    assert event["level"] == "Metadata"
    assert "responseObject" not in event


def test_a_refusal_is_told_with_its_code(audited: tuple[Server, Path]) -> None:
    server, log = audited
    assert Client(server).get(SECRETS).status in (401, 403)
    told = [event["responseStatus"]["code"] for event in events(log, path=SECRETS, verb="list")]
    assert told
    assert set(told) <= {401, 403}


def test_values_of_secrets_are_told_only_as_whether_they_are_the_same(audited: tuple[Server, Path]) -> None:
    server, log = audited
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db"},
        "data": {"word": "aHVudGVyMjI="},
    }
    noted = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(body)}
    body = {**body, "metadata": {"name": "db", "annotations": noted}}
    assert admin(server).post(SECRETS, body).status == 201
    assert admin(server).put(f"{SECRETS}/db", {**body, "stringData": {"other": "hunter23"}}).status == 200
    text = log.read_text()
    assert "aHVudGVyMjI" not in text
    assert "hunter23" not in text
    (made,) = events(log, path=SECRETS, verb="create")
    (changed,) = events(log, path=f"{SECRETS}/db", verb="update")
    value = made["requestObject"]["data"]["word"]
    assert value.startswith("hmac-sha256:")
    assert changed["responseObject"]["data"]["word"] == value
    assert changed["responseObject"]["data"]["other"] != value


def test_a_delete_is_told_by_the_object_of_its_path(audited: tuple[Server, Path]) -> None:
    server, log = audited
    admin(server).post(CONFIGS, config_map("gone"))
    admin(server).delete(f"{CONFIGS}/gone")
    (event,) = events(log, path=f"{CONFIGS}/gone", verb="delete")
    assert event["objectRef"]["name"] == "gone"


def test_the_log_is_its_owners_alone(audited: tuple[Server, Path]) -> None:
    _, log = audited
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
