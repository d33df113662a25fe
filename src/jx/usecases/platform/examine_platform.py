"""Examine a platform: many checks at once, each by itself and each with a time limit, so that one broken thing hides no other."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from jx.domain.errors import JxError
from jx.domain.platforms.ailments import Finding
from jx.ports.clock import Clock

_NOTHING_TO_DO = "jx doctor"


@dataclass(frozen=True, slots=True)
class Check:
    """One check, and the checks without whose success its own failure says nothing new."""

    name: str
    look: Callable[[], Iterable[Finding]]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found."""

    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    """The checks that came to an end."""
    unchecked: tuple[str, ...]
    """The checks that could not be made, since something that they need is broken."""

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings and not self.unchecked


_Found = tuple[Finding, ...] | JxError


@dataclass(frozen=True, slots=True)
class ExaminePlatform:
    """Reads only, and raises nothing that a check raised: that is a finding, too."""

    checks: tuple[Check, ...]
    clock: Clock

    def __call__(self, *, within: timedelta) -> Examination:
        """All findings, in the order of the checks. A check that takes longer is not waited for."""
        found = self._look(within)
        broken = {name for name, one in found.items() if isinstance(one, JxError)}
        findings: list[Finding] = []
        unchecked = []
        for check in self.checks:
            one = found[check.name]
            if not isinstance(one, JxError):
                findings.extend(one)
            elif any(need in broken for need in check.needs):
                unchecked.append(check.name)
            else:
                findings.append(Finding(check.name, one.message, one.hint or _NOTHING_TO_DO))
        checked = tuple(one.name for one in self.checks if one.name not in broken)
        return Examination(tuple(dict.fromkeys(findings)), checked, tuple(unchecked))

    def _look(self, within: timedelta) -> Mapping[str, _Found]:
        done: queue.Queue[tuple[str, _Found]] = queue.Queue()
        for check in self.checks:
            threading.Thread(target=_run, args=(check, done), daemon=True, name=check.name).start()
        found: dict[str, _Found] = {}
        late = JxError(
            f"it did not answer within {within.total_seconds():.0f} s", hint="jx doctor --timeout 60"
        )
        deadline = self.clock.elapsed() + within
        while len(found) < len(self.checks):
            left = deadline - self.clock.elapsed()
            try:
                name, one = done.get(timeout=max(left.total_seconds(), 0))
            except queue.Empty:
                break
            found[name] = one
        return {check.name: found.get(check.name, late) for check in self.checks}


def _run(check: Check, done: queue.Queue[tuple[str, _Found]]) -> None:
    try:
        done.put((check.name, tuple(check.look())))
    except JxError as error:
        done.put((check.name, error))
    except Exception as error:  # noqa: BLE001 - a check with a fault of its own is to hide no other either
        done.put((check.name, JxError(f"it could not be checked: {type(error).__name__}: {error}")))
