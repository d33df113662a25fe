"""Helm's engine as the rest sees it: a call that takes a folder, and a process behind it that may be killed or die."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from jx.domain.errors import Failed, JxError

_CHUNK = 1 << 20
_LARGEST_ANSWER = 256 << 20
"""Bytes. Fifty of the largest charts render to a tenth of it."""


@dataclass(frozen=True, slots=True)
class EngineOutput:
    """What a chart renders to, as Helm gives it."""

    files: Mapping[str, str]
    """By template (`chart/templates/x.yaml`), unsorted and unparsed, NOTES.txt among them."""
    crds: tuple[tuple[str, str], ...]
    """Of `crds/` folders: path and text."""
    subcharts: frozenset[str]
    """Names (or aliases) of the dependencies that took part."""


class EngineError(JxError):
    """Helm's own error: `kind` is the engine's name for it. Becomes one of ours before it leaves this adapter."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class _Crashed(Exception):
    """The process is gone."""


class _TooMuch(Exception):
    """The answer has no end that anybody could use."""


class _Process:
    """One worker. Its standard error goes to a file without a name, of which only the end is ever read."""

    def __init__(self) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
        # -P: the current folder is often a clone of somebody's repository, and no place to import from.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "jx.adapters.helm.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, line: bytes, timeout: float) -> bytes:
        """The answer to a request; _Crashed where the process ends before, TimeoutError."""
        self._errors.seek(0)
        self._errors.truncate()
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise _Crashed
        try:
            requests.write(line + b"\n")
            requests.flush()
        except OSError as error:
            raise _Crashed from error
        return self._read_line(answers, time.monotonic() + timeout)

    @staticmethod
    def _read_line(answers: IO[bytes], end: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        with selectors.DefaultSelector() as selector:
            selector.register(answers, selectors.EVENT_READ)
            while not parts or not parts[-1].endswith(b"\n"):
                if not selector.select(max(0.0, end - time.monotonic())):
                    raise TimeoutError
                part = os.read(answers.fileno(), _CHUNK)
                if not part:
                    raise _Crashed
                parts.append(part)
                size += len(part)
                if size > _LARGEST_ANSWER:
                    raise _TooMuch
        return b"".join(parts)

    def last_words(self) -> str:
        """The end of what it said on standard error."""
        self._errors.seek(0)
        lines = self._errors.read()[-4000:].decode(errors="replace").strip().splitlines()
        return next(
            (line for line in lines if "fatal" in line or "Error" in line), lines[-1] if lines else ""
        )

    def end(self) -> None:
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                try:
                    stream.close()
                except OSError:  # what was not yet written has nobody to read it
                    continue
        self._process.wait()
        self._errors.close()


class Engine:
    """Renders folders. The process is started when first needed and again after a crash; calls from several threads queue."""

    def __init__(self, *, timeout: float = 120) -> None:
        """`timeout` is for one render, in seconds."""
        self._timeout = timeout
        self._lock = threading.Lock()
        self._holder: list[_Process] = []
        self._finalizer = weakref.finalize(self, _end_all, self._holder)

    def render(self, folder: Path, values: Mapping[str, Any], options: Mapping[str, Any]) -> EngineOutput:
        """What the chart in a folder renders to. EngineError with Helm's reason; Failed where the engine itself fails."""
        line = json.dumps({"folder": str(folder), "values": values, "options": options}).encode()
        with self._lock:
            answer = json.loads(self._ask(line))
        if "error" in answer:
            raise EngineError(answer["error"], answer["detail"])
        return EngineOutput(
            answer["files"],
            tuple((path, text) for path, text in answer["crds"]),
            frozenset(answer["subcharts"]),
        )

    def close(self) -> None:
        """End the process; a later render starts another."""
        with self._lock:
            _end_all(self._holder)

    def _ask(self, line: bytes) -> bytes:
        """A process that had served before may have died of something else, so a crash is tried once more in a new one."""
        try:
            return self._ask_once(line)
        except _Crashed:
            _end_all(self._holder)
        try:
            return self._ask_once(line)
        except _Crashed as error:
            words = self._holder[0].last_words() if self._holder else ""
            _end_all(self._holder)
            raise Failed(
                f"Helm's engine crashed twice on this chart{': ' + words if words else ''}",
                hint="a template may ask for more than 2 GiB; `jx step helm build` writes the chart to a folder to look at",
            ) from error

    def _ask_once(self, line: bytes) -> bytes:
        if self._holder and not self._holder[0].is_alive:
            _end_all(self._holder)
        if not self._holder:
            self._holder.append(_Process())
        try:
            return self._holder[0].ask(line, self._timeout)
        except _TooMuch as error:
            _end_all(self._holder)
            raise Failed(
                f"the charts render to more than {_LARGEST_ANSWER >> 20} MiB",
                hint="no cluster takes that much",
            ) from error
        except TimeoutError as error:
            _end_all(self._holder)
            raise Failed(
                f"the charts did not render within {self._timeout:g} s",
                hint="a template may loop without end; `jx step helm build` writes the chart to a folder to look at",
            ) from error


def _end_all(processes: list[_Process]) -> None:
    while processes:
        processes.pop().end()
