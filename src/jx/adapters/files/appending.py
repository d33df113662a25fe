"""Files that lines are only ever added to, which only their owner reads; a long one is put aside."""

from __future__ import annotations

import os
import threading
from pathlib import Path


class AppendedFile:
    """A file for lines of many threads. Longer than `most` bytes, it is put aside as `NAME.1`, in place of an older one."""

    def __init__(self, file: Path, most: int) -> None:
        """OSError where the file cannot be written."""
        self._file = file
        self._most = most
        self._lock = threading.Lock()
        self._handle = self._open()

    def append(self, line: bytes) -> None:
        """Add a line, with its end. OSError where that cannot be; after `close` nothing is written."""
        with self._lock:
            if self._handle < 0:
                return
            if os.fstat(self._handle).st_size > self._most:
                self._file.replace(self._file.with_name(f"{self._file.name}.1"))
                os.close(self._handle)
                self._handle = self._open()
            os.write(self._handle, line)

    def close(self) -> None:
        """Once; nothing is written after this."""
        with self._lock:
            os.close(self._handle)
            self._handle = -1

    def _open(self) -> int:
        return os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
