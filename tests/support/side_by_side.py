"""Counts the tests of a session that were played on the embedded API and on a real one (`-p tests.support.side_by_side`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

_PROPERTY = "played on"
EMBEDDED, REAL = "embedded", "real"


def played(request: pytest.FixtureRequest, side: str) -> None:
    """Note that the test of this request is played on a side; one of `EMBEDDED`, `REAL`."""
    request.node.user_properties.append((_PROPERTY, side))


@dataclass
class Tally:
    """What the tests of a session were played on. The same test with the other side as its parameter is the same case."""

    sides: dict[str, set[str]] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    def add(self, test: str, sides: Iterable[str], *, has_failed: bool) -> None:
        """Count a phase of a test (its set-up, itself, its end)."""
        case = test.replace(f"[{REAL}", f"[{EMBEDDED}")
        self.sides.setdefault(case, set()).update(sides)
        if has_failed:
            self.failed.add(case)

    @property
    def on_both(self) -> int:
        """How many cases were played on both sides."""
        return sum(sides >= {EMBEDDED, REAL} for sides in self.sides.values())

    def __str__(self) -> str:
        cases = sum(bool(sides) for sides in self.sides.values())
        differing = sum(bool(self.sides[case]) for case in self.failed)
        return f"{cases} cases, {self.on_both} played on both servers, {differing} differ"


class _Counter:
    """Hears of each test, also of those that other processes ran."""

    def __init__(self) -> None:
        self._tally = Tally()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        sides = [str(value) for name, value in report.user_properties if name == _PROPERTY]
        self._tally.add(report.nodeid, sides, has_failed=report.failed)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not self._tally.on_both and session.exitstatus in (
            pytest.ExitCode.OK,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        ):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(str(self._tally), bold=True)
        if not self._tally.on_both:
            terminalreporter.write_line("nothing was played on a real server: that proves nothing", red=True)


def pytest_configure(config: pytest.Config) -> None:
    """Count, in the process that hears of all tests."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Counter(), "side-by-side")
