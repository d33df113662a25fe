"""Probes: whether a container has started, is alive and is ready, found out as its spec says."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from jx.adapters.local.kubernetes.types.facts import Obj

Outcome: TypeAlias = str | None
"""None for a success, else what went wrong."""

FIRST_LOOK_SECONDS = 0.05
_SHOWN_BYTES = 1024


@dataclass(frozen=True)
class Surroundings:
    """What a check needs to know about the container that it looks at."""

    ip: str
    ports: Mapping[str, int]
    environment: Mapping[str, str]
    folder: Path


def check(handler: Obj, surroundings: Surroundings, timeout_seconds: float) -> Outcome:
    """Ask once, by httpGet, tcpSocket or exec."""
    if "httpGet" in handler:
        return _check_http(handler["httpGet"], surroundings, timeout_seconds)
    if "tcpSocket" in handler:
        return _check_tcp(handler["tcpSocket"], surroundings, timeout_seconds)
    if "exec" in handler:
        return _check_exec(handler["exec"].get("command") or [], surroundings, timeout_seconds)
    return None


def _address(action: Obj, surroundings: Surroundings) -> tuple[str, int]:
    port = action["port"]
    number = port if isinstance(port, int) else surroundings.ports.get(port, 0)
    return (action.get("host") or surroundings.ip, int(number))


def _check_http(action: Obj, surroundings: Surroundings, timeout_seconds: float) -> Outcome:
    host, port = _address(action, surroundings)
    headers = {header["name"]: header["value"] for header in action.get("httpHeaders") or []}
    connection: http.client.HTTPConnection
    if action.get("scheme") == "HTTPS":
        unverified = ssl._create_unverified_context()  # as a kubelet: a probe asks whether, not who
        connection = http.client.HTTPSConnection(host, port, timeout=timeout_seconds, context=unverified)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout_seconds)
    try:
        connection.request(
            "GET", action.get("path") or "/", headers={"User-Agent": "kube-probe/1", **headers}
        )
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f'Get "http://{host}:{port}{action.get("path") or "/"}": {error}'
    finally:
        connection.close()
    return None if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"


def _check_tcp(action: Obj, surroundings: Surroundings, timeout_seconds: float) -> Outcome:
    host, port = _address(action, surroundings)
    try:
        socket.create_connection((host, port), timeout=timeout_seconds).close()
    except OSError as error:
        return f"dial tcp {host}:{port}: {error}"
    return None


def _check_exec(command: list[str], surroundings: Surroundings, timeout_seconds: float) -> Outcome:
    try:
        child = subprocess.Popen(
            command,
            env=dict(surroundings.environment),
            cwd=surroundings.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return str(error)
    with child:
        try:
            output, _ = child.communicate(timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            return f"command timed out after {timeout_seconds:g}s"
    return None if child.returncode == 0 else output[:_SHOWN_BYTES].decode(errors="replace")


Kind: TypeAlias = Literal["startup", "readiness", "liveness"]


@dataclass
class Verdicts:
    """What the probes of one run say so far."""

    started: bool
    ready: bool
    alive: bool = True
    complaint: str = ""
    complaints: int = 0


class Prober:
    """Runs the probes of one run of a container in a thread of its own, from `start` to `stop`.

    While the answer is still "not yet", it looks more often than the period says, so that a container counts as soon as
    it can; failures are counted once per period. `on_change` is called from the thread whenever a verdict changes.
    """

    def __init__(self, container: Obj, surroundings: Surroundings, on_change: Callable[[], None]) -> None:
        self._probes: dict[Kind, Obj] = {}
        for kind in ("startup", "readiness", "liveness"):
            if container.get(f"{kind}Probe"):
                self._probes[kind] = container[f"{kind}Probe"]
        self._surroundings = surroundings
        self._on_change = on_change
        self._ended = threading.Event()
        self.verdicts = Verdicts(started="startup" not in self._probes, ready=not self._probes)
        if "readiness" not in self._probes:
            self.verdicts.ready = self.verdicts.started
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._probes:
            self._thread = threading.Thread(target=self._run, name="prober", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ask no more; a check that is under way ends by its own time limit."""
        self._ended.set()

    def _run(self) -> None:
        if "startup" in self._probes and not self._watch_start(_Counter(self._probes["startup"])):
            return
        counters = {kind: _Counter(probe) for kind, probe in self._probes.items() if kind != "startup"}
        while counters and self.verdicts.alive:
            kind = min(counters, key=lambda each: counters[each].due)
            if self._ended.wait(max(0.0, counters[kind].due - time.monotonic())):
                return
            self._look(kind, counters[kind])

    def _watch_start(self, counter: _Counter) -> bool:
        while not self._ended.wait(max(0.0, counter.due - time.monotonic())):
            outcome = counter.look(self._surroundings, eager=True)
            if outcome is None:
                self._tell(started=True, ready="readiness" not in self._probes)
                return True
            self._complain("Startup", outcome, counter)
            if counter.has_failed:
                self._tell(alive=False)
                return False
        return False

    def _look(self, kind: Kind, counter: _Counter) -> None:
        outcome = counter.look(self._surroundings, eager=kind == "readiness" and not self.verdicts.ready)
        if outcome is not None:
            self._complain(kind.capitalize(), outcome, counter)
        if kind == "liveness":
            if counter.has_failed:
                self._tell(alive=False)
        elif counter.has_passed:
            self._tell(ready=True)
        elif counter.has_failed:
            self._tell(ready=False)

    def _complain(self, kind: str, outcome: str, counter: _Counter) -> None:
        if counter.counted:
            self.verdicts.complaint = f"{kind} probe failed: {outcome}"
            self.verdicts.complaints += 1
            self._on_change()

    def _tell(
        self, *, started: bool | None = None, ready: bool | None = None, alive: bool | None = None
    ) -> None:
        verdicts = self.verdicts
        before = (verdicts.started, verdicts.ready, verdicts.alive)
        verdicts.started = verdicts.started if started is None else started
        verdicts.ready = verdicts.ready if ready is None else ready
        verdicts.alive = verdicts.alive if alive is None else alive
        if before != (verdicts.started, verdicts.ready, verdicts.alive) and not self._ended.is_set():
            self._on_change()


class _Counter:
    """When one probe is due, and how often it passed or failed in a row."""

    def __init__(self, probe: Obj) -> None:
        self._probe = probe
        self._period = float(probe.get("periodSeconds") or 10)
        self._eager_seconds = FIRST_LOOK_SECONDS
        self._last_counted = -self._period
        self._passed = 0
        self._failed = 0
        self.counted = False
        """Whether the last look counted, or only came early."""
        self.due = time.monotonic() + float(probe.get("initialDelaySeconds") or 0)

    def look(self, surroundings: Surroundings, *, eager: bool) -> Outcome:
        now = time.monotonic()
        outcome = check(self._probe, surroundings, float(self._probe.get("timeoutSeconds") or 1))
        self.counted = outcome is None or now - self._last_counted >= self._period
        if self.counted:
            self._last_counted = now
        if outcome is None:
            self._passed, self._failed = self._passed + 1, 0
        elif self.counted:
            self._passed, self._failed = 0, self._failed + 1
        wait = self._period
        if eager:
            wait = min(self._period, self._eager_seconds)
            self._eager_seconds *= 1.5
        self.due = now + wait
        return outcome

    @property
    def has_passed(self) -> bool:
        return self._passed >= int(self._probe.get("successThreshold") or 1)

    @property
    def has_failed(self) -> bool:
        return self._failed >= int(self._probe.get("failureThreshold") or 3)
