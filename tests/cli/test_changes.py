"""Changes are pull requests: their branches, titles and bodies are Jenkins X 2's, and who may do what is the forge's word."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.support.platform import Machine, Ran

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-shared")]


@pytest.fixture(scope="module")
def redis(platform: Machine) -> Machine:
    """The platform with redis and dashboard in dev, in versions that can be upgraded."""
    for app, version in (("redis", "1.0.0"), ("dashboard", "0.3.0")):
        if platform.jx("get", "app", app).code:
            platform.merge(platform.jx("add", "app", app, "--version", version, user="ann").ok().pull)
    return platform


def view(machine: Machine, pull: str, env: str = "dev") -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(machine.jx("pr", "view", pull, "--env", env, "-o", "json").ok().out)
    return shown


def close(machine: Machine, ran: Ran, env: str = "dev") -> None:
    machine.jx("pr", "close", ran.pull, "--env", env).ok()


def test_an_added_app_is_a_pull_request_by_who_asked(platform: Machine) -> None:
    asked = platform.jx("add", "app", "shop", "--version", "1.0.0", "--env", "staging", user="ann").ok()
    assert re.fullmatch(r"Created Pull Request: http://\S+/environment-local-staging/pulls/\d+\n", asked.out)
    seen = view(platform, asked.pull, "staging")
    assert seen["head"]["branch"] == "add-app-shop-1.0.0"
    assert (seen["title"], seen["author"], seen["state"]) == ("Add shop 1.0.0", "ann", "open")
    assert "Add app shop 1.0.0" in platform.jx("pr", "view", asked.pull, "--env", "staging").out
    again = platform.jx("add", "app", "shop", "--version", "1.0.0", "--env", "staging", user="ann").ok()
    assert again.pull == asked.pull, "the same request met another pull request"
    assert view(platform, asked.pull, "staging")["head"] == seen["head"]
    close(platform, asked, "staging")


@pytest.mark.parametrize(
    ("words", "branch", "title", "body"),
    [
        (
            ["upgrade", "app", "redis"],
            r"upgrade-app-redis-1\.1\.0-[0-9a-f]{5}",
            "Upgrade redis to 1.1.0",
            "Upgrade redis from 1.0.0 to 1.1.0",
        ),
        (
            ["upgrade", "apps", "--all"],
            r"upgrade-all-apps-[0-9a-f]{5}",
            "Upgrade all apps",
            "* redis from 1.0.0 to 1.1.0\n* dashboard from 0.3.0 to 0.4.0",
        ),
        (["delete", "app", "redis"], "delete-app-redis", "Delete redis", "Delete app redis"),
        (
            ["edit", "app", "redis", "--set", "resources.limits.memory=512Mi"],
            r"edit-app-redis-[0-9a-f]{5}",
            "Edit redis",
            "Edit app redis: set `resources.limits.memory`",
        ),
        (
            ["upgrade", "platform", "--version", "1.1.0"],
            r"upgrade-app-jx-platform-1\.1\.0-[0-9a-f]{5}",
            "Upgrade jx-platform to 1.1.0",
            "Upgrade jx-platform from 1.0.0 to 1.1.0",
        ),
        (
            ["add", "app", "redis", "--alias", "cache", "--auto-merge"],
            r"add-app-cache-1\.1\.0",
            "Add cache 1.1.0",
            "Add app cache 1.1.0",
        ),
    ],
    ids=lambda words: " ".join(words[:3]) if isinstance(words, list) else "",
)
def test_changes_are_called_as_in_jenkins_x_2(
    redis: Machine, words: list[str], branch: str, title: str, body: str
) -> None:
    asked = redis.jx(*words, user="ann").ok()
    seen = view(redis, asked.pull)
    assert re.fullmatch(branch, seen["head"]["branch"])
    assert seen["title"] == title
    assert body in redis.jx("pr", "view", asked.pull).out
    assert seen["labels"] == (["updatebot"] if "--auto-merge" in words else [])
    close(redis, asked)


def test_what_is_there_already_is_said_and_no_mistake(redis: Machine) -> None:
    there = redis.jx("add", "app", "redis", user="ann").ok()
    assert "App redis already installed, version 1.0.0" in there.told
    assert "jx upgrade apps redis" in there.told
    assert "Created Pull Request" not in there.told
    same = redis.jx("upgrade", "platform", "--version", "1.0.0", user="ann").ok()
    assert "Already installed platform version 1.0.0. Skipping upgrade process." in same.told


def test_getting_an_app_that_is_not_there_exits_1_as_in_kubectl(redis: Machine) -> None:
    assert "DEPLOYED" in redis.jx("get", "app", "redis").ok().out
    assert "No app nope found" in redis.jx("get", "app", "nope").ended(1).told
    assert "did you mean staging?" in redis.jx("get", "env", "stagin").ended(1).told


def test_nobody_approves_their_own_and_a_push_makes_an_approval_stale(redis: Machine) -> None:
    asked = redis.jx("edit", "app", "redis", "--set", "maxmemory=32mb", user="ann").ok()
    pull = asked.pull
    assert "your own pull request" in redis.jx("pr", "approve", pull, user="ann").ended(3).told
    seen = view(redis, pull)
    redis.jx("pr", "approve", pull).ok()
    assert view(redis, pull)["approvedBy"] == ["dana"]
    clone = redis.clone("stale-approval", user="ann")
    redis.shell(
        f"eval \"$(jx --as ann local env)\"; git checkout -q {seen['head']['branch']}; echo '# more' >> README.md;"
        " git commit -qam 'One more thing'; git push -q origin HEAD",
        cwd=clone,
    ).ok()
    assert view(redis, pull)["approvedBy"] == []
    refused = redis.jx("pr", "merge", pull, user="bob").ended(3)
    assert "check jx/approval is pending: needs approval: " in refused.told
    assert "hint: jx pr approve http://" in refused.told
    assert "--override REASON" in refused.told
    without = redis.jx("pr", "merge", pull, "--override", "it must be", user="ann").ended(1)
    assert "only who looks after" in without.told
    assert "(an older commit)" in redis.jx("pr", "view", pull).out
    moved = redis.jx("pr", "approve", pull, "--sha", seen["head"]["sha"], user="bob").ended(10)
    assert f"jx pr diff {pull}" in moved.told
    again = redis.jx("edit", "app", "redis", "--set", "maxmemory=32mb", user="ann").ended(10)
    assert "holds commits of Dana Fox" in again.told, "somebody's own commits must not be overwritten"
    close(redis, asked)
    assert "is closed" in redis.jx("pr", "merge", pull, user="bob").ended(3).told
    assert "nothing to approve" in redis.jx("pr", "approve", pull, user="bob").ended(3).told


def test_a_comment_is_shown_and_a_merge_twice_is_one(redis: Machine) -> None:
    asked = redis.jx("add", "app", "dashboard", "--env", "staging", user="ann").ok()
    redis.jx("pr", "comment", asked.pull, "--env", "staging", "-b", "Why now?", user="bob").ok()
    assert "Bob Ray commented:\n  Why now?" in redis.jx("pr", "view", asked.pull, "--env", "staging").out
    url = view(redis, asked.pull, "staging")["url"]
    redis.jx("pr", "merge", url, "--wait", user="bob").ok()
    head = redis.jx("get", "env", "staging", "-o", "json").out
    redis.jx("pr", "merge", url, user="bob").ok()
    assert json.loads(redis.jx("get", "env", "staging", "-o", "json").out)["head"] == json.loads(head)["head"]
    table = redis.jx("get", "applications", "--env", "staging").ok().out.splitlines()
    assert table[0].split() == ["APPLICATION", "STAGING", "PODS", "URL"]
    assert table[1].split()[:2] == ["dashboard", view(redis, url)["title"].split()[-1]]
    gone = redis.jx("delete", "app", "dashboard", "--env", "staging", user="ann").ok()
    redis.merge(gone.pull, env="staging")
    assert "dashboard" not in redis.jx("get", "applications", "--env", "staging").ok().out


def test_activities_are_lines_indented_by_step(redis: Machine) -> None:
    shown = redis.jx("get", "activities", "-f", "local-dev").ok().out.splitlines()
    assert shown[0].split("   ")[0].strip() == "STEP"
    assert re.match(r"dana/environment-local-dev/master #\d+ .* Succeeded Merge pull request", shown[-2])
    assert re.match(r"  apply  .* Succeeded \d+ created", shown[-1])
    assert json.loads(redis.jx("get", "activities", "-o", "json").ok().out)
