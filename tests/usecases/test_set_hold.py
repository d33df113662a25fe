"""Setting a hold: automatic applies stop, for a reason that everybody sees, until somebody or a time ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.journeys import ANN, BOB, DEV, World, installed, merged

from jx.domain.errors import NotFound
from jx.domain.names import EnvironmentName, Revision
from jx.usecases.following.set_hold import SetHold


@pytest.fixture
def world() -> World:
    return installed()


def hold(world: World, reason: str = "a freeze", *, hours: int = 0, who: object = ANN) -> None:
    process = world.process(BOB if who is BOB else ANN)
    use = SetHold(process.anchors, process.forge, process.cluster, process.clock, process.reporter)
    until = world.clock.now() + timedelta(hours=hours) if hours else None
    use(DEV, reason=reason, until=until)


def change_merged(world: World) -> Revision:
    world.process(ANN).add_app("redis")
    return merged(world, 1)


def applied(world: World) -> Revision | None:
    record = world.anchor().applied
    return record.source.revision if record else None


def test_a_merge_waits_while_an_environment_is_on_hold(world: World) -> None:
    hold(world)
    revision = change_merged(world)
    world.settle()
    assert applied(world) != revision
    assert "Environment dev is on hold by Ann Lee" in world.reporter.text
    assert "a freeze" in world.reporter.text


def test_a_hold_with_a_time_ends_by_itself(world: World) -> None:
    hold(world, hours=3)
    revision = change_merged(world)
    world.settle()
    assert applied(world) != revision
    world.clock.move(timedelta(hours=3))
    world.settle()
    assert applied(world) == revision
    assert not world.anchor().holds


def test_who_holds_again_replaces_their_own_hold_and_nobody_elses(world: World) -> None:
    hold(world, "a freeze")
    hold(world, "a test", who=BOB)
    hold(world, "a longer freeze")
    assert [(one.by, one.reason) for one in world.anchor().holds] == [
        ("Bob Ray", "a test"),
        ("Ann Lee", "a longer freeze"),
    ]


def test_the_check_of_a_pull_request_says_that_its_merge_would_wait(world: World) -> None:
    world.process(ANN).add_app("redis")
    hold(world)
    world.settle()
    comment = world.pull().comments[0].body
    assert "Environment dev is on hold by Ann Lee" in comment
    assert "A merge waits until `jx resume dev`" in comment


def test_where_the_forge_is_down_the_cluster_says_who_holds(world: World) -> None:
    world.down["forge"].is_down = True
    hold(world)
    assert [one.by for one in world.anchor().holds] == [world.cluster.user]


def test_an_environment_that_this_cluster_has_never_seen_is_not_found(world: World) -> None:
    process = world.process(ANN)
    use = SetHold(process.anchors, process.forge, process.cluster, process.clock, process.reporter)
    with pytest.raises(NotFound, match="never seen environment preview"):
        use(EnvironmentName("preview"), reason="a freeze")
