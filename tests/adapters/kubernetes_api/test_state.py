"""What is on disk: acknowledged writes survive the death of the server, and its folder is all of it."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.api import CONFIG_MAPS, Api
from jx.adapters.kubernetes.transport import path_of
from jx.domain.errors import JxError

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 30


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[Api, subprocess.Popen[bytes]]]:
    """A server process on a folder, and its API."""
    (folder / "admin.kubeconfig").unlink(missing_ok=True)
    command = [sys.executable, "-m", "jx.adapters.local.kubernetes", "--dir", str(folder)]
    with subprocess.Popen(command) as process:
        api = _connected(folder, process)
        try:
            yield api, process
        finally:
            api.close()
            process.terminate()
            process.wait(10)


def _connected(folder: Path, process: subprocess.Popen[bytes]) -> Api:
    end, pause = time.monotonic() + PATIENCE_SECONDS, threading.Event()
    while time.monotonic() < end and process.poll() is None:
        try:
            api = Api.connect(kubeconfig.load([folder / "admin.kubeconfig"]), SystemClock())
            api.get_path(path_of("readyz"))
        except JxError:
            pause.wait(0.05)
        else:
            return api
    raise AssertionError("the server did not start")


def config(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": name}}


def names(api: Api) -> set[str]:
    items, _ = api.list_pages(CONFIG_MAPS, "default")
    return {str(item["metadata"]["name"]) for item in items} - {"kube-root-ca.crt"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "kubernetes"
    made.mkdir(mode=0o700)
    return made


def test_what_was_answered_is_there_after_the_server_was_killed_in_the_middle_of_writes(folder: Path) -> None:
    answered: set[str] = set()
    with serving(folder) as (api, process):
        enough = threading.Event()

        def write() -> None:
            with contextlib.suppress(JxError):
                for number in itertools.count():
                    api.create(CONFIG_MAPS, "default", config(f"c{number}"))
                    answered.add(f"c{number}")
                    if number == 50:
                        enough.set()

        writer = threading.Thread(target=write)
        writer.start()
        assert enough.wait(PATIENCE_SECONDS)
        process.send_signal(signal.SIGKILL)
        writer.join()
    with serving(folder) as (api, _):
        present = names(api)
        assert answered <= present
        # At most the one write whose answer was lost.
        assert len(present - answered) <= 1
        api.create(CONFIG_MAPS, "default", config("afterwards"))


def test_a_copy_of_the_folder_is_a_cluster_of_its_own(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with serving(folder) as (api, _):
        api.create(CONFIG_MAPS, "default", config("before"))
        shutil.copytree(folder, copy)
        uid = api.get(CONFIG_MAPS, "default", "before")["metadata"]["uid"]
        with serving(copy) as (other, _):
            assert other.get(CONFIG_MAPS, "default", "before")["metadata"]["uid"] == uid
            other.create(CONFIG_MAPS, "default", config("in-the-copy"))
            api.create(CONFIG_MAPS, "default", config("in-the-first"))
            assert names(other) == {"before", "in-the-copy"}
        assert names(api) == {"before", "in-the-first"}
