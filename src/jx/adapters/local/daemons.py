"""Starting, finding and stopping the world's servers: detached processes that are found again by pid and start time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jx.domain.errors import Failed, Refused

_READY_SECONDS = 30.0
_STOP_SECONDS = 20.0
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Daemon:
    """One server: its name, command, folder (where it writes `ready`), port, and the files that tell of it."""

    name: str
    command: Sequence[str]
    folder: Path
    port: int
    run: Path
    log: Path

    @property
    def pid(self) -> int:
        """The process, or 0 where it does not run."""
        try:
            seen = json.loads(self._pid_file.read_text())
        except (OSError, ValueError):
            return 0
        return int(seen["pid"]) if start_time(int(seen["pid"])) == seen["start"] else 0

    def start(self) -> None:
        """Start it and return when it is ready; again is harmless."""
        if self.pid:
            self._await_ready(self.pid)
            return
        if _is_taken(self.port):
            raise Refused(
                f"port {self.port} of {self.name} is taken by another program",
                hint="stop that program, or make another platform: jx local start --name OTHER",
            )
        for folder in (self.run, self.log.parent, self.folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._ready.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.folder,
            )
        self._pid_file.write_text(json.dumps({"pid": process.pid, "start": start_time(process.pid)}))
        self._await_ready(process.pid, process)

    def stop(self) -> bool:
        """End it, by force after a while; False where it did not run."""
        pid = self.pid
        if not pid:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if not _await_end(pid, _STOP_SECONDS):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            _await_end(pid, _STOP_SECONDS)
        self._pid_file.unlink(missing_ok=True)
        return True

    @property
    def _pid_file(self) -> Path:
        return self.run / f"{self.name}.json"

    @property
    def _ready(self) -> Path:
        return self.folder / "ready"

    def _await_ready(self, pid: int, process: subprocess.Popen[bytes] | None = None) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not self._ready.exists():
            if time.monotonic() > deadline or not _is_alive(pid, process, _LOOK_SECONDS):
                words = "\n  ".join(_last_lines(self.log, 8))
                raise Failed(f"{self.name} did not start:\n  {words}", hint=f"its log is {self.log}")


def start_time(pid: int) -> str:
    """What tells a process from a later one of the same number; empty where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "" if Path("/proc/self").exists() else _start_time_by_ps(pid)
    return "" if fields[0] == "Z" else fields[19]


def _start_time_by_ps(pid: int) -> str:
    done = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def free_ports(count: int) -> list[int]:
    """Different ports of 127.0.0.1 that nobody uses now."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def this_python(*arguments: str) -> list[str]:
    """A command of this very Python, its modules the ones this process uses."""
    return [sys.executable, *arguments]


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


def _is_alive(pid: int, process: subprocess.Popen[bytes] | None, seconds: float) -> bool:
    if process is not None:
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return True
        return False
    return not _await_end(pid, seconds)


def _await_end(pid: int, seconds: float) -> bool:
    """Whether the process has ended, waiting for that."""
    try:
        descriptor = os.pidfd_open(pid)
    except (ProcessLookupError, OSError):
        return not start_time(pid)
    except AttributeError:
        return _await_end_by_looking(pid, seconds)
    import select

    try:
        ended, _, _ = select.select([descriptor], [], [], seconds)
    finally:
        os.close(descriptor)
    return bool(ended)


def _await_end_by_looking(pid: int, seconds: float) -> bool:
    """Where processes cannot be waited for (not Linux): a socket pair nobody writes to is the clock."""
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(_LOOK_SECONDS)
        deadline = time.monotonic() + seconds
        while start_time(pid):
            if time.monotonic() > deadline:
                return False
            with contextlib.suppress(TimeoutError):
                left.recv(1)
    return True


def _last_lines(path: Path, count: int) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()[-count:]
    except OSError:
        return ["(no log)"]
