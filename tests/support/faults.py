"""Faults at one chosen outside call of many: a crash before or after it, a server that is down, an answer that is lost, or
somebody else who acts in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.support.fuses import Crash

from jx.domain.errors import Unavailable

PURE = frozenset({"clock", "renderer", "reporter"})
"""Ports that have no server which could be down."""


class Fault(StrEnum):
    """What goes wrong at the chosen call."""

    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    DOWN = "server down"
    ANSWER_LOST = "answer lost"


CRASHES = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
OUTAGES = (Fault.DOWN, Fault.ANSWER_LOST)


@dataclass
class Faults:
    """Counts outside calls of all ports that it goes around, and lets one of them go wrong. After a crash no call gets out."""

    at: int = 0
    """1 is the first call; 0 never."""
    fault: Fault | None = None
    meddle: Callable[[], None] | None = None
    """Done right before the chosen call, by somebody else."""
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Port and method of each call so far."""
    is_dead: bool = False

    def wrap(self, port: Any, name: str) -> Any:
        """A port whose calls are counted here."""
        return _Port(port, name, self)

    def call(self, port: str, method: str, do: Callable[[], Any]) -> Any:
        if self.is_dead:
            raise Crash
        self.calls.append((port, method))
        if len(self.calls) != self.at:
            return do()
        if self.meddle is not None:
            self.meddle()
        if self.fault is Fault.CRASH_BEFORE:
            self._die()
        if self.fault is Fault.DOWN:
            raise Unavailable(f"{port} is down")
        result = do()
        if self.fault is Fault.CRASH_AFTER:
            self._die()
        if self.fault is Fault.ANSWER_LOST:
            raise Unavailable(f"{port} did what it was asked, but its answer was lost")
        return result

    def _die(self) -> None:
        self.is_dead = True
        raise Crash


class _Port:
    def __init__(self, port: Any, name: str, faults: Faults) -> None:
        self._port = port
        self._name = name
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found
        return lambda *args, **kwargs: self._faults.call(self._name, name, lambda: found(*args, **kwargs))


@dataclass
class Outage:
    """A server that is down for as long as somebody says so."""

    is_down: bool = False

    def wrap(self, port: Any) -> Any:
        """A port that raises Unavailable while it is down."""
        return _Switched(port, self)


class _Switched:
    def __init__(self, port: Any, outage: Outage) -> None:
        self._port = port
        self._outage = outage

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            if self._outage.is_down:
                raise Unavailable("the server is down")
            return found(*args, **kwargs)

        return call
