"""Logs of containers, from the files that a node writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.kubernetes_server import Client

from jx.adapters.local.kubernetes.serve import Server
from jx.adapters.local.kubernetes.views.logs import range_of


class _Folder:
    """A LogSource of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, namespace: str, pod: str, container: str, *, previous: bool) -> Path | None:
        path = self.folder / f"{pod}-{container}{'-previous' if previous else ''}.log"
        return path if path.exists() else None


@pytest.fixture
def logs(server: Server, tmp_path: Path) -> Iterator[Path]:
    server.api.log_source = _Folder(tmp_path)
    yield tmp_path
    server.api.log_source = None


@pytest.fixture
def pod(client: Client, namespace: str) -> str:
    spec = {"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}], "nodeName": "n"}
    path = f"/api/v1/namespaces/{namespace}/pods"
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
    assert client.post(path, obj).status == 201
    running = {"status": {"phase": "Running"}}
    assert client.merge(f"{path}/p/status", running).status == 200
    return f"{path}/p"


def test_the_last_lines_of_a_container(logs: Path, pod: str, client: Client) -> None:
    (logs / "p-a.log").write_text("one\ntwo\nthree\n")
    assert client.get(f"{pod}/log?container=a").body == "one\ntwo\nthree\n"
    assert client.get(f"{pod}/log?container=a&tailLines=1").body == "three\n"
    assert client.get(f"{pod}/log?container=a&limitBytes=3").body == "one"


def test_of_several_containers_one_must_be_named(logs: Path, pod: str, client: Client) -> None:
    answer = client.get(f"{pod}/log")
    assert answer.status == 400
    assert answer.body["message"] == "a container name must be specified for pod p, choose one of: [a b]"
    assert client.get(f"{pod}/log?container=x").body["message"] == "container x is not valid for pod p"


def test_the_end_of_a_previous_container_may_be_missing(logs: Path, pod: str, client: Client) -> None:
    answer = client.get(f"{pod}/log?container=a&previous=true")
    assert answer.body["message"] == 'previous terminated container "a" in pod "p" not found'


def test_a_followed_log_goes_on_until_the_pod_is_done(logs: Path, pod: str, client: Client) -> None:
    path = logs / "p-a.log"
    path.write_text("one\n")
    with client.connection() as connection:
        response = client.send(connection, "GET", f"{pod}/log?container=a&follow=true", None, "", {})
        assert response.readline() == b"one\n"
        with path.open("a") as file:
            file.write("two\n")
        assert response.readline() == b"two\n"
        client.merge(f"{pod}/status", {"status": {"phase": "Succeeded"}})
        assert response.read() == b""


@pytest.mark.parametrize("end", ["", "\n"], ids=["cut", "whole"])
@pytest.mark.parametrize("tail", [0, 1, 2, 3, 50_000, 200_000])
def test_the_last_lines_are_found_from_the_end_of_a_long_log(tmp_path: Path, tail: int, end: str) -> None:
    path = tmp_path / "log"
    text = "".join(f"line {number}\n" for number in range(100_000)) + f"\nlast{end}"
    path.write_text(text)
    start, stop = range_of(path, tail)
    lines = text.splitlines(keepends=True)
    assert path.read_bytes()[start:stop].decode() == "".join(lines[-tail:] if tail else [])
