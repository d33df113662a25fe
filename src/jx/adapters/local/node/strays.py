"""What the processes of a step are and use, as the kernel tells it; and the end of those that left their group."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_LOOKS = 50


@dataclass(frozen=True)
class Usage:
    """What a process and everything below it use together."""

    processes: int
    bytes: int


def usage_of(pid: int) -> Usage:
    """The processes below this one, itself among them, and the memory that they hold."""
    children: dict[int, list[int]] = {}
    memory: dict[int, int] = {}
    for number, fields in _every():
        children.setdefault(int(fields[1]), []).append(number)
        memory[number] = int(fields[21]) * _PAGE
    found, left = [], [pid]
    while left:
        number = left.pop()
        if number in memory:
            found.append(number)
            left += children.get(number, [])
    return Usage(len(found), sum(memory[number] for number in found))


def kill_marked(marker: str) -> int:
    """End every process whose environment holds `marker` (`NAME=value`), wherever it has gone; how many there were. One that was
    just made while others were looked at is met by the next look."""
    sought = b"\0" + marker.encode() + b"\0"
    killed = 0
    for _ in range(_LOOKS):
        found = _kill(sought)
        killed += found
        if not found:
            break
    return killed


def _kill(sought: bytes) -> int:
    killed = 0
    for number, _ in _every():
        with contextlib.suppress(OSError):
            if sought in b"\0" + Path(f"/proc/{number}/environ").read_bytes() + b"\0":
                os.kill(number, signal.SIGKILL)
                killed += 1
    return killed


def folder_bytes(folders: Iterable[Path]) -> int:
    """What lies in these folders, however deep, as the disk counts it; links are not followed."""
    total, left = 0, [str(each) for each in folders]
    while left:
        with contextlib.suppress(OSError), os.scandir(left.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    left.append(entry.path)
                    continue
                with contextlib.suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total


def is_full(folder: Path, reserve_bytes: int, reserve_files: int) -> bool:
    """Whether the disk of this folder has less left than that, in bytes or in files."""
    disk = os.statvfs(folder)
    is_short_of_files = disk.f_files > 0 and disk.f_favail < reserve_files
    return disk.f_bavail * disk.f_frsize < reserve_bytes or is_short_of_files


def _every() -> Iterator[tuple[int, list[str]]]:
    """Each process with the fields of its stat after the name: state, parent, group, ..."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            line = Path(f"/proc/{entry}/stat").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        yield int(entry), line.rpartition(") ")[2].split()
