"""`jx get drift`: what was changed behind our back, for people and for programs."""

from __future__ import annotations

import json

import pytest
from tests.support.platform import Machine

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-shared")]


def test_an_environment_that_is_as_it_was_left(platform: Machine) -> None:
    ran = platform.jx("get", "drift", "production", "--exit-code").ok()
    assert "Nothing was changed behind our back" in ran.out
    assert json.loads(platform.jx("get", "drift", "production", "-o", "json").ok().out) == []


def test_an_environment_that_is_not_there(platform: Machine) -> None:
    ran = platform.jx("get", "drift", "productoin")
    assert ran.code == 4
    assert "there is no environment productoin" in ran.told
