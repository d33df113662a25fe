"""A person at a real terminal: a pseudo terminal of its own, what is typed into it, and all that it shows."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

LONG = 60.0
CTRL_C = "\x03"
_OWN_TERMINAL = """\
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests in the background has it ignored
os.execvp(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """One command of Python at it."""

    def __init__(self, words: tuple[str, ...], env: Mapping[str, str]) -> None:
        self._here, self._there = os.openpty()
        self.shown = ""
        self._read_to = 0
        command = [sys.executable, "-c", _OWN_TERMINAL, sys.executable, *words]
        ends = (self._there,) * 3
        self._process = subprocess.Popen(
            command, stdin=ends[0], stdout=ends[1], stderr=ends[2], env=dict(env), start_new_session=True
        )

    def expect(self, text: str) -> None:
        """Wait until it shows a text after the last one that was waited for."""
        ends = time.monotonic() + LONG
        while text not in self.shown[self._read_to :]:
            assert time.monotonic() < ends, f"{text!r} is not shown in {self.shown!r}"
            assert self._read() or self._process.poll() is None, f"it ended: {self.shown!r}"
        self._read_to = self.shown.index(text, self._read_to) + len(text)

    def type(self, text: str) -> None:
        """Type, as somebody does who sees the prompt."""
        os.write(self._here, text.encode())

    def end(self) -> int:
        """Wait until it has ended; its exit code."""
        ends = time.monotonic() + LONG
        while self._process.poll() is None:
            assert time.monotonic() < ends, f"it does not end: {self.shown!r}"
            self._read()
        while self._read():
            pass
        return self._process.returncode

    @property
    def echoes(self) -> bool:
        """Whether what is typed is shown now."""
        return bool(termios.tcgetattr(self._there)[3] & termios.ECHO)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._here)
        os.close(self._there)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._here], [], [], 0.05)
        if ready:
            self.shown += os.read(self._here, 4096).decode(errors="replace")
        return bool(ready)


@contextmanager
def at_terminal(*words: str, env: Mapping[str, str]) -> Iterator[Terminal]:
    """`jx WORDS`, at a terminal."""
    with at_python("-m", "jx", *words, env=env) as made:
        yield made


@contextmanager
def at_python(*words: str, env: Mapping[str, str]) -> Iterator[Terminal]:
    """`python WORDS`, at a terminal."""
    made = Terminal(words, env)
    try:
        yield made
    finally:
        made.close()
