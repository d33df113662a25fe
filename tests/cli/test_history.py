"""`jx get history`, `jx verify history`: for people, for programs, and from a clone that nobody serves any more."""

from __future__ import annotations

import json

import pytest
from tests.support.platform import Machine

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-shared")]


def test_a_clone_tells_the_same_history_without_a_network(platform: Machine) -> None:
    clone = platform.clone("past")
    asked = json.loads(platform.jx("get", "history", "dev", "-o", "json").ok().out)
    alone = json.loads(platform.jx("get", "history", "--dir", str(clone), "-o", "json").ok().out)
    known = {one["ledgerCommit"] for one in asked}
    assert alone
    assert {one["ledgerCommit"] for one in alone} <= known
    assert alone[-1]["versions"][0]["app"] == "jx-platform"


def test_the_ledgers_of_a_platform_are_whole(platform: Machine) -> None:
    ran = platform.jx("verify", "history").ok()
    assert "dev: the ledger at" in ran.out
    assert "BROKEN" not in ran.out
    assert "as the cluster remembers" in ran.out


def test_a_ledger_that_was_cut_in_a_clone_is_broken_and_ends_with_1(platform: Machine) -> None:
    clone = platform.clone("cut")
    script = "git update-ref refs/remotes/origin/jx-ledger $(git commit-tree -m cut $(git mktree </dev/null))"
    platform.shell(script, cwd=clone).ok()
    ran = platform.jx("verify", "history", "--dir", ".", cwd=clone).ended(1)
    assert "BROKEN" in ran.out


def test_what_is_no_object_and_no_time_is_said(platform: Machine) -> None:
    assert "name it as KIND/NAME" in platform.jx("get", "history", "--object", "shop").ended(2).told
    assert "is no time" in platform.jx("get", "history", "--since", "ever").ended(2).told


def test_an_environment_that_is_not_there(platform: Machine) -> None:
    assert "there is no environment productoin" in platform.jx("get", "history", "productoin").ended(4).told


def test_a_field_leads_to_its_line_and_another_program_is_named(platform: Machine) -> None:
    found = json.loads(platform.jx("blame", "Deployment/jx-controllers", "-e", "dev", "-o", "json").ok().out)
    fields = {one["path"]: one for one in found["fields"]}
    assert fields[".spec.strategy.type"]["origin"]["file"].endswith("/templates/controllers.yaml")
    assert fields[".spec.strategy.type"]["causes"][0]["author"]
    assert fields[".metadata.annotations.deployment.kubernetes.io/revision"]["manager"] != "jx"
    table = (
        platform.jx("blame", "Deployment/jx-controllers", "-e", "dev", "--field", "spec.strategy", "--quick")
        .ok()
        .out
    )
    assert "ledger line" in table


def test_a_clone_tells_blame_without_a_cluster(platform: Machine) -> None:
    clone = platform.clone("blamed")
    ran = platform.jx("blame", "Deployment/jx-controllers", "--dir", ".", "--quick", cwd=clone).ok()
    assert "the cluster was not asked" in ran.err


def test_why_a_pod_exists(platform: Machine) -> None:
    told = platform.jx("why", "Deployment/jx-controllers").ok().out
    assert "is part of environment dev: app jx-platform 1.0.0" in told
    assert "no ledger has Deployment/nothing" in platform.jx("blame", "Deployment/nothing").ended(4).told


def test_a_revert_shows_first_what_it_does(platform: Machine) -> None:
    clone = platform.clone("noted", environment="staging")
    note = "echo a >> note.md; git add note.md; git commit -qm 'A note'"
    script = f'{note}; eval "$(jx local env)"; git push -q; git rev-parse HEAD'
    commit = platform.shell(script, cwd=clone).ok().out.strip()
    shown = platform.jx("revert", commit, "-e", "staging", "--dry-run", user="ann").ok().out
    assert "Takes back from staging:" in shown
    assert "A note" in shown
    ran = platform.jx("revert", commit[:10], "-e", "staging", "-b", user="ann").ok()
    told = platform.jx("pr", "view", ran.pull, "-e", "staging").ok().out
    assert "Revert A note" in told
    platform.jx("pr", "close", ran.pull, "-e", "staging", user="ann").ok()


def test_a_revert_wants_one_thing_that_is_there(platform: Machine) -> None:
    assert "name one thing to revert" in platform.jx("revert").ended(2).told
    assert "was not merged" in platform.jx("revert", "99").ended(4).told
