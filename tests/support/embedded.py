"""The Kubernetes APIs that suites are held to: the embedded one as a process, one for a whole test session, and a real one."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support import real_cluster, side_by_side

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.api import Api, Resource
from jx.adapters.kubernetes.transport import path_of
from jx.domain.errors import JxError, NotFound

GROUP = pytest.mark.xdist_group("embedded-kubernetes")
"""On every test that uses `embedded_api`, so that one worker starts one server."""

_START_SECONDS = 30
_numbers = itertools.count(1)


def fresh_name(stem: str) -> str:
    """A name that no other test of any run has used."""
    return f"{stem}-{os.getpid()}-{next(_numbers)}"


@contextmanager
def running_api(folder: Path, *options: str, module: str = "jx.adapters.local.kubernetes") -> Iterator[Api]:
    """Start `python -m jx.adapters.local.kubernetes` in a folder, or another that serves it, and wait until it is ready."""
    log = (folder / "log").open("wb")
    argv = [
        sys.executable,
        "-m",
        module,
        "--dir",
        str(folder),
        "--port",
        "0",
        *options,
    ]
    with log, subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
        try:
            api = _ready(folder, process)
            yield api
            api.close()
        finally:
            process.terminate()
            process.wait(30)


def _ready(folder: Path, process: subprocess.Popen[bytes]) -> Api:
    end, pause = time.monotonic() + _START_SECONDS, threading.Event()
    while time.monotonic() < end and process.poll() is None:
        try:
            api = Api.connect(kubeconfig.load([folder / "admin.kubeconfig"]), SystemClock())
            api.get_path(path_of("readyz"))
        except JxError:
            pause.wait(0.05)
        else:
            return api
    raise AssertionError(f"the embedded API did not start: {(folder / 'log').read_text()[-2000:]}")


@pytest.fixture(scope="session")
def embedded_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The embedded API that the suites of this worker share."""
    folder = tmp_path_factory.mktemp("kubernetes")
    folder.chmod(0o700)
    with running_api(folder) as api:
        yield api


@pytest.fixture(scope="session")
def real_api() -> Iterator[Api]:
    """The API of the real cluster."""
    path = real_cluster.kubeconfig()
    assert path is not None
    api = Api.connect(kubeconfig.load([path]), SystemClock())
    yield api
    api.close()


CLUSTERS = ("embedded", *(("real",) if real_cluster.kubeconfig() else ()))
"""Parameters of the fixtures that run on each cluster that is there."""


def api_of(request: pytest.FixtureRequest) -> Api:
    """The API that a parameter out of `CLUSTERS` stands for; the test counts as played on it."""
    side = str(request.param)
    side_by_side.played(request, side)
    api: Api = request.getfixturevalue(f"{side}_api")
    return api


def served(api: Api, resource: Resource, namespace: str) -> None:
    """Wait until a kind is served: a definition is accepted before it is established."""
    end, pause = time.monotonic() + _START_SECONDS, threading.Event()
    while time.monotonic() < end:
        try:
            api.list_pages(resource, namespace)
        except NotFound:
            pause.wait(0.05)
        else:
            return
    raise AssertionError(f"{resource.plural} are not served")
