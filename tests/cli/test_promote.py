"""`jx promote` on an embedded platform: the command asks, the platform's own pods do the rest."""

from __future__ import annotations

import json

import pytest
from tests.support.platform import Machine
from tests.support.terminal import at_terminal

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-shared")]


def test_a_release_gets_into_staging_by_itself_and_into_production_by_a_person(platform: Machine) -> None:
    platform.jx("promote", "redis", "--version", "1.0.0", "--env", "staging", user="bob").ok()
    asked = platform.jx(
        "promote", "shop", "--version", "1.0.0", "--env", "staging", "--wait", "--timeout", "3m", user="ann"
    ).ok()
    assert asked.out.startswith("Created Pull Request: http")
    assert "shop 1.0.0 in staging: proposed" in asked.err
    assert asked.err.rstrip().endswith("shop 1.0.0 in staging: applied")
    applications = json.loads(platform.jx("get", "applications", "-o", "json").ok().out)
    assert applications["shop"]["staging"]["version"] == "1.0.0"
    platform.jx("promote", "redis", "-v", "1.0.0", "-e", "staging", "--wait", "-t", "3m", user="bob").ok()
    apps = platform.jx("get", "apps", "--env", "staging").ok().out
    assert "redis" in apps
    assert "shop" in apps, "two promotions into one file both survive"
    asked = platform.jx("promote", "shop", "--version", "1.0.0", "-e", "production", user="ann").ok()
    ended = platform.jx(
        "promote", "shop", "-v", "1.0.0", "-e", "production", "--wait", "-t", "0s", user="ann"
    )
    assert ended.code == 1
    assert "Timed out waiting for pull request http" in ended.err
    platform.jx("pr", "close", asked.pull, "--env", "production").ok()
    shown = platform.jx("get", "activities", "-f", "shop/promote").ok().out
    assert "Promote: staging" in shown
    assert "PullRequest: http" in shown
    assert "Merge SHA: " in shown
    assert "Application is at: http://" in shown


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["shop"], 2, "say where to"),
        (["--env", "staging"], 2, "which app?"),
        (["shop", "--env", "stagin"], 4, "did you mean staging?"),
        (["shop", "--env", "dev"], 3, "holds the platform itself"),
        (["shop", "--env", "staging", "--version", "9.9.9"], 4, "9.9.9"),
        (["shop", "--env", "staging", "--release", "x"], 2, "--release has no effect here"),
        (["shop", "--env", "staging", "--no-helm-update"], 2, "has no effect here"),
        (
            ["shop", "--env", "staging", "--wait", "--timeout", "soon"],
            2,
            "Invalid duration format soon for option --timeout",
        ),
        (["shop", "--all-auto", "--env", "staging"], 2, "--all-auto means every automatic environment"),
    ],
)
def test_what_cannot_be_promoted_is_said_in_one_message(
    platform: Machine, words: list[str], code: int, said: str
) -> None:
    ran = platform.jx("promote", *words)
    assert ran.code == code, ran.err
    assert said in ran.err
    assert len(ran.err.strip().splitlines()) <= 2


def test_at_a_terminal_it_is_asked_where_to(platform: Machine) -> None:
    env = platform.environment({"TERM": "dumb"})
    with at_terminal("promote", "shop", "--version", "9.9.9", env=env) as terminal:
        terminal.expect("Pick environment (env) [staging, production]")
        terminal.type("stagin\n")
        terminal.expect("Pick environment (env) [staging, production]")
        terminal.type("production\n")
        assert terminal.end() == 4, terminal.shown
        assert "there is no version 9.9.9 of chart shop" in terminal.shown
    with at_terminal("promote", "shop", "-b", env=env) as terminal:
        assert terminal.end() == 2, terminal.shown
        assert "say where to" in terminal.shown


def test_who_promotes_by_hand_where_releases_come_by_themselves_is_asked_whether_that_is_meant(
    platform: Machine,
) -> None:
    env = platform.environment({"TERM": "dumb"})
    words = ("promote", "shop", "--version", "9.9.9")
    with at_terminal(*words, "--env", "staging", env=env) as terminal:
        terminal.expect("staging: releases get there by themselves")
        terminal.expect("Do you wish to promote anyway? [y/N]")
        terminal.type("\n")
        assert terminal.end() == 0, terminal.shown
        assert "nothing was promoted" in terminal.shown
    with at_terminal(*words, "--namespace", "jx-staging", env=env) as terminal:
        terminal.expect("Do you wish to promote anyway? [y/N]")
        terminal.type("y\n")
        assert terminal.end() == 4, terminal.shown
        assert "there is no version 9.9.9 of chart shop" in terminal.shown
    for not_asked in (("--env", "staging", "-b"), ("--env", "production"), ("--all-auto",)):
        with at_terminal(*words, *not_asked, env=env) as terminal:
            assert terminal.end() == 4, terminal.shown
            assert "anyway" not in terminal.shown
