"""A journey that is interrupted at every outside call, one at a time, and gone through again: it has to end the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.support.endings import end_state
from tests.support.faults import CRASHES, PURE, Fault, Faults
from tests.support.fuses import Crash
from tests.support.journeys import World

_READS = frozenset(
    {
        "find",
        "list_all",
        "head",
        "read",
        "log",
        "whoami",
        "observe",
        "list_pulls",
        "versions",
        "resolve",
        "fetch",
    }
    | {"capabilities", "live", "changes", "logs", "listen", "now", "render"}
)


@dataclass(frozen=True)
class Journey:
    """How the world is before, and what programs do in it. `run` is repeatable: people and pods that were interrupted begin
    again with what they were at."""

    build: Callable[[], World]
    run: Callable[[World, Faults], None]

    @cached_property
    def base(self) -> World:
        return self.build()

    @cached_property
    def calls(self) -> list[tuple[str, str]]:
        """The outside calls of a run without faults, up to the last one that changes anything."""
        faults = Faults()
        self.run(self.base.copy(), faults)
        last = max(n for n, call in enumerate(faults.calls) if is_change(*call) and call[0] != "signals")
        return faults.calls[: last + 1]

    def points(self, fault: Fault) -> list[int]:
        """Where a fault makes a difference. A crash after a call is one before the next call, and where nothing was changed in
        between it is the same crash; so crashes stand after each call that changes something, and before the first. A server
        fails at the first, the second and the last call of each kind."""
        changing = [n for n, call in enumerate(self.calls, start=1) if is_change(*call)]
        if fault in CRASHES:
            return changing if fault is Fault.CRASH_AFTER else changing[:1]
        kinds: dict[tuple[str, str], list[int]] = {}
        for number, (port, method) in enumerate(self.calls, start=1):
            if port not in PURE and (fault is Fault.DOWN or number in changing):
                kinds.setdefault((port, method), []).append(number)
        return sorted({number for kind in kinds.values() for number in (*kind[:2], kind[-1])})

    def crash(self) -> tuple[int, list[str]]:
        """The same of every kind of crash together."""
        found = [self.interrupt(fault) for fault in CRASHES]
        return sum(points for points, _ in found), [one for _, wrong in found for one in wrong]

    def interrupt(self, fault: Fault) -> tuple[int, list[str]]:
        """How often it was interrupted, and each end that was another one."""
        failures = fault in CRASHES
        expected_world = self.base.copy()
        self.run(expected_world, Faults())
        expected = end_state(expected_world, failures=failures)
        wrong = []
        points = self.points(fault)
        for at in points:
            world = self.base.copy()
            try:
                self.run(world, Faults(at, fault))
            except Crash:
                self.run(world, Faults())
            found = list(differences(expected, end_state(world, failures=failures)))
            wrong += [f"{fault} at call {at}, {'.'.join(self.calls[at - 1])}: {one}" for one in found]
        return len(points), wrong


def is_change(port: str, method: str) -> bool:
    """Whether a call may change anything outside."""
    return port not in PURE and method not in _READS


def differences(expected: Any, found: Any, path: str = "") -> Iterator[str]:
    """Where two ends are not the same."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in {**expected, **found}:
            yield from differences(expected.get(key), found.get(key), f"{path}/{key}")
    elif expected != found:
        yield f"{path}: expected {str(expected)[:300]}, found {str(found)[:300]}"
