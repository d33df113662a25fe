"""Holders of locks: processes, named so that a later one on the same machine can tell whether an earlier one has died."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path


def name_holder(person: str) -> str:
    """`person@host/pid/place`, unique to this process. The place stands for this boot of the kernel and this space of process
    numbers: only within it a number means the same process. It is left out where the system does not tell it."""
    return "/".join(part for part in (f"{person}@{socket.gethostname()}", str(os.getpid()), _place()) if part)


def is_gone(holder: str) -> bool:
    """Whether that process is known to have died. False where it lives, or where nobody can tell from here."""
    _, _, rest = holder.partition("/")
    pid, _, place = rest.partition("/")
    if not place or place != _place() or not pid.isdigit():
        return False
    return not Path(f"/proc/{pid}").exists()


def _place() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        numbers = os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
    return hashlib.sha256(f"{boot}{numbers}".encode()).hexdigest()[:8]
