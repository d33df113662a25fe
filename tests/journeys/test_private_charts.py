"""An app from a private chart repository: its login goes by the store from who has it to the controllers that need it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.helm import Answer, Request, Server, basic, publish, serving, simple_chart
from tests.support.platform import Machine, install, machine_at

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("private-charts")]

PASSWORD = "s3cr3t-c4n4ry"
HEADER = basic("ann", PASSWORD).removeprefix("Basic ")


@pytest.fixture
def charts() -> Iterator[Server]:
    """A repository that opens to ann."""
    with serving() as server:
        publish(server, simple_chart("ledgerbook", "1.0.0"))
        server.answers = {path: _guarded(found) for path, found in server.answers.items()}
        yield server


def _guarded(found: Answer | Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        if request.headers.get("Authorization") != basic("ann", PASSWORD):
            return Answer(status=401)
        return found if isinstance(found, Answer) else found(request)

    return answer


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with machine_at(tmp_path) as machine:
        install(machine)
        yield machine


def test_a_private_chart_is_added_checked_and_applied_and_its_password_is_nowhere(
    machine: Machine, charts: Server
) -> None:
    repository = f"{charts.url}/charts"
    refused = machine.jx("add", "app", "ledgerbook", "--repository", repository).ended(1)
    assert "jx add login" in refused.err
    typed = machine.jx("add", "app", "ledgerbook", "--username", "ann", "--password", PASSWORD).ended(2)
    assert "--password-stdin" in typed.err
    assert PASSWORD not in typed.told
    given = machine.folder / "password"
    given.write_text(f"{PASSWORD}\n")
    command = f"jx add app ledgerbook --repository {repository} --username ann --password-stdin < password"
    added = machine.shell(command, cwd=machine.folder).ok()
    given.unlink()
    assert "git gets vault:dev/logins/" in added.told
    machine.merge(added.pull)
    applications = json.loads(machine.jx("get", "apps", "-o", "json").ok().out)
    assert "ledgerbook" in [one["name"] for one in applications]
    fetched = [request.headers.get("Authorization") for request in charts.requests if ".tgz" in request.path]
    assert fetched == [basic("ann", PASSWORD)] * len(fetched)
    assert len(fetched) > 1, "the controllers have a cache of their own, and asked for themselves"
    shown = machine.jx("get", "secrets", "-o", "json").ok().out
    assert "login for" in shown
    assert "unused" not in shown
    for bare in machine.folder.rglob("*.git"):
        words = ["git", "-C", str(bare), "cat-file", "--batch-all-objects", "--batch"]
        objects = subprocess.run(words, check=True, capture_output=True).stdout
        assert PASSWORD.encode() not in objects
        assert HEADER.encode() not in objects
    leaks = [
        path
        for path in machine.folder.rglob("*")
        if path.is_file() and any(word.encode() in path.read_bytes() for word in (PASSWORD, HEADER))
    ]
    assert leaks == []
