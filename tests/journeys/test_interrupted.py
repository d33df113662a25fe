"""Each journey, interrupted at each of its outside calls, ends as if nothing had happened: crashes, servers that are down,
answers that are lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.endings import end_state
from tests.support.faults import CRASHES, OUTAGES, Fault, Faults
from tests.support.fuses import Crash
from tests.support.interruptions import Journey, is_change
from tests.support.journeys import (
    ANN,
    BETTER,
    BOB,
    BOT,
    BROKEN,
    DEV,
    GOOD,
    OLGA,
    STAGING,
    World,
    checked,
    installed,
    let_people_in,
    merged,
    persist,
    upgraded,
)

from jx.domain.names import EnvironmentName
from jx.usecases.proposing.remove_app import RemoveAppRequest


def run_pods(world: World, faults: Faults, environment: EnvironmentName = DEV) -> None:
    """The platform's pods start, a webhook comes, and they work until all is done. None run where the platform is broken."""
    if world.cluster.is_running():
        controllers = world.controllers(faults)
        world.deliver(world.process(BOT, faults).receiver, environment)
        controllers.work()


# A platform is installed


def install(world: World, faults: Faults) -> None:
    persist(world, lambda: world.process(OLGA, faults).install())
    let_people_in(world)
    run_pods(world, faults)


# 1. A pull request is merged


def merge(world: World, faults: Faults, environment: EnvironmentName = DEV) -> None:
    number = world.forge.list_pulls(world.repo(environment), state=None)[0].number
    checked(world, number, environment)
    persist(world, lambda: world.process(BOB, faults).merge(number, environment))
    world.clock.move(timedelta(minutes=1))
    run_pods(world, faults, environment)


def merge_on_staging(world: World, faults: Faults) -> None:
    merge(world, faults, STAGING)


def with_approved_app() -> World:
    world = installed()
    world.process(ANN).add_app("redis")
    world.settle()
    world.process(BOB).approve(1)
    return world


def with_approved_upgrade() -> World:
    world = installed()
    world.process(ANN).upgrade_platform(BETTER)
    world.settle()
    world.process(BOB).approve(1)
    return world


def with_approved_removal() -> World:
    world = installed()
    for number, name in enumerate(("redis", "shop"), start=1):
        world.process(ANN).add_app(name, STAGING)
        merged(world, number, STAGING)
        world.settle()
    world.process(ANN).remove_app(RemoveAppRequest(world.at, "shop", STAGING))
    world.settle()
    world.process(BOB).approve(3, STAGING)
    return world


# 2. jx add app


def add_app(world: World, faults: Faults) -> None:
    persist(world, lambda: world.process(ANN, faults).add_app("redis"))
    world.clock.move(timedelta(minutes=1))
    run_pods(world, faults)


# 4. jx step env apply


def with_a_broken_platform() -> World:
    """The controllers are down, and a merge waits that nobody applies."""
    world = installed()
    upgraded(world, BROKEN)
    assert not world.cluster.is_running()
    shop = world.process(ANN).add_app("shop")
    assert shop is not None
    merged(world, shop.number)
    return world


def rescue(world: World, faults: Faults) -> None:
    """Bob undoes the broken commit in his clone, applies that, and pushes his revert on top of what was merged meanwhile."""
    if "rescued" not in world.done:
        first = world.repos.log(world.repo(), world.head())[-1].revision
        persist(world, lambda: world.process(BOB, faults).apply_by_hand(world.tree(revision=first)))
        world.done.add("rescued")
    run_pods(world, faults)
    if "reverted" not in world.done:
        chart = world.tree().text("env/Chart.yaml").replace(BROKEN, GOOD)
        world.push(world.tree().put("env/Chart.yaml", chart), "Revert the upgrade")
        world.done.add("reverted")
    run_pods(world, faults)


def rescue_and_resume(world: World, faults: Faults) -> None:
    """While the git server is down nobody sees what the hand undoes: then a person ends the hold."""
    rescue(world, faults)
    if world.anchor().holds:
        assert ("git", faults.calls[faults.at - 1][1]) == faults.calls[faults.at - 1]
        world.process(BOB).end_hold(DEV)
        run_pods(world, faults)


JOURNEYS = {
    "install": Journey(World, install),
    "merge": Journey(with_approved_app, merge),
    "upgrade": Journey(with_approved_upgrade, merge),
    "remove": Journey(with_approved_removal, merge_on_staging),
    "add app": Journey(installed, add_app),
    "rescue": Journey(with_a_broken_platform, rescue),
}
CALLS_THAT_CHANGE = {"install": 70, "merge": 18, "upgrade": 28, "remove": 16, "add app": 5, "rescue": 40}
"""A journey of fewer would not be the whole one any more."""


@pytest.mark.parametrize("name", JOURNEYS)
def test_a_crash_at_any_outside_call_changes_nothing_in_the_end(name: str) -> None:
    points, wrong = JOURNEYS[name].crash()
    print(f"{name}: {points} crashes between the {len(JOURNEYS[name].calls)} outside calls")
    assert points > CALLS_THAT_CHANGE[name]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("fault", OUTAGES)
@pytest.mark.parametrize("name", JOURNEYS)
def test_a_server_that_fails_at_any_outside_call_changes_nothing_in_the_end(name: str, fault: Fault) -> None:
    journey = JOURNEYS[name]
    if (name, fault) == ("rescue", Fault.DOWN):
        journey = Journey(with_a_broken_platform, rescue_and_resume)
    points, wrong = journey.interrupt(fault)
    print(f"{name}: {fault} at {points} outside calls")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", JOURNEYS)
def test_calls_that_only_read_change_nothing(name: str) -> None:
    """Or crashes would stand in too few places."""
    journey = JOURNEYS[name]
    readers = [n for n, call in enumerate(journey.calls, start=1) if not is_change(*call)]
    states: list[object] = []
    for at in readers[:: max(1, len(readers) // 10)]:
        for fault in CRASHES:
            world = journey.base.copy()
            with pytest.raises(Crash):
                journey.run(world, Faults(at, fault))
            states.append(end_state(world) if world.anchors.list_all() else set(world.hooks))
        assert states[-1] == states[-2]
