"""The embedded Kubernetes API as a process, for contract suites: one for a whole test session."""

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

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.api import Api
from jx.adapters.kubernetes.transport import path_of
from jx.domain.errors import JxError

GROUP = pytest.mark.xdist_group("embedded-kubernetes")
"""On every test that uses `embedded_api`, so that one worker starts one server."""

_START_SECONDS = 30
_numbers = itertools.count(1)


def fresh_name(stem: str) -> str:
    """A name that no other test of any run has used."""
    return f"{stem}-{os.getpid()}-{next(_numbers)}"


@contextmanager
def running_api(folder: Path) -> Iterator[Api]:
    """Start `python -m jx.adapters.local.kubernetes` in a folder and wait until it is ready."""
    log = (folder / "log").open("wb")
    argv = [sys.executable, "-m", "jx.adapters.local.kubernetes", "--dir", str(folder), "--port", "0"]
    with log, subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
        try:
            api = _ready(folder, process)
            yield api
            api.close()
        finally:
            process.terminate()
            process.wait(10)


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
    """The API that the contract suites of this worker share; JX_TEST_KUBECONFIG names another cluster to hold them to."""
    chosen = os.environ.get("JX_TEST_KUBECONFIG")
    if chosen:
        api = Api.connect(kubeconfig.load([chosen]), SystemClock())
        yield api
        api.close()
        return
    folder = tmp_path_factory.mktemp("kubernetes")
    folder.chmod(0o700)
    with running_api(folder) as api:
        yield api
