"""Real processes, each the leader of its own group, found again after the death of whoever started them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# The shell writes down who it is and then becomes the program: no moment exists in which the program runs unrecorded.
# What is written is the kernel's own line, so the start time tells this process from a later one with its number.
_RECORD_AND_RUN = 'IFS= read -r line </proc/$$/stat && printf "%s\\n" "$line" >"$0" && exec "$@"'

_DEATH_SECONDS = 5.0


@dataclass(frozen=True)
class Identity:
    """A process, told from all others of this boot by its start time (in clock ticks since boot)."""

    pid: int
    started: int
    state: str

    def is_same(self, other: Identity | None) -> bool:
        return other is not None and (self.pid, self.started) == (other.pid, other.started)


def parse_identity(line: str) -> Identity | None:
    """The content of a /proc/<pid>/stat; the program's name in it may hold spaces and parentheses."""
    pid, _, rest = line.partition(" (")
    fields = rest.rpartition(") ")[2].split()
    if not pid.isdigit() or len(fields) < 20:
        return None
    return Identity(int(pid), int(fields[19]), fields[0])


def identity_of(pid: int) -> Identity | None:
    """A living process; None for none, and for one that only waits to be buried."""
    try:
        found = parse_identity(Path(f"/proc/{pid}/stat").read_text(errors="replace"))
    except (FileNotFoundError, ProcessLookupError):
        return None
    return found if found is not None and found.state not in ("Z", "X") else None


def kill_group(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Signal everything in the group of this leader; nothing where it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def wait_gone(pid: int, seconds: float) -> bool:
    """Wait for the end of a process that need not be a child of ours; whether it has ended in time."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ready, _, _ = select.select([descriptor], [], [], seconds)
    finally:
        os.close(descriptor)
    return bool(ready)


def kill_leftover(record: Path) -> bool:
    """Kill what a former life started and left running, by its record, which then goes; whether there was something.

    The group is killed as well when its leader has died already: a group's number is not given away while it has members.
    """
    try:
        written = parse_identity(record.read_text(errors="replace"))
    except FileNotFoundError:
        return False
    alive = written is not None and written.is_same(identity_of(written.pid))
    if written is not None and (alive or _is_group_of_session(written)):
        kill_group(written.pid)
        if alive:
            wait_gone(written.pid, _DEATH_SECONDS)
    record.unlink(missing_ok=True)
    return alive


def _is_group_of_session(leader: Identity) -> bool:
    """Whether processes are left in the group of a dead leader: they are younger than it and in its session."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "stat").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = line.rpartition(") ")[2].split()
        if int(fields[2]) == int(fields[3]) == leader.pid and int(fields[19]) >= leader.started:
            return entry.name != str(leader.pid)
    return False


class Process:
    """One started program. `on_exit` is called once, from another thread, when it has ended."""

    def __init__(self, child: subprocess.Popen[bytes], record: Path, on_exit: Callable[[], None]) -> None:
        self._child = child
        self._record = record
        self._on_exit = on_exit
        self._waiter = threading.Thread(target=self._wait, name=f"pid-{child.pid}", daemon=True)
        self._waiter.start()

    @staticmethod
    def start(
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        output: int,
        record: Path,
        on_exit: Callable[[], None],
    ) -> Process:
        """Start a program that writes to the descriptor `output`, which stays the caller's. OSError where that is impossible."""
        child = subprocess.Popen(
            ["/bin/sh", "-c", _RECORD_AND_RUN, str(record), *argv],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            close_fds=True,
        )
        return Process(child, record, on_exit)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; 128 plus the signal's number for one that was killed."""
        code = self._child.returncode
        if code is None:
            return None
        return 128 - code if code < 0 else code

    def terminate(self, *, group: bool = False) -> None:
        """Ask it to end; and everything that it started, where the `group` is asked."""
        if self._child.returncode is not None:
            return
        if group:
            kill_group(self._child.pid, signal.SIGTERM)
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._child.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it, with everything that it started in its group."""
        if self._child.returncode is None:
            kill_group(self._child.pid)

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it has ended within this time."""
        self._waiter.join(seconds)
        return not self._waiter.is_alive()

    def _wait(self) -> None:
        # WNOWAIT keeps the number ours until the rest of the group is killed, too.
        os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOWAIT)
        kill_group(self._child.pid)
        self._child.wait()
        self._record.unlink(missing_ok=True)
        self._on_exit()


def open_log(path: Path) -> int:
    """A descriptor that appends to a log, readable by its user alone."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def stop_all(processes: Iterable[Process], grace_seconds: float, *, now: Callable[[], float]) -> None:
    """Ask all to end, give them this time together, then kill what is left."""
    every = list(processes)
    for process in every:
        process.terminate()
    deadline = now() + grace_seconds
    for process in every:
        if not process.wait(max(0.0, deadline - now())):
            process.kill()
            process.wait()
