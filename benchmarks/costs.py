"""What programs take: time, processors, memory."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Helm's library may not live in a process that forks, so it gets one of its own.
HELM = """
import sys
import helm_python
do, kubeconfig, namespace, chart = sys.argv[1:]
with helm_python.Config(kubeconfig_path=kubeconfig, namespace=namespace) as config:
    more = {"create_namespace": True} if do == "install" else {}
    if do == "rollback":
        config.rollback("helm")
    else:
        getattr(config, do)(chart, "helm", namespace=namespace, **more)
"""


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds by the clock, of processors, its largest memory with all its children; and what it said."""

    seconds: float
    processor: float
    megabytes: float
    told: str


def run_command(argv: list[str], environment: dict[str, str]) -> Cost:
    """Run a program to its end, which has to be good."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    memory = _Memory(process.pid)
    memory.start()
    assert process.stdout is not None
    told = process.stdout.read()
    code = process.wait()
    seconds = time.perf_counter() - begin
    memory.join()
    if code:
        raise SystemExit(f"{argv} failed with {code}: {told.decode()[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(seconds, processor, memory.most, told.decode())


_ADOPT = 36
"""`PR_SET_CHILD_SUBREAPER`."""
_TICKS = os.sysconf("SC_CLK_TCK")


class Processes:
    """All processes that this one starts, and those that they start: one whose parent ends is adopted by this one."""

    def __init__(self) -> None:
        ctypes.CDLL(None).prctl(_ADOPT, 1, 0, 0, 0)

    def processor(self) -> float:
        """Seconds of processors that they have taken so far, those that have ended too."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        living = sum(_processor(pid) for pid in _family(os.getpid()) if pid != os.getpid())
        return ended.ru_utime + ended.ru_stime + living


def _processor(pid: int) -> float:
    """Of a process, and of its children that it has seen the end of."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


class _Memory(threading.Thread):
    """Looks at the memory of a process and its children until it ends."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._pause = threading.Event()
        self.most = 0.0

    def run(self) -> None:
        while _resident(self._pid):  # one that has ended, and is not yet asked for, has none
            self.most = max(self.most, sum(map(_resident, _family(self._pid))))
            self._pause.wait(0.02)


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))
    except OSError:
        return


def _resident(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0
