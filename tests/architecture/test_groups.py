"""Tests that share a place run one after the other, wherever the suite runs on several processes."""

from __future__ import annotations

import os

import pytest


@pytest.mark.xdist_group("guard-of-groups")
def test_groups_of_tests_are_known_to_what_spreads_them(request: pytest.FixtureRequest) -> None:
    # pytest-xdist puts a group into a test's id; where it cannot, it says nothing and spreads the tests one by one.
    is_spread = "PYTEST_XDIST_WORKER" in os.environ
    assert request.node.nodeid.endswith("@guard-of-groups") is is_spread
