"""`jx get env`: how each branch and what runs stand to each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.journeys import (
    ANN,
    BOB,
    BROKEN,
    DEV,
    PRODUCTION,
    STAGING,
    World,
    installed,
    merged,
    upgraded,
)

from jx.domain.applying.applying import Hold
from jx.domain.environments.holds import PERSON
from jx.domain.errors import Conflict, Unavailable
from jx.domain.names import EnvironmentName
from jx.usecases.platform.show_environments import ShownEnvironment, Standing


@pytest.fixture
def world() -> World:
    return installed()


def show(world: World, name: EnvironmentName = DEV) -> ShownEnvironment:
    shown = world.process(BOB).show_environments(world.at)
    return next(one for one in shown if one.name == name)


def add(world: World, app: str, number: int) -> None:
    world.process(ANN).add_app(app)
    merged(world, number)


def test_environments_come_in_the_order_of_promotion_all_applied(world: World) -> None:
    shown = world.process(BOB).show_environments(world.at)
    assert [one.name for one in shown] == [DEV, STAGING, PRODUCTION]
    assert {one.standing for one in shown} == {Standing.APPLIED}
    assert all(one.applied == one.head for one in shown)


def test_merges_that_are_not_applied_yet_are_counted(world: World) -> None:
    add(world, "redis", 1)
    add(world, "shop", 2)
    shown = show(world)
    assert (shown.standing, shown.behind) == (Standing.BEHIND, 2)
    world.settle()
    shown = show(world)
    assert (shown.standing, shown.behind) == (Standing.APPLIED, 0)


def test_open_pull_requests_are_shown_unless_nobody_asks(world: World) -> None:
    world.process(ANN).add_app("redis")
    assert [pull.title for pull in show(world).open_pulls] == ["Add redis 1.1.0"]
    assert show(world, STAGING).open_pulls == ()
    assert world.process(BOB).show_environments(world.at, pulls=False)[0].open_pulls == ()


def test_a_failed_apply_shows_as_such(world: World) -> None:
    add(world, "redis", 1)
    world.cluster.fail(Conflict("somebody else owns it"), times=1000)
    world.settle()
    assert show(world).standing is Standing.FAILED


def test_an_environment_that_was_never_applied_shows_as_such(world: World) -> None:
    world.anchors.remove(STAGING)
    assert show(world, STAGING).standing is Standing.NEVER
    assert show(world, STAGING).applied is None


def test_a_hold_is_shown_with_whose_it_is_even_when_the_head_is_applied(world: World) -> None:
    hold = Hold("ann", "a freeze", world.clock.now(), kind=PERSON)
    world.anchors.save(replace(world.anchor(), holds=(hold,)))
    shown = show(world)
    assert (shown.standing, shown.hold, shown.behind) == (Standing.HELD, hold, 0)


def test_after_a_rescue_the_hold_says_which_commit_is_skipped(world: World) -> None:
    before = world.tree()
    upgraded(world, BROKEN)
    add(world, "redis", 2)
    add(world, "shop", 3)
    world.process(BOB).apply_by_hand(before)
    shown = show(world)
    assert shown.standing is Standing.HELD
    assert shown.hold
    assert shown.hold.skips == world.head()
    assert shown.applied is None


@pytest.mark.parametrize("server", ["cluster", "forge"])
def test_what_cannot_be_asked_is_unknown(world: World, server: str) -> None:
    world.down[server].is_down = True
    shown = world.process(BOB).show_environments(world.at)
    assert [one.name for one in shown] == [DEV, STAGING, PRODUCTION]
    assert {one.standing for one in shown} == {Standing.UNKNOWN}


def test_without_the_dev_repository_nothing_is_known(world: World) -> None:
    world.down["git"].is_down = True
    with pytest.raises(Unavailable):
        show(world)


def test_a_repository_that_is_gone_is_unknown_and_hides_no_other(world: World) -> None:
    del world.repos._repos[world.repo(STAGING).url]
    assert show(world, STAGING).standing is Standing.UNKNOWN
    assert show(world, PRODUCTION).standing is Standing.APPLIED


def test_an_environment_without_a_repository_has_no_head(world: World) -> None:
    path = "env/templates/production-env.yaml"
    text = world.tree().text(path)
    start = text.index("  source:")
    rest = text[start:].splitlines(keepends=True)
    kept = [line for n, line in enumerate(rest) if n and not line.startswith("    ")]
    world.push(world.tree().put(path, text[:start] + "".join(kept)), "Let production have none")
    shown = show(world, PRODUCTION)
    assert shown.environment.repo is None
    assert shown.head is None
