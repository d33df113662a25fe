"""Journey 2: `jx add app` offers a change, and the pull request says what it does."""

from __future__ import annotations

import pytest
from tests.support.faults import Faults
from tests.support.journeys import ANN, BOB, BOT, DEV, STAGING, World, checked, installed, merged

from jx.domain.changes.changes import CheckState, PullState
from jx.domain.errors import NotFound
from jx.usecases.propose_change import PlatformAt


@pytest.fixture
def world() -> World:
    return installed()


def test_five_outside_calls_in_one_direction_make_a_pull_request(world: World) -> None:
    faults = Faults()
    pull = world.process(ANN, faults).add_app("redis")
    assert pull is not None
    assert (pull.title, pull.author, pull.state) == ("Add redis 1.1.0", ANN, PullState.OPEN)
    assert not [call for call in faults.calls if call[0] == "cluster"]
    assert [method for _, method in faults.calls if method in {"replace", "propose"}] == [
        "replace",
        "propose",
    ]


def test_the_pull_request_is_checked_and_commented_once_by_the_platform(world: World) -> None:
    world.process(ANN).add_app("redis")
    controllers = world.controllers()
    world.deliver(world.process(BOT).receiver)
    for _ in range(3):
        controllers.work()
    pull = world.pull()
    assert [(check.context, check.state) for check in pull.checks] == [
        ("jx/approval", CheckState.PENDING),
        ("jx/check", CheckState.SUCCESS),
        ("jx/plan", CheckState.SUCCESS),
    ]
    assert [comment.author for comment in pull.comments] == [BOT]
    assert "5 to create" in pull.comments[0].body


def test_asking_twice_or_by_two_people_is_one_pull_request(world: World) -> None:
    first = world.process(ANN).add_app("redis")
    second = world.process(ANN).add_app("redis")
    assert first is not None
    assert second is not None
    assert first.number == second.number
    assert len(world.forge.list_pulls(world.repo(), state=None)) == 1


def test_an_app_that_is_there_is_no_change(world: World) -> None:
    world.process(ANN).add_app("redis")
    merged(world, 1)
    world.settle()
    assert world.process(ANN).add_app("redis") is None
    assert "already installed" in world.reporter.text


def test_what_is_merged_is_what_the_comment_said(world: World) -> None:
    world.process(ANN).add_app("redis")
    world.settle()
    said = world.pull().comments[0].body
    merged(world, 1)
    world.settle()
    applied = world.anchor().applied
    assert applied is not None
    assert applied.plan_digest in said


def test_two_apps_from_one_base_are_both_merged_and_both_applied(world: World) -> None:
    world.process(ANN).add_app("redis")
    world.process(BOB).add_app("shop")
    world.process(ANN).approve(2)
    checked(world, 2)
    world.process(ANN).merge(2)
    world.settle()
    assert "| redis | not installed → " in world.pull(1).comments[0].body
    world.process(ANN).add_app("redis")  # replayed on the newest base, as a second push would be
    merged(world, 1)
    world.settle()
    applied = world.anchor().applied
    assert applied is not None
    assert {pin.key for pin in applied.charts} == {"jx-platform", "redis", "shop"}
    assert [entry.author.name for entry in world.ledger()] == ["Olga Own", "Bob Ray", "Ann Lee"]


def test_each_environment_has_its_own_pull_requests(world: World) -> None:
    world.process(ANN).add_app("shop", STAGING)
    assert len(world.forge.list_pulls(world.repo(STAGING))) == 1
    assert world.forge.list_pulls(world.repo(DEV)) == ()


def test_what_nobody_knows_is_not_found_and_changes_nothing(world: World) -> None:
    for act in (
        lambda: world.process(ANN).add_app("rediss"),
        lambda: world.process(ANN).add_app("redis", version="9.9.9"),
        lambda: world.process(ANN).propose_change.target(PlatformAt(world.repo()), "stagin"),
    ):
        with pytest.raises(NotFound):
            act()
    assert world.forge.list_pulls(world.repo(), state=None) == ()
