"""Waiting for a merge: until it, or a later one, is what the environment runs, healthy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.support.journeys import ANN, BOB, BROKEN, DEV, STAGING, Process, World, installed, merged

from jx.domain.errors import Conflict, Failed
from jx.domain.names import EnvironmentName, Revision
from jx.usecases.following.await_apply import AwaitApplyRequest

TIMEOUT = timedelta(minutes=1)


@pytest.fixture
def world() -> World:
    return installed()


@pytest.fixture
def merge(world: World) -> Revision:
    world.process(ANN).add_app("redis")
    return merged(world, 1)


def request(world: World, revision: Revision, name: EnvironmentName = DEV, **more: Any) -> AwaitApplyRequest:
    return AwaitApplyRequest(world.environments[name], revision, TIMEOUT, **more)


class Meanwhile:
    """A clock during whose n-th wait something happens."""

    def __init__(self, world: World, happens: Callable[[], object], *, after: int = 2) -> None:
        self._world, self._happens, self._left = world, happens, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.clock, name)

    def wait(self, duration: timedelta) -> bool:
        self._left -= 1
        if self._left == 0:
            self._happens()
        return self._world.clock.wait(duration)


def waiting(world: World, happens: Callable[[], object]) -> Process:
    process = world.process(BOB)
    process.clock = Meanwhile(world, happens)
    return process


def test_what_is_applied_already_is_not_waited_for(world: World, merge: Revision) -> None:
    world.settle()
    before = world.clock.now()
    world.process(BOB).await_apply(request(world, merge))
    assert world.clock.now() == before


def test_it_returns_as_soon_as_the_controllers_have_applied_it(world: World, merge: Revision) -> None:
    waiting(world, world.settle).await_apply(request(world, merge))
    assert world.anchor().applied
    assert f"{merge[:12]} is applied to dev" in world.reporter.text


def test_a_later_commit_stands_for_an_earlier_one(world: World, merge: Revision) -> None:
    world.process(ANN).add_app("shop")
    merged(world, 2)
    world.settle()
    world.process(BOB).await_apply(request(world, merge))


def test_an_earlier_commit_does_not_stand_for_a_later_one(world: World, merge: Revision) -> None:
    world.settle()
    world.process(ANN).add_app("shop")
    later = merged(world, 2)
    with pytest.raises(Failed, match="was not applied to dev within 60 s"):
        world.process(BOB).await_apply(request(world, later))


def test_the_first_apply_of_an_environment_is_waited_for_too(world: World) -> None:
    world.anchors.remove(STAGING)
    head = world.head(STAGING)
    with pytest.raises(Failed, match="not applied to staging"):
        world.process(BOB).await_apply(request(world, head, STAGING))


def test_nobody_waits_for_longer_than_the_timeout(world: World, merge: Revision) -> None:
    before = world.clock.now()
    with pytest.raises(Failed) as caught:
        world.process(BOB).await_apply(request(world, merge))
    assert "are the controllers up?" in caught.value.hint
    assert TIMEOUT <= world.clock.now() - before < TIMEOUT + timedelta(seconds=5)


def test_who_is_asked_to_stop_stops_waiting(world: World, merge: Revision) -> None:
    world.clock.stop()
    with pytest.raises(Failed, match="stopped waiting"):
        world.process(BOB).await_apply(request(world, merge))


def test_a_git_server_that_is_down_for_a_while_does_not_end_the_wait(world: World, merge: Revision) -> None:
    world.process(ANN).add_app("shop")
    merged(world, 2)
    world.settle()
    world.down["git"].is_down = True

    def come_back() -> None:
        world.down["git"].is_down = False

    waiting(world, come_back).await_apply(request(world, merge))


def test_an_apply_that_failed_is_a_failure_that_says_why(world: World, merge: Revision) -> None:
    world.cluster.fail(Conflict("somebody else owns it"), times=100)
    world.settle()
    with pytest.raises(Failed, match="the apply to dev failed") as caught:
        world.process(BOB).await_apply(request(world, merge))
    assert "somebody else owns it" in caught.value.message


def test_a_platform_that_does_not_come_up_is_named(world: World) -> None:
    world.process(ANN).upgrade_platform(BROKEN)
    revision = merged(world, 1)
    world.settle()
    with pytest.raises(Failed, match="jx-controllers") as caught:
        world.process(BOB).await_apply(request(world, revision))
    assert "jx step env apply" in caught.value.hint


def test_health_is_not_waited_for_when_nobody_asks(world: World) -> None:
    world.process(ANN).upgrade_platform(BROKEN)
    revision = merged(world, 1)
    world.settle()
    world.process(BOB).await_apply(request(world, revision, health=False))


def test_a_cluster_that_goes_away_during_the_wait_for_health_is_a_failure(
    world: World, merge: Revision
) -> None:
    world.settle()
    process = world.process(BOB)
    await_apply = process.await_apply
    world.clock.move(timedelta(seconds=1))

    class Gone:
        def __getattr__(self, name: str) -> Any:
            world.down["cluster"].is_down = True
            return getattr(process.cluster, name)

    object.__setattr__(await_apply.await_health, "cluster", Gone())
    with pytest.raises(Failed, match="the health of dev cannot be seen"):
        await_apply(request(world, merge))
