"""Promotions, interrupted at each of their outside calls, end as if nothing had happened."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.faults import OUTAGES, Fault, Faults
from tests.support.interruptions import Journey
from tests.support.journeys import ANN, BOT, PRODUCTION, STAGING, World, installed, persist


def run_pods(world: World, faults: Faults) -> None:
    """The controllers start, a webhook comes, and they work until all is done."""
    controllers = world.controllers(faults)
    world.deliver(world.process(BOT, faults).receiver, STAGING)
    controllers.work()


def promote(world: World, faults: Faults) -> None:
    persist(world, lambda: world.process(ANN, faults).promote("1.0.0", STAGING, PRODUCTION))
    world.clock.move(timedelta(minutes=1))
    run_pods(world, faults)


def supersede(world: World, faults: Faults) -> None:
    """A newer release overtakes one whose pull request nobody merged."""
    persist(world, lambda: world.process(ANN, faults).promote("2.0.0", STAGING))
    world.clock.move(timedelta(minutes=1))
    run_pods(world, faults)


def with_a_release_on_its_way() -> World:
    world = installed()
    world.process(ANN).promote("1.0.0", STAGING, PRODUCTION, auto_merge=False)
    world.settle()
    return world


JOURNEYS = {
    "promote": Journey(installed, promote),
    "supersede": Journey(with_a_release_on_its_way, supersede),
}
CALLS_THAT_CHANGE = {"promote": 35, "supersede": 30}
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
    points, wrong = JOURNEYS[name].interrupt(fault)
    print(f"{name}: {fault} at {points} outside calls")
    assert not wrong, "\n".join(wrong)
