"""Journey 4: an upgrade breaks CI/CD itself; a person applies a clone by hand, and what was undone is not applied again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.endings import objects
from tests.support.journeys import (
    ANN,
    BETTER,
    BOB,
    BOT,
    BROKEN,
    CHARTS,
    CONTROLLERS,
    DEV,
    GOOD,
    World,
    installed,
    key_for,
    merged,
    upgraded,
)

from jx.domain.applying.locking import LEASE
from jx.domain.changes.changes import CheckState
from jx.domain.charts.charts import Chart, ChartRef
from jx.domain.errors import Held, Locked
from jx.domain.names import Revision
from jx.domain.objects.manifests import ObjectRef
from jx.domain.runs.activities import ActivityStatus
from jx.domain.trees import Tree
from jx.usecases.following.follow_environment import FollowRequest
from jx.usecases.platform.show_environments import Standing

SHOP = ObjectRef("apps", "Deployment", "jx", "jenkins-x-shop")
REDIS = ObjectRef("apps", "StatefulSet", "jx", "jenkins-x-redis")


@pytest.fixture
def world() -> World:
    """The controllers are down: a broken version of the platform was applied."""
    world = installed()
    upgraded(world, BROKEN)
    assert not world.cluster.is_running()
    return world


def good(world: World) -> Tree:
    """The files before the upgrade, as `git revert` makes them again."""
    return world.tree(revision=world.repos.log(world.repo(), world.head())[-1].revision)


def push_revert(world: World) -> Revision:
    """On top of whatever was merged meanwhile."""
    chart = world.tree().text("env/Chart.yaml").replace(BROKEN, GOOD)
    return world.push(world.tree().put("env/Chart.yaml", chart), "Revert the upgrade")


def add(world: World, app: str) -> Revision:
    pull = world.process(ANN).add_app(app)
    assert pull is not None
    return merged(world, pull.number)


def follow(world: World) -> None:
    process = world.process(BOT)
    process.follow(FollowRequest(world.environments[DEV], process.holder))


def standing(world: World) -> Standing:
    return world.process(BOB).show_environments(world.at)[0].standing


def test_the_broken_upgrade_was_told_as_a_failure_that_names_what_is_down(world: World) -> None:
    check = world.status(world.head())
    assert check is not None
    assert check.state is CheckState.FAILURE
    assert "jx-controllers" in check.description
    assert world.activities.list_all()[-1].status is ActivityStatus.FAILED


def test_while_the_platform_is_down_nothing_is_applied(world: World) -> None:
    add(world, "shop")
    world.settle()
    assert world.cluster.find(SHOP) is None
    assert standing(world) is Standing.BEHIND


def test_the_rescue_brings_the_platform_back_as_it_was(world: World) -> None:
    world.process(BOB).apply_by_hand(good(world))
    assert world.cluster.is_running()
    fresh = installed()
    assert objects(world) == objects(fresh)
    assert world.anchor().platform_versions == (BROKEN, GOOD)


def test_the_returning_controllers_do_not_apply_the_broken_commit_again(world: World) -> None:
    broken = world.head()
    world.process(BOB).apply_by_hand(good(world))
    (hold,) = world.anchor().holds
    assert (hold.skips, hold.by) == (broken, "ann@example.com")
    for _ in range(3):
        world.settle()
        assert world.cluster.is_running()
    with pytest.raises(Held, match="undone"):
        follow(world)
    assert standing(world) is Standing.HELD


def test_the_ledger_names_who_rescued_and_why(world: World) -> None:
    world.process(BOB).apply_by_hand(good(world), reason="the controllers do not start")
    entry = world.ledger()[-1]
    assert entry.author == BOB
    assert entry.trailers["Jx-Reason"] == "the controllers do not start"
    assert entry.trailers["Jx-Applied-By"] == "ann@example.com"
    assert "Jx-Source-Commit" not in entry.trailers


def test_further_merges_on_top_of_the_broken_commit_stay_held(world: World) -> None:
    world.process(BOB).apply_by_hand(good(world))
    for app in ("shop", "redis"):
        add(world, app)
        world.settle()
        assert world.cluster.is_running()
        assert world.cluster.find(SHOP) is None
    assert len(world.anchor().holds) == 1


def test_pushing_the_revert_ends_the_hold_and_the_waiting_merge_is_applied(world: World) -> None:
    add(world, "shop")
    world.process(BOB).apply_by_hand(good(world))
    world.settle()
    assert world.cluster.find(SHOP) is None
    revert = push_revert(world)
    world.settle()
    assert world.cluster.find(SHOP)
    assert world.cluster.is_running()
    assert not world.anchor().holds
    check = world.status(revert)
    assert check is not None
    assert check.state is CheckState.SUCCESS
    assert standing(world) is Standing.APPLIED


def test_a_merge_after_the_rescue_is_applied_with_the_revert_too(world: World) -> None:
    world.process(BOB).apply_by_hand(good(world))
    add(world, "redis")
    world.settle()
    push_revert(world)
    world.settle()
    assert world.cluster.find(REDIS)
    assert world.cluster.is_running()


def test_a_better_version_in_place_of_the_broken_one_ends_the_hold_as_well(world: World) -> None:
    world.process(BOB).apply_by_hand(good(world))
    world.settle()
    better = world.catalog.fetch(ChartRef("jx-platform", CHARTS, BETTER))
    metadata = better.files.text("Chart.yaml").replace(BETTER, "1.2.1")
    files = better.files.put("Chart.yaml", metadata)
    ref = ChartRef("jx-platform", CHARTS, "1.2.1")
    world.catalog.add(Chart(ref, "1.2.1", files, files.digest))
    chart = world.tree().text("env/Chart.yaml").replace(BROKEN, "1.2.1")
    world.push(world.tree().put("env/Chart.yaml", chart), "Take the mended version")
    world.settle()
    assert not world.anchor().holds
    assert world.cluster.is_running()
    assert world.anchor().platform_versions[-1] == "1.2.1"


def test_a_person_may_end_the_hold_and_then_gets_what_the_branch_says(world: World) -> None:
    world.process(BOB).apply_by_hand(good(world))
    world.process(BOB).end_hold(DEV)
    world.settle()
    assert not world.cluster.is_running()


def test_applying_the_very_head_by_hand_puts_nothing_on_hold(world: World) -> None:
    revert = push_revert(world)
    world.process(BOB).apply_by_hand(world.tree())
    assert not world.anchor().holds
    assert world.cluster.is_running()
    world.settle()
    applied = world.anchor().applied
    assert applied is not None
    assert applied.source.revision == revert


def test_the_rescue_needs_neither_the_git_server_nor_the_forge(world: World) -> None:
    tree = good(world)
    for server in ("git", "forge"):
        world.down[server].is_down = True
    world.process(BOB).apply_by_hand(tree)
    assert world.cluster.is_running()
    assert world.anchor().holds
    assert world.anchor().pending
    for server in ("git", "forge"):
        world.down[server].is_down = False
    world.settle()
    assert world.cluster.is_running()
    assert world.anchor().holds
    world.push(tree, "Revert the upgrade")
    world.settle()
    assert not world.anchor().holds
    assert not world.anchor().pending
    people = [entry.author.name for entry in world.ledger()]
    assert people == ["Olga Own", "Ann Lee", "Bob Ray", "controller", "Olga Own"]


def test_ledger_entries_of_a_rescue_are_published_although_the_environment_is_on_hold(world: World) -> None:
    tree = good(world)
    world.down["git"].is_down = True
    world.process(BOB).apply_by_hand(tree)
    world.down["git"].is_down = False
    assert world.anchor().pending
    world.settle()
    assert world.anchor().holds
    assert not world.anchor().pending
    assert world.ledger()[-1].author == BOB


def test_a_rescue_waits_for_an_apply_that_runs_and_takes_over_when_it_has_died(world: World) -> None:
    world.locks.acquire(DEV, holder="a dead controller", lease=LEASE)
    with pytest.raises(Locked, match="a dead controller"):
        world.process(BOB).apply_by_hand(good(world))
    world.clock.move(LEASE + timedelta(seconds=1))
    world.process(BOB).apply_by_hand(good(world))
    assert world.cluster.is_running()


def test_controllers_that_look_at_any_time_keep_quiet_while_the_hold_lasts(world: World) -> None:
    world.process(BOB).apply_by_hand(good(world))
    controllers = world.controllers()
    writes = len(world.cluster.writes())
    for _ in range(5):
        controllers.controller.look(key_for(world))
    assert len(world.cluster.writes()) == writes
    assert "--poll-intervall" not in str(world.cluster.objects[CONTROLLERS])
