"""The live view: on a terminal, a line for each workload that is waited for, with what it waits for and the time that is left."""

from __future__ import annotations

import shutil
import threading
import time
from typing import TextIO

from jx.cli.output import TerminalReporter, is_plain, style
from jx.domain.events import Event, Level

_HEALTH = "health:"
_MARKS = {"Current": ("✓", "green"), "Failed": ("✗", "red")}


class LiveReporter(TerminalReporter):
    """A TerminalReporter whose events of health renew a block of lines below everything else. Elsewhere than on a terminal they
    are plain lines."""

    def __init__(self, *, verbose: bool = False, stream: TextIO | None = None) -> None:
        super().__init__(verbose=verbose, stream=stream)
        self._rows: dict[str, Event] = {}
        self._drawn = 0
        self._until: float | None = None
        self._block = threading.RLock()
        self._over = threading.Event()

    def tell(self, event: Event) -> None:
        """Renew the block, or print above it."""
        if is_plain(self._stream):
            super().tell(event)
            return
        with self._block:
            self._erase()
            if "within" in event.facts:
                self._begin_or_end(event.facts["within"])
            elif event.key.startswith(_HEALTH):
                self._rows[event.key] = event
            else:
                super().tell(event)
            self._draw()

    def end(self) -> None:
        """Leave the block as it is now."""
        with self._block:
            self._begin_or_end("")
        super().end()

    def _begin_or_end(self, within: str) -> None:
        """A wait begins: the time that is left is shown every second. It ends: the last state stays on the screen."""
        self._over.set()
        if within:
            super().end()
            self._until, self._over = time.monotonic() + float(within), threading.Event()
            threading.Thread(target=self._tick, args=(self._over,), name="live", daemon=True).start()
            return
        self._until = None
        if self._rows:
            self._erase()
            self._draw()
        self._rows, self._drawn = {}, 0

    def _tick(self, over: threading.Event) -> None:
        while not over.wait(1):
            with self._block:
                if not over.is_set():
                    self._erase()
                    self._draw()

    def _erase(self) -> None:
        if self._drawn:
            self._stream.write(f"\x1b[{self._drawn}A\x1b[J")
            self._drawn = 0

    def _draw(self) -> None:
        lines = self._lines()
        for line in lines:
            self._stream.write(f"{line}\n")
        self._drawn = len(lines)
        self._stream.flush()

    def _lines(self) -> list[str]:
        size = shutil.get_terminal_size()
        room = max(3, size.lines - 4)
        events = sorted(self._rows.values(), key=lambda event: event.facts.get("state") == "Current")
        lines = [self._line(event, size.columns - 1) for event in events[:room]]
        if len(events) > room:
            lines.append(f"  … and {len(events) - room} more")
        if self._until and self._rows:
            left = max(0, int(self._until - time.monotonic()))
            lines.append(style(f"  {left // 60}m{left % 60:02d}s left", "dim", stream=self._stream))
        return lines

    def _line(self, event: Event, width: int) -> str:
        mark, colour = _MARKS.get(event.facts.get("state", ""), ("…", "yellow"))
        colour = "red" if event.level is Level.ERROR else colour
        text = event.message if len(event.message) <= width - 4 else f"{event.message[: width - 5]}…"
        return f"  {style(mark, colour, stream=self._stream)} {text}"
