"""What people and programs read: events, tables, documents. The only place that writes to standard output and error."""

from __future__ import annotations

import json
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TextIO

from jx.config import load
from jx.domain.errors import Invalid, JxError, Refused
from jx.domain.events import Event, Level

_NO_TINTS: Mapping[str, str] = MappingProxyType({})
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\x1b(?!\\[[0-9;]*m)")
_NOT_IN_CELLS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What would do more to a terminal than colour it, or show words in another order than they stand in."""
_STYLES = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}


def is_plain(stream: TextIO) -> bool:
    """Whether colours and moving lines are out of place."""
    return load.prefers_plain() or not stream.isatty()


def style(text: str, *names: str, stream: TextIO | None = None) -> str:
    """The text in colours, where the stream shows any."""
    if is_plain(stream or sys.stdout) or not text:
        return text
    codes = ";".join(_STYLES[name] for name in names)
    return f"\x1b[{codes}m{text}\x1b[0m"


def say(text: str = "") -> None:
    """A line of result, on standard output."""
    print(text, flush=True)


def hint(text: str) -> None:
    """A line for the person, on standard error, so that results can be piped."""
    print(style(text, "dim", stream=sys.stderr), file=sys.stderr, flush=True)


def harmless(text: str) -> str:
    """What a program printed, of which a terminal does nothing but colour it."""
    return _CONTROLS.sub("\ufffd", text)


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, tints: Mapping[str, str] = _NO_TINTS
) -> None:
    """Columns as kubectl prints them: upper-case header, three spaces between, nothing after the last. Cells that begin with a
    word of `tints` have it in that colour."""
    table = GrowingTable(header, tints=tints)
    lines = [[_cell(cell) for cell in row] for row in rows]
    table.widen(lines)
    table.begin()
    for line in lines:
        table.add(line)


class GrowingTable:
    """A table whose rows come one by one: a column that has to be wider is so from then on."""

    def __init__(self, header: Sequence[str], *, tints: Mapping[str, str] = _NO_TINTS) -> None:
        self._header = list(header)
        self._widths = [len(cell) for cell in header]
        self._tints = tints

    def widen(self, rows: Iterable[Sequence[str]]) -> None:
        """Have room for these rows."""
        for row in rows:
            self._widths = [
                max(width, len(_cell(cell))) for width, cell in zip(self._widths, row, strict=True)
            ]

    def begin(self) -> None:
        """The header."""
        say(style(self._line(self._header), "bold"))

    def add(self, row: Sequence[str]) -> None:
        """A row."""
        self.widen([row])
        say(self._line(row, self._tints))

    def _line(self, row: Sequence[str], tints: Mapping[str, str] = _NO_TINTS) -> str:
        cells = [_cell(cell) for cell in row]
        last = max((number for number, cell in enumerate(cells) if cell), default=-1)
        padded = [cell.ljust(width) for cell, width in zip(cells, self._widths, strict=True)]
        return (
            "   ".join(_tinted(cell, tints) for cell in [*padded[:last], *cells[last : last + 1]])
            if cells
            else ""
        )


def _tinted(cell: str, tints: Mapping[str, str]) -> str:
    word = cell.split(" ", 1)[0]
    return style(word, tints[word]) + cell[len(word) :] if word in tints else cell


def _cell(text: object) -> str:
    """One line without control characters, whoever wrote it."""
    return _NOT_IN_CELLS.sub("\ufffd", " ".join(str(text).splitlines()))


def document(data: Any, form: str) -> None:
    """JSON or YAML, for `-o`."""
    if form == "json":
        say(json.dumps(data, indent=2, default=str))
        return
    import yaml

    say(yaml.safe_dump(data, sort_keys=False, default_flow_style=False).rstrip())


def show_error(error: JxError) -> None:
    """One message: what happened, every mistake with its place, and what to do next."""
    write = sys.stderr.write
    write(f"{style('error:', 'red', 'bold', stream=sys.stderr)} {error.message}\n")
    if isinstance(error, Invalid):
        for problem in error.problems:
            write(f"  {problem}\n")
    hints = error.hint.splitlines()
    if isinstance(error, Refused) and error.flag and error.flag not in error.hint:
        hints.append(f"to do it all the same: {error.flag}")
    for line in hints:
        write(f"{style('hint:', 'cyan', stream=sys.stderr)} {line}\n")
    sys.stderr.flush()


class TerminalReporter:
    """ports.reporter for people: events of one key renew one line on a terminal, and are plain lines elsewhere."""

    def __init__(self, *, verbose: bool = False, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._verbose = verbose
        self._lock = threading.Lock()
        self._open_key = ""
        self._last: dict[str, str] = {}

    def tell(self, event: Event) -> None:
        """Print it, unless it is for debugging and nobody asked."""
        if event.level is Level.DEBUG and not self._verbose:
            return
        with self._lock:
            if event.key and is_plain(self._stream) and self._last.get(event.key) == event.message:
                return  # the same state again is no news in a log
            self._last[event.key] = event.message
            if "url" in event.facts:  # where the result is: for standard output, as all results
                say(event.message)
            else:
                self._write(event)

    def _write(self, event: Event) -> None:
        text = {Level.WARNING: "warning: ", Level.ERROR: "error: "}.get(event.level, "") + event.message
        colour = {Level.WARNING: "yellow", Level.ERROR: "red", Level.DEBUG: "dim"}.get(event.level)
        shown = style(text, colour, stream=self._stream) if colour else text
        if is_plain(self._stream):
            self._stream.write(text + "\n")
        elif event.key:
            width = shutil.get_terminal_size().columns - 1
            start = "\r\x1b[K" if self._open_key == event.key else ("\n" if self._open_key else "")
            self._stream.write(start + shown[: width + len(shown) - len(text)])
        else:
            self._stream.write(("\n" if self._open_key else "") + shown + "\n")
        self._open_key = "" if is_plain(self._stream) else event.key
        self._stream.flush()

    def end(self) -> None:
        """Close an open line of progress."""
        if self._open_key:
            self._stream.write("\n")
            self._stream.flush()
            self._open_key = ""


class LogReporter:
    """ports.reporter for pods: one line an event, with its time, as text or JSON."""

    def __init__(self, form: str = "text", *, stream: TextIO | None = None) -> None:
        self._form = form
        self._stream = stream or sys.stdout
        self._lock = threading.Lock()

    def tell(self, event: Event) -> None:
        """Write the line."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if self._form == "json":
            line = json.dumps(
                {"time": at, "level": event.level.value, "message": event.message, **event.facts}
            )
        else:
            line = f"{at} {event.level.value:<7} {event.message}"
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()

    def end(self) -> None:
        """Nothing is left open."""
