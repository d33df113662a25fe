"""Versions are ordered as semver 2.0 orders them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.domain.charts.versions import Version, find_latest
from jx.domain.errors import Invalid

ORDERED = [
    "0.9.9",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2.0.1296",
]
VERSIONS = st.sampled_from(ORDERED) | st.from_regex(
    r"v?[0-9]{1,2}(\.[0-9]{1,2}){0,2}(-[a-c0-9.]{1,4})?", fullmatch=True
)


def test_the_order_of_the_standard() -> None:
    assert sorted(sorted(ORDERED), key=Version) == ORDERED


@given(VERSIONS, VERSIONS)
def test_two_versions_are_equal_or_one_is_newer(one: str, other: str) -> None:
    first, second = Version(one), Version(other)
    assert [first < second, first == second, first > second].count(True) == 1
    if first == second:
        assert hash(first) == hash(second)


def test_a_leading_v_missing_parts_and_metadata_play_no_part() -> None:
    assert Version("v1.2") == Version("1.2.0+build.7")


@pytest.mark.parametrize("text", ["", "latest", "1.2.3.4", "1..2", "1.2.x", "-1"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Version(text)


def test_the_latest_is_the_highest_release() -> None:
    assert find_latest(["1.9.0", "nonsense", "1.10.0", "2.0.0-rc.1"]) == "1.10.0"
    assert find_latest(["1.0.0-a", "1.0.0-b"]) == "1.0.0-b"
    assert find_latest(["x"]) is None
