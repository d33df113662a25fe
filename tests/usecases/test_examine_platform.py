"""Many checks at once: none hides another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

from jx.adapters.local.fixed_clock import FixedClock
from jx.domain.errors import Unavailable
from jx.domain.platforms.ailments import Finding
from jx.usecases.platform.examine_platform import Check, Examination, ExaminePlatform

COLD = Finding("env", "cold", "jx warm")


def _down() -> Iterator[Finding]:
    raise Unavailable("no answer", hint="jx local start")
    yield


def _faulty() -> Iterator[Finding]:
    yield COLD
    raise KeyError("spec")


def _examine(*checks: Check, within: timedelta = timedelta(minutes=1)) -> Examination:
    return ExaminePlatform(checks, FixedClock())(within=within)


def test_all_is_well_where_no_check_finds_anything() -> None:
    found = _examine(Check("a", tuple), Check("b", tuple))
    assert (found.is_well, found.checked) == (True, ("a", "b"))


def test_what_is_down_is_one_finding_and_what_needs_it_is_unchecked() -> None:
    found = _examine(
        Check("cluster", _down),
        Check("drift", _down, ("cluster",)),
        Check("env", lambda: [COLD], ("cluster",)),
    )
    assert found.findings == (Finding("cluster", "no answer", "jx local start"), COLD)
    assert (found.unchecked, found.is_well) == (("drift",), False)


def test_a_failure_of_its_own_is_told_although_another_check_is_well() -> None:
    found = _examine(Check("cluster", tuple), Check("drift", _down, ("cluster",)))
    assert [one.where for one in found.findings] == ["drift"]


def test_a_check_that_hangs_or_is_faulty_hides_no_other() -> None:
    never = threading.Event()

    def hang() -> list[Finding]:
        never.wait()
        return []

    found = _examine(
        Check("hangs", hang),
        Check("faulty", _faulty),
        Check("cold", lambda: [COLD]),
        within=timedelta(seconds=1),
    )
    never.set()
    assert [one.where for one in found.findings] == ["hangs", "faulty", "env"]
    assert found.findings[0].what == "it did not answer within 1 s"
    assert "KeyError" in found.findings[1].what
