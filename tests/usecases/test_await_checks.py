"""A merge by hand waits for checks that are on their way, and for nothing that only a person can give."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.journeys import ANN, BOB, BOT, OLGA, World, checked, installed

from jx.adapters.local.fixed_clock import FixedClock
from jx.domain.changes.changes import GUARDS, Check, CheckState
from jx.domain.names import Revision
from jx.usecases.reviewing.await_checks import AwaitChecks

MINUTE = timedelta(minutes=1)


class Meanwhile(FixedClock):
    """While somebody waits, the controllers look at everything."""

    def __init__(self, world: World, *, is_up: bool = True) -> None:
        super().__init__()
        self.world, self.waits, self.is_up = world, 0, is_up

    def wait(self, duration: timedelta) -> bool:
        self.waits += 1
        if self.is_up:
            self.world.settle()
        return super().wait(duration)


@pytest.fixture
def world() -> World:
    world = installed()
    world.process(ANN).add_app("redis")
    return world


def wait(world: World, clock: FixedClock, within: timedelta = MINUTE) -> Revision | None:
    use = AwaitChecks(world.repos, world.forge_as(BOB), clock, world.reporter)
    return use(world.repo(), 1, within=within)


def report(world: World, context: str, state: CheckState, words: str = "") -> None:
    world.forge_as(BOT).set_status(world.repo(), world.pull().head, Check(context, state, words))


def states(world: World) -> dict[str, CheckState]:
    return {check.context: check.state for check in world.pull().checks}


def test_what_was_approved_is_waited_for_until_all_is_said(world: World) -> None:
    world.process(OLGA).approve(1)
    assert wait(world, Meanwhile(world)) == world.head()
    assert states(world) == dict.fromkeys(GUARDS, CheckState.SUCCESS)
    assert "#1 waits for jx/approval, jx/check, jx/plan" in world.reporter.text


def test_where_all_is_said_nobody_waits(world: World) -> None:
    checked(world, 1)
    clock = Meanwhile(world)
    wait(world, clock)
    assert clock.waits == 0


def test_nobody_waits_for_an_approval_that_nobody_gave(world: World) -> None:
    world.settle()
    clock = Meanwhile(world)
    wait(world, clock)
    assert clock.waits == 0


def test_nobody_waits_for_an_approval_of_somebody_whose_word_is_not_needed(world: World) -> None:
    world.process(BOB).approve(1)
    world.settle()
    clock = Meanwhile(world)
    wait(world, clock)
    assert clock.waits == 0


def test_an_approval_that_was_just_given_is_counted_first(world: World) -> None:
    world.settle()
    world.process(OLGA).approve(1)
    wait(world, Meanwhile(world))
    assert states(world)["jx/approval"] is CheckState.SUCCESS


@pytest.mark.parametrize("state", [CheckState.FAILURE, CheckState.ERROR])
def test_a_check_that_says_no_is_the_end_of_waiting(world: World, state: CheckState) -> None:
    report(world, "jx/check", state)
    clock = Meanwhile(world)
    wait(world, clock)
    assert clock.waits == 0


def test_a_check_that_goes_on_is_waited_for_up_to_the_time_given(world: World) -> None:
    checked(world, 1)
    report(world, "jx/check", CheckState.PENDING, "run #1 goes on")
    clock = Meanwhile(world, is_up=False)
    wait(world, clock)
    assert clock.elapsed() == MINUTE


def test_controllers_that_say_nothing_at_all_are_not_waited_for_long(world: World) -> None:
    clock = Meanwhile(world, is_up=False)
    wait(world, clock, timedelta(hours=1))
    assert clock.elapsed() <= MINUTE


def test_a_plan_for_a_base_that_moved_is_made_anew_first(world: World) -> None:
    world.process(OLGA).approve(1)
    world.settle()
    moved = world.push(world.tree().put("NOTES.md", "x\n"), "Move on")
    assert wait(world, Meanwhile(world)) == moved
    assert f"#1 waits for jx/plan on {moved[:12]}" in world.reporter.text


def test_of_what_is_not_all_said_no_base_is_vouched_for(world: World) -> None:
    assert wait(world, Meanwhile(world, is_up=False)) is None
