"""API servers to measure: the embedded one, and Kubernetes' own where it has been built or is named."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.transport import Request, Response, Transport
from jx.domain.errors import JxError

Item = TypeVar("Item")

ROOT = Path(__file__).parents[1]
START_SECONDS = 60.0
# Of the real control plane, what does the work of the embedded server.
PARTS = ("kube-apiserver", "etcd")


@dataclass(frozen=True)
class ApiServer:
    """A running server. `pids` are the processes whose memory counts; none where the server is elsewhere."""

    name: str
    transport: Transport
    kubeconfig: Path
    pids: tuple[int, ...]
    start_seconds: float | None = None

    def send(
        self, method: str, path: str, body: bytes | None = None, content_type: str = "application/json"
    ) -> Response:
        """One request; the path may have a query."""
        path, _, query = path.partition("?")
        pairs = tuple(tuple(pair.split("=", 1)) for pair in query.split("&") if pair)
        return self.transport.request(Request(method, path, pairs, body, {"Content-Type": content_type}))  # type: ignore[arg-type]

    def megabytes(self) -> float:
        """The resident memory of its processes now."""
        return sum(_resident(pid) for pid in self.pids)


@contextlib.contextmanager
def embedded(folder: Path | None = None) -> Iterator[ApiServer]:
    """The embedded server, without workloads, as a process."""
    with contextlib.ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        place.mkdir(mode=0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            (place / "admin.kubeconfig").unlink()
        begin = time.perf_counter()
        # As it is installed: with the compiled forms of its modules.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        argv = [sys.executable, "-m", "jx.adapters.local.kubernetes", "--dir", str(place)]
        process = stack.enter_context(subprocess.Popen(argv, env=environment))
        stack.callback(process.terminate)
        transport = _connected(place / "admin.kubeconfig")
        stack.callback(transport.close)
        yield ApiServer(
            "embedded", transport, place / "admin.kubeconfig", (process.pid,), time.perf_counter() - begin
        )


@contextlib.contextmanager
def real() -> Iterator[ApiServer | None]:
    """Kubernetes' own server: that of JX_TEST_KUBECONFIG, or the one that `make test-cluster` has built; else None."""
    chosen = os.environ.get("JX_TEST_KUBECONFIG")
    if chosen:
        transport = _connected(Path(chosen))
        yield ApiServer("real", transport, Path(chosen), ())
        transport.close()
        return
    scripts = _test_cluster()
    program = _program(scripts)
    if program is None:
        yield None
        return
    begin = time.perf_counter()
    with scripts.cluster(program) as path:
        transport = _connected(path)
        seconds = time.perf_counter() - begin
        yield ApiServer("real", transport, path, tuple(_pids(path.parent)), seconds)
        transport.close()


def _test_cluster() -> ModuleType:
    spec = importlib.util.spec_from_file_location("test_cluster", ROOT / "scripts" / "test_cluster.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _program(scripts: ModuleType) -> Path | None:
    go = shutil.which("go")
    if go is None:
        return None
    program: Path = scripts.CACHE / scripts.digest(go) / "testcluster"
    return program if program.exists() else None


def _pids(folder: Path) -> Iterator[int]:
    """The parts of the control plane whose files are in a folder."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            argv = (process / "cmdline").read_bytes().decode().split("\0")
            if argv[1:2] and argv[1] in PARTS and any(str(folder) in argument for argument in argv):
                yield int(process.name)


def _resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _connected(path: Path) -> Transport:
    end, pause = time.monotonic() + START_SECONDS, threading.Event()
    while time.monotonic() < end:
        try:
            transport = Transport(kubeconfig.load([path]), SystemClock())
            if transport.request(Request("GET", "/readyz")).status == 200:
                return transport
        except JxError:
            pass
        pause.wait(0.01)
    raise SystemExit(f"no API server answers at {path}")


def in_parallel(workers: int, items: Sequence[Item], work: Callable[[Item], None]) -> float:
    """Do work on all items with so many threads; gives the seconds it took."""
    remaining = iter(items)
    lock = threading.Lock()

    def run() -> None:
        while True:
            with lock:
                item = next(remaining, None)
            if item is None:
                return
            work(item)

    threads = [threading.Thread(target=run) for _ in range(workers)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begin
