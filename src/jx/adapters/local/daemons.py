"""Starting, finding and stopping the world's servers: detached processes that are found again by the lock they hold.

Each server keeps its number in the file that it locks, so whoever started it may die at any moment and the next one finds it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jx.domain.errors import Failed, Refused

_READY_SECONDS = 30.0
_STOP_SECONDS = 20.0
_LOOK_SECONDS = 0.02
_LEAST_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Daemon:
    """One server: its name, command, folder (its `--dir`, where it writes `ready`), ports, the file that it locks, its log."""

    name: str
    command: Sequence[str]
    folder: Path
    ports: tuple[int, ...]
    lock: Path
    log: Path

    @property
    def pid(self) -> int:
        """The process, or 0 where it does not run."""
        try:
            seen = int(self.lock.read_text())
        except (OSError, ValueError):
            return 0
        return seen if f"--dir {self.folder} " in command_line(seen) else 0

    @property
    def is_ready(self) -> bool:
        """Whether it runs and serves."""
        return bool(self.pid) and self._ready.exists()

    def check_ports(self) -> None:
        """Refused where it does not run and another program has one of its ports."""
        taken = [] if self.pid else [port for port in self.ports if _is_taken(port)]
        if taken:
            raise Refused(
                f"port {taken[0]} of {self.name} is taken by another program",
                hint="stop that program, or make another platform: jx local start --name OTHER",
            )

    def start(self) -> None:
        """Start it and return when it is ready; again is harmless."""
        if pid := self.pid:
            self._await_ready(pid)
            return
        for folder in (self.log.parent, self.folder):
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
        return True

    @property
    def _ready(self) -> Path:
        return self.folder / "ready"

    def _await_ready(self, pid: int, process: subprocess.Popen[bytes] | None = None) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not self._ready.exists():
            if time.monotonic() > deadline or not _is_alive(pid, process, _LOOK_SECONDS):
                if shutil.disk_usage(self.folder).free < _LEAST_BYTES:
                    raise Failed(
                        f"{self.name} did not start: the disk is full: {self.folder}",
                        hint="free some space and try again",
                    )
                words = "\n  ".join(_last_lines(self.log, 8))
                raise Failed(f"{self.name} did not start:\n  {words}", hint=f"its log is {self.log}")


def start_all(daemons: Iterable[Daemon]) -> None:
    """Start them in order; Refused before the first one starts where a port of any is taken."""
    known = tuple(daemons)
    for daemon in known:
        daemon.check_ports()
    for daemon in known:
        daemon.start()


def command_line(pid: int) -> str:
    """The arguments of a process, joined by spaces; empty where there is none (any more)."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        if Path("/proc/self").exists():
            return ""
    done = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
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
        return not command_line(pid)
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
        while command_line(pid):
            if time.monotonic() > deadline:
                return False
            with contextlib.suppress(TimeoutError):
                left.recv(1)
    return True


def _last_lines(path: Path, count: int) -> list[str]:
    """The end of a log; of a traceback only what went wrong."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return ["(no log)"]
    return [line for line in lines if not line.startswith(("Traceback ", "  ", "    "))][-count:]
