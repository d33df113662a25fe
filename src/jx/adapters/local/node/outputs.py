"""What a step prints, kept in a file of limited size by a thread that never makes the step wait for a disk that is full."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path

from jx.adapters.local.node.processes import open_log

LIMIT_BYTES = 128 * 1024 * 1024
_TAIL_BYTES = 64 * 1024
_PIECE = 1 << 20


class Output:
    """A pipe into a log. The log keeps the first `limit` bytes and the last few; what is left out between them is counted in it.

    `on_end` is called once, from another thread, when nobody can write any more.
    """

    def __init__(self, log: Path, on_end: Callable[[], None], *, limit: int = LIMIT_BYTES) -> None:
        self._on_end = on_end
        self._limit = limit
        self._log = open_log(log)
        self._reader, self.writer = os.pipe2(os.O_CLOEXEC)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, _PIECE)
        self._kept = 0
        self._dropped = 0
        self._tail = b""
        self._why = ""
        self.is_over = False
        threading.Thread(target=self._run, name="output", daemon=True).start()

    def close_writer(self) -> None:
        """Our own end of the pipe: the log ends when the step's ends are closed, too."""
        os.close(self.writer)

    def _run(self) -> None:
        try:
            while piece := os.read(self._reader, _PIECE):
                self._take(piece)
            self._finish()
        finally:
            os.close(self._reader)
            os.close(self._log)
            self.is_over = True
        self._on_end()

    def _take(self, piece: bytes) -> None:
        kept = 0 if self._why else min(len(piece), self._limit - self._kept)
        if kept:
            kept = self._write(piece[:kept])
            self._kept += kept
        if kept == len(piece):
            return
        if not self._why:
            self._why = f"the log is limited to {self._limit} bytes"
        self._dropped += len(piece) - kept
        self._tail = (self._tail + piece[kept:])[-_TAIL_BYTES:]

    def _write(self, piece: bytes) -> int:
        view, done = memoryview(piece), 0
        while done < len(piece):
            try:
                done += os.write(self._log, view[done:])
            except OSError as error:  # the disk is full: the step goes on, and its log tells what is missing
                self._why = f"it could not be written: {error.strerror}"
                break
        return done

    def _finish(self) -> None:
        if not self._why:
            return
        left_out = self._dropped - len(self._tail)
        words = f"\n[{left_out} bytes are left out here: {self._why}]\n"
        with contextlib.suppress(OSError):
            os.write(self._log, words.encode() + self._tail)
