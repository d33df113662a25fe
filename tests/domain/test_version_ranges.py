"""Ranges of versions: examples as Helm decides them, and laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.domain.charts.version_ranges import find_newest, newest_first, parse_version_range
from jx.domain.charts.versions import Version
from jx.domain.errors import Invalid

NUMBER = st.integers(0, 4)
VERSIONS = st.builds(lambda a, b, c: f"{a}.{b}.{c}", NUMBER, NUMBER, NUMBER)


def matches(wanted: str, version: str) -> bool:
    return Version(version) in parse_version_range(wanted)


@pytest.mark.parametrize(
    ("wanted", "yes", "no"),
    [
        ("1.2.3", ["1.2.3", "v1.2.3", "1.2.3+b"], ["1.2.4", "1.2.3-a"]),
        ("=1.2", ["1.2.0", "1.2.9"], ["1.3.0"]),
        ("!=1.2.3", ["1.2.4"], ["1.2.3"]),
        ("!=4.1", ["4.2.0"], ["4.1.0", "4.1.3"]),
        (">1.2.3", ["1.2.4"], ["1.2.3"]),
        (">11", ["12.0.0"], ["11.1.0"]),
        (">11.1", ["11.2.0"], ["11.1.1"]),
        ("<2", ["1.9.9"], ["2.0.0"]),
        ("<=11", ["11.5.0"], ["12.0.0"]),
        (">= 1.2, < 3", ["2.0.0"], ["3.0.0", "1.1.9"]),
        (">=1 <2 || 4.x", ["1.5.0", "4.4.4"], ["3.0.0"]),
        ("~1.2.3", ["1.2.9"], ["1.3.0", "1.2.2"]),
        ("~1", ["1.9.0"], ["2.0.0"]),
        ("~>2.1", ["2.1.7"], ["2.2.0"]),
        ("~0.0.0", ["3.0.0"], []),
        ("^1.2", ["1.9.0"], ["2.0.0", "1.1.0"]),
        ("^0.2.3", ["0.2.9"], ["0.3.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("^0", ["0.9.0"], ["1.0.0"]),
        ("1.2 - 1.4.5", ["1.2.0", "1.4.5"], ["1.4.6"]),
        ("*", ["0.0.0", "9.9.9"], ["1.0.0-rc.1"]),
        ("", ["1.0.0"], []),
        ("1.x", ["1.7.3"], ["2.0.0"]),
        (">=1.0.0-0", ["2.0.0-a", "1.0.0"], ["0.9.0"]),
        (">=1.0.0-0 <2", ["1.5.0-a"], ["2.0.0"]),
    ],
)
def test_a_range_allows_what_helm_allows(wanted: str, yes: list[str], no: list[str]) -> None:
    assert [version for version in yes if not matches(wanted, version)] == []
    assert [version for version in no if matches(wanted, version)] == []


@pytest.mark.parametrize(
    "text", ["latest", "1.2.3.4", "^", ">=1 foo", "1.2,,3", "1 ||", "==1", "-1", ">=1.0.0<2"]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_version_range(text)


@given(VERSIONS, VERSIONS)
def test_the_comparisons_agree_with_the_order(one: str, other: str) -> None:
    assert matches(f">={one}", other) is (Version(other) >= Version(one))
    assert matches(f"<{one}", other) is not matches(f">={one}", other)
    assert matches(f"<={one}", other) is not matches(f">{one}", other)
    assert matches(one, other) is not matches(f"!={one}", other)


@given(VERSIONS, VERSIONS)
def test_a_tilde_allows_no_more_than_a_caret_from_version_one_on(wanted: str, version: str) -> None:
    if Version(wanted).numbers[0] and matches(f"~{wanted}", version):
        assert matches(f"^{wanted}", version)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_both_allows_what_each_allows_and_either_what_one_allows(one: str, other: str, version: str) -> None:
    left, right = matches(f">={one}", version), matches(f"<={other}", version)

    assert matches(f">={one} <={other}", version) is (left and right)
    assert matches(f">={one} || <={other}", version) is (left or right)


@given(st.lists(VERSIONS, unique=True), VERSIONS)
def test_the_newest_is_allowed_and_nothing_allowed_is_newer(versions: list[str], wanted: str) -> None:
    best = find_newest(versions, f"^{wanted}")
    allowed = [version for version in versions if matches(f"^{wanted}", version)]

    assert best == (newest_first(allowed)[0] if allowed else None)


def test_without_a_wish_a_release_comes_before_a_newer_prerelease() -> None:
    assert find_newest(["1.0.0", "2.0.0-rc.1"], "") == "1.0.0"
    assert find_newest(["2.0.0-rc.1"], "") == "2.0.0-rc.1"


def test_a_version_that_is_written_exactly_so_comes_first() -> None:
    assert find_newest(["1.2.0", "1.2.5", "1.2"], "1.2") == "1.2"
    assert find_newest(["nightly", "1.0.0"], "nightly") == "nightly"
