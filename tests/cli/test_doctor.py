"""`jx doctor`: what is wrong in a platform, for people and for programs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.platform import Machine, eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-shared")]


def _examine(platform: Machine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(platform.jx("doctor", "-o", "json", "--timeout", "60").out)
    return found


def test_nothing_is_wrong_in_a_platform_that_is_well(platform: Machine) -> None:
    eventually(lambda: _examine(platform)["isWell"], seconds=60)
    ran = platform.jx("doctor", "--timeout", "60").ok()
    assert ran.out.startswith("Nothing is wrong: kubernetes, forge, git, secret store, anchors")


def test_a_hold_is_told_with_its_reason_and_what_ends_it(platform: Machine) -> None:
    platform.jx("hold", "production", "--reason", "frozen for the fair").ok()
    try:
        ran = platform.jx("doctor", "--timeout", "60")
    finally:
        platform.jx("resume", "production").ok()
    assert ran.code == 1
    assert "environment production: it is on hold" in ran.out
    assert "frozen for the fair" in ran.out
    assert "  jx resume production" in ran.out


def test_a_server_that_is_down_hides_nothing_that_does_not_need_it(platform: Machine) -> None:
    platform.kill("forge")
    try:
        found = _examine(platform)
    finally:
        platform.jx("local", "start").ok()
    assert ("forge", "jx local start") in [(one["where"], one["mend"]) for one in found["findings"]]
    assert not {"git", "branches", "charts"} & {one["where"] for one in found["findings"]}
    assert {"git", "branches", "charts", "webhooks"} <= set(found["unchecked"])
    assert {"kubernetes", "anchors", "workloads", "watchdog"} <= set(found["checked"])


def _finding(platform: Machine, where: str, what: str) -> dict[str, str] | None:
    findings: list[dict[str, str]] = _examine(platform)["findings"]
    return next((one for one in findings if one["where"] == where and what in one["what"]), None)


KUBECTL = 'eval "$(jx local env)"; kubectl -n jx'


@pytest.mark.parametrize(
    ("break_it", "where", "what"),
    [
        ("jx hold staging --reason fair", "environment staging", "on hold"),
        (f"{KUBECTL} delete service jx-webhooks", "environment dev", "behind our back"),
        (
            f"""{KUBECTL} patch environment production --type merge -p '{{"spec":{{"label":"Mine"}}}}'""",
            "environment dev",
            "behind our back",
        ),
        (f"{KUBECTL} scale deployment jx-controllers --replicas 0", "controllers", "scaled to none"),
        ("", "secret store", "does not run"),
    ],
    ids=["hold", "deleted", "changed", "scaled", "server"],
)
def test_the_command_that_is_printed_mends_it(
    platform: Machine, break_it: str, where: str, what: str
) -> None:
    if break_it:
        platform.shell(break_it).ok()
    else:
        platform.kill("vault")
    found: list[dict[str, str]] = []

    def is_found() -> bool:
        found[:] = [one for one in [_finding(platform, where, what)] if one]
        return bool(found)

    eventually(is_found, seconds=60)
    platform.shell(found[0]["mend"]).ok()
    eventually(lambda: _finding(platform, where, what) is None, seconds=60)


def test_where_nothing_is_installed(machine: Machine) -> None:
    ran = machine.jx("doctor").ended(4)
    assert "nothing is installed yet" in ran.err
