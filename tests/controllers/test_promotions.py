"""The controller of promotions: what cannot go on keeps nothing else waiting."""

from __future__ import annotations

import pytest
from tests.support.faults import Faults
from tests.support.journeys import ANN, BOB, BOT, DEV, STAGING, World, installed, key_for

from jx.controllers.environments import PlatformReader
from jx.controllers.promotions import PromotionsController
from jx.domain.changes.promotions import LegState
from jx.domain.errors import Unavailable


@pytest.fixture
def world() -> World:
    return installed()


def controller(world: World, faults: Faults | None = None) -> PromotionsController:
    process = world.process(BOT, faults)
    return PromotionsController(PlatformReader(process.repos, world.at), process.advance_promotion)


def test_a_key_moves_only_what_waits_there(world: World) -> None:
    world.process(ANN).promote("1.0.0", STAGING)
    faults = Faults()
    controller(world, faults).look(key_for(world, DEV))
    assert ("forge", "observe") not in faults.calls
    controller(world, faults).look(key_for(world, STAGING))
    assert ("forge", "observe") in faults.calls


def test_every_environment_with_a_repository_is_a_key(world: World) -> None:
    assert set(controller(world).list_keys()) == {key_for(world, one) for one in world.environments}


def test_one_promotion_that_cannot_go_on_keeps_no_other_waiting(world: World) -> None:
    for app, version in (("redis", "1.0.0"), ("shop", "1.0.0")):
        world.process(ANN).promote(version, STAGING, app=app, auto_merge=False)
    for number in (1, 2):
        world.forge_as(BOB).close(world.repo(STAGING), number)
    faults = Faults()
    controller(world, faults).look("repo:nobody/knows")
    world.down["forge"].is_down = True
    with pytest.raises(Unavailable):
        controller(world).look(key_for(world, STAGING))
    world.down["forge"].is_down = False
    controller(world).look(key_for(world, STAGING))
    states = [known.promotions[0].legs[0].state for known in world.promotions.list_all()]
    assert states == [LegState.FAILED, LegState.FAILED]
