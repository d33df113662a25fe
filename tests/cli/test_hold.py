"""`jx hold` and `jx resume`: who stops automatic applies says why, and everybody reads it."""

from __future__ import annotations

import json

import pytest
from tests.support.platform import Machine

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-shared")]


def test_a_hold_is_shown_with_its_end_and_resume_ends_it(platform: Machine) -> None:
    held = platform.jx("hold", "production", "--reason", "release freeze", "--until", "3d").ok()
    assert "Environment production is on hold by" in held.told
    try:
        shown = platform.jx("get", "env").ok().out
        assert "release freeze" in shown
        hold = json.loads(platform.jx("get", "env", "production", "-o", "json").ok().out)["hold"]
        assert (hold["reason"], hold["kind"]) == ("release freeze", "person")
        assert hold["until"] > hold["since"]
    finally:
        ended = platform.jx("resume", "production").ok()
    assert "release freeze" in ended.told
    assert "is not on hold" in platform.jx("resume", "production").ok().out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["hold", "production"], 2, "Missing option '-r' / '--reason'"),
        (["hold", "nope", "--reason", "x"], 4, "never seen environment nope"),
        (["hold", "production", "--reason", "x", "--until", "soon"], 2, "--until: 'soon' is no time"),
        (["hold", "production", "--reason", "x", "--until", "2020-01-01"], 2, "2020-01-01 has passed"),
    ],
)
def test_a_hold_that_makes_no_sense_is_refused(
    platform: Machine, words: list[str], code: int, said: str
) -> None:
    ran = platform.jx(*words)
    assert ran.code == code, ran
    assert said in ran.told
    assert not any(one["hold"] for one in json.loads(platform.jx("get", "env", "-o", "json").ok().out))
