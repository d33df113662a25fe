"""One server for the tests of a module; each test has a namespace of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from tests.support.kubernetes_server import Client, admin

from jx.adapters.local.kubernetes.serve import Server

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("kubernetes")) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Client:
    return admin(server)


@pytest.fixture
def namespace(client: Client) -> str:
    name = f"test-{next(_NUMBERS)}"
    obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    assert client.post("/api/v1/namespaces", obj).status == 201
    return name
