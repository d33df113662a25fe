"""Following an environment: the branch's head is applied once, and forge and records end up knowing how it went."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.endings import objects
from tests.support.faults import Fault, Faults
from tests.support.fuses import Crash
from tests.support.journeys import ANN, BOB, BOT, DEV, STAGING, World, installed, merged

from jx.domain.applying.applying import ApplyReport
from jx.domain.changes.changes import CheckState
from jx.domain.errors import Held, Unavailable
from jx.domain.names import EnvironmentName, Revision
from jx.domain.runs.activities import Activity, ActivityStatus
from jx.usecases.following.follow_environment import FollowRequest


@pytest.fixture
def world() -> World:
    return installed()


@pytest.fixture
def merge(world: World) -> Revision:
    """A merge on dev that was not applied yet."""
    pull = world.process(ANN).add_app("redis")
    assert pull is not None
    return merged(world, pull.number)


def follow(world: World, faults: Faults | None = None, name: EnvironmentName = DEV) -> ApplyReport | None:
    process = world.process(BOT, faults)
    return process.follow(FollowRequest(world.environments[name], process.holder))


def record_of(world: World, revision: Revision) -> Activity:
    (found,) = [one for one in world.activities.list_all() if one.revision == revision]
    return found


def state_of(world: World, revision: Revision) -> CheckState | None:
    check = world.status(revision)
    return check.state if check else None


def crash_at(world: World, port: str, method: str, *, last: bool = False) -> None:
    """Follow, and die right before a call."""
    dry = Faults()
    follow(world.copy(), dry)
    numbers = [n for n, call in enumerate(dry.calls, start=1) if call == (port, method)]
    with pytest.raises(Crash):
        follow(world, Faults(numbers[-1 if last else 0], Fault.CRASH_BEFORE))
    world.clock.move(timedelta(minutes=5))


def test_a_merge_is_applied_and_told_to_the_forge_and_the_records(world: World, merge: Revision) -> None:
    report = follow(world)
    assert report is not None
    assert report.is_good
    record = record_of(world, merge)
    assert (record.status, record.author, record.build) == (ActivityStatus.SUCCEEDED, "Ann Lee", "2")
    assert record.name == "team-environment-acme-dev-master-2"
    assert [(step.name, step.description) for step in record.steps] == [("apply", "5 created, 20 unchanged")]
    assert state_of(world, merge) is CheckState.SUCCESS


def test_the_ledger_names_who_asked_who_approved_and_the_pull_request(world: World, merge: Revision) -> None:
    follow(world)
    entry = world.ledger()[-1]
    assert entry.author.name == "Ann Lee"
    assert entry.trailers["Jx-Source-Commit"] == merge
    assert entry.trailers["Jx-Approved-By"] == "Bob Ray <bob@example.com>"
    assert entry.trailers["Jx-Pull-Request"] == world.pull().url


def test_what_is_applied_is_left_alone(world: World, merge: Revision) -> None:
    follow(world)
    writes = len(world.cluster.writes())
    assert follow(world) is None
    assert len(world.cluster.writes()) == writes


def test_a_commit_without_a_branch_is_no_work(world: World) -> None:
    environment = world.environments[DEV]
    empty = type(environment)(DEV, "jx", environment.repo, branch="nobody-made-it")
    process = world.process(BOT)
    assert process.follow(FollowRequest(empty, process.holder)) is None


def test_a_crash_during_the_wait_for_health_leaves_no_record_open(world: World, merge: Revision) -> None:
    crash_at(world, "cluster", "changes")
    assert record_of(world, merge).status is ActivityStatus.RUNNING
    assert state_of(world, merge) is CheckState.PENDING
    follow(world)
    assert record_of(world, merge).status is ActivityStatus.SUCCEEDED
    assert state_of(world, merge) is CheckState.SUCCESS
    assert world.anchor().applied
    assert len(world.ledger()) == 2


def test_a_crash_right_before_the_record_leaves_it_not_open(world: World, merge: Revision) -> None:
    crash_at(world, "activities", "save", last=True)
    follow(world)
    assert record_of(world, merge).status is ActivityStatus.SUCCEEDED


def test_a_forge_that_is_down_is_told_when_it_is_back(world: World, merge: Revision) -> None:
    world.down["forge"].is_down = True
    report = follow(world)
    assert report is not None
    assert report.is_good
    record = record_of(world, merge)
    assert record.status is ActivityStatus.SUCCEEDED
    assert [step.name for step in record.steps] == ["apply", "tell the forge"]
    assert follow(world) is None
    world.down["forge"].is_down = False
    assert follow(world) is None
    assert state_of(world, merge) is CheckState.SUCCESS
    assert [step.name for step in record_of(world, merge).steps] == ["apply"]


def test_records_that_cannot_be_written_do_not_stop_an_apply(world: World, merge: Revision) -> None:
    world.down["activities"].is_down = True
    report = follow(world)
    assert report is not None
    assert report.is_good
    assert state_of(world, merge) is CheckState.SUCCESS
    assert follow(world) is None


def test_what_was_seen_to_be_recorded_is_not_asked_for_again(world: World, merge: Revision) -> None:
    faults = Faults()
    process = world.process(BOT, faults)
    for _ in range(5):
        process.follow(FollowRequest(world.environments[STAGING], process.holder))
    assert faults.calls.count(("activities", "list_all")) == 5  # Process wires it anew for each of them
    one = process.follow
    for _ in range(5):
        one(FollowRequest(world.environments[STAGING], process.holder))
    assert faults.calls.count(("activities", "list_all")) == 6


def test_the_record_of_a_commit_that_was_overtaken_is_closed(world: World, merge: Revision) -> None:
    crash_at(world, "cluster", "send")
    ann = world.process(ANN)
    assert ann.add_app("shop")
    newer = merged(world, 2)
    follow(world)
    record = record_of(world, merge)
    assert record.status is ActivityStatus.ABORTED
    assert record.steps[0].description == f"overtaken by {newer[:12]}"
    assert state_of(world, merge) is CheckState.ERROR
    assert record_of(world, newer).status is ActivityStatus.SUCCEEDED


def test_records_of_runs_that_went_before_keep_their_numbers_and_are_closed(
    world: World, merge: Revision
) -> None:
    """Where runs applied until now: they may have been more than there are commits, and one may not have begun."""
    pipeline = f"{world.repo().full_name}/master"
    for build, status in (("2", ActivityStatus.FAILED), ("3", ActivityStatus.PENDING)):
        name = f"{pipeline.replace('/', '-')}-{build}"
        world.activities.save(Activity(name, pipeline, build, status, revision="a" * 40, message="a run"))
    follow(world)
    assert (record_of(world, merge).build, record_of(world, merge).status) == ("4", ActivityStatus.SUCCEEDED)
    runs = [one for one in world.activities.list_all() if one.message == "a run"]
    assert [(one.build, one.status) for one in runs] == [
        ("2", ActivityStatus.FAILED),
        ("3", ActivityStatus.ABORTED),
    ]


def test_a_branch_that_is_set_back_after_a_crash_is_applied_once_more(world: World) -> None:
    before, expected = world.head(), objects(world)
    world.process(ANN).add_app("redis")
    merged(world, 1)
    crash_at(world, "cluster", "send", last=True)
    world.repos._repos[world.repo().url].branches["master"] = before
    follow(world)
    assert objects(world) == expected


def test_a_git_server_that_is_down_is_no_news_about_the_commit(world: World, merge: Revision) -> None:
    world.down["git"].is_down = True
    with pytest.raises(Unavailable):
        follow(world)
    assert state_of(world, merge) is None


def test_a_chart_repository_that_is_down_leaves_the_status_pending(world: World, merge: Revision) -> None:
    world.down["charts"].is_down = True
    with pytest.raises(Unavailable):
        follow(world)
    assert state_of(world, merge) is CheckState.PENDING
    world.down["charts"].is_down = False
    follow(world)
    assert state_of(world, merge) is CheckState.SUCCESS


def test_an_environment_on_hold_is_not_applied_and_not_recorded(world: World) -> None:
    before = world.tree()
    world.process(ANN).add_app("redis")
    revision = merged(world, 1)
    follow(world)
    world.process(BOB).apply_by_hand(before)
    with pytest.raises(Held):
        follow(world)
    assert record_of(world, revision).status is ActivityStatus.SUCCEEDED
    assert world.anchor().holds


def test_a_hold_ends_without_an_apply_when_the_branch_is_what_was_applied_by_hand(world: World) -> None:
    before = world.tree()
    world.process(ANN).add_app("redis")
    merged(world, 1)
    follow(world)
    world.process(BOB).apply_by_hand(before)
    writes = len(world.cluster.writes())
    revert = world.push(before, "Revert it")
    follow(world)
    assert not world.anchor().holds
    assert len(world.cluster.writes()) == writes
    assert state_of(world, revert) is CheckState.SUCCESS


def test_ledger_entries_that_wait_are_published_although_there_is_nothing_to_apply(
    world: World, merge: Revision
) -> None:
    dry = Faults()
    follow(world.copy(), dry)
    appending = dry.calls.index(("git", "append")) + 1
    follow(world, Faults(appending, Fault.DOWN))
    assert world.anchor().pending
    assert follow(world) is None
    assert not world.anchor().pending
    assert world.ledger()[-1].trailers["Jx-Source-Commit"] == merge
