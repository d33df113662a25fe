"""The cluster as a process of its own: its start, its end, and its death."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.node import expose, server
from tests.support.workloads import World

from jx.adapters.local.kubernetes.api import Api
from jx.adapters.local.node.processes import identity_of

pytestmark = pytest.mark.slow

_DEADLINE_SECONDS = 30


def until(holds: Callable[[], Any]) -> Any:
    """The value of something outside of this process, once it holds."""
    pause, end = threading.Event(), time.monotonic() + _DEADLINE_SECONDS
    while time.monotonic() < end:
        value = holds()
        if value:
            return value
        pause.wait(0.02)
    raise AssertionError("it does not hold in time")


class Daemon:
    """`python -m jx.adapters.local.node` on a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        argv = [
            sys.executable,
            "-m",
            "jx.adapters.local.node",
            "--dir",
            str(folder),
            "--first-restart-seconds",
            "0.05",
        ]
        with (folder / "log").open("ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self._is_ready)
        self.ingress_port = int((folder / "ready").read_text().split()[1])

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        ready = self.folder / "ready"
        return ready.exists() and ready.read_text().split()[0] == str(self.process.pid)

    def ask(self) -> dict[str, Any] | None:
        """What the pod behind the router says; None while there is no ready one."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ingress_port, timeout=10)
        try:
            connection.request("GET", "/")
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return dict(json.loads(text)) if answer.status == 200 else None

    def end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(_DEADLINE_SECONDS)

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGTERM)


@pytest.fixture
def served(folder: Path) -> Path:
    """The folder of a cluster in which a server is asked for, before any daemon runs on it."""
    api = Api.open(folder)
    world = World(api)
    expose(world)
    world.apply(server())
    api.close()
    return folder


def alive(folder: Path) -> list[int]:
    """The processes that run the program of the image."""
    program = str(folder.parent / "server.py").encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and program in _command_line(entry):
            found.append(int(entry.name))
    return found


def _command_line(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_the_death_of_the_daemon_leaves_no_doubled_process(served: Path) -> None:
    with Daemon(served) as daemon:
        first = until(daemon.ask)["pid"]
        daemon.end(signal.SIGKILL)
    assert identity_of(first) is not None
    with Daemon(served) as daemon:
        second = until(daemon.ask)["pid"]
        assert second != first
        assert identity_of(first) is None
        assert alive(served) == [second]


def test_a_clean_end_takes_the_pods_along_and_the_next_start_brings_them_back(served: Path) -> None:
    with Daemon(served) as daemon:
        until(daemon.ask)
        daemon.end(signal.SIGTERM)
    assert daemon.process.returncode == 0
    assert not (served / "ready").exists()
    assert alive(served) == []
    with Daemon(served) as daemon:
        assert until(daemon.ask)["pid"] == alive(served)[0]


def test_a_second_daemon_on_the_folder_is_refused(served: Path) -> None:
    with Daemon(served):
        argv = [sys.executable, "-m", "jx.adapters.local.node", "--dir", str(served)]
        second = subprocess.run(argv, capture_output=True, text=True, timeout=_DEADLINE_SECONDS, check=False)
    assert second.returncode == 1
    assert second.stderr == f"another daemon runs on {served} (stop it first)\n"


def test_a_taken_ingress_port_is_one_clear_message(served: Path) -> None:
    with Daemon(served) as daemon:
        other = served.with_name("other")
        port = str(daemon.ingress_port)
        argv = [sys.executable, "-m", "jx.adapters.local.node", "--dir", str(other), "--ingress-port", port]
        second = subprocess.run(argv, capture_output=True, text=True, timeout=_DEADLINE_SECONDS, check=False)
    assert second.returncode == 1
    assert second.stderr.startswith(f"cannot listen on port {port}: ")


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
def test_kubectl_sees_the_rollout_and_the_log(served: Path) -> None:
    def kubectl(*arguments: str) -> str:
        environment = {**os.environ, "KUBECONFIG": str(served / "admin.kubeconfig"), "HOME": str(served)}
        argv = ["kubectl", "-n", "default", *arguments]
        return subprocess.run(
            argv, capture_output=True, text=True, timeout=60, check=True, env=environment
        ).stdout

    with Daemon(served):
        assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "--timeout=30s")
        assert "1/1" in kubectl("get", "deployment", "web")
        assert "Running" in kubectl("get", "pods")
        assert kubectl("logs", "deployment/web").startswith("serving on 127.")
        assert "Started container main" in kubectl("describe", "pods")
