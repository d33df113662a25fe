"""`jx get apps`: what the repository installs, and whether the cluster has that very version."""

from __future__ import annotations

import pytest
from tests.support.journeys import ANN, BOB, STAGING, World, installed, merged

from jx.domain.charts.apps import AppPlace
from jx.domain.environments.edits import PutPlace, SetVersion
from jx.domain.errors import NotFound
from jx.domain.layouts import umbrella
from jx.domain.names import AppKey
from jx.domain.platforms.app_files import find_description
from jx.usecases.platform.show_apps import DEPLOYED, WAITING


@pytest.fixture
def world() -> World:
    world = installed()
    for number, name in enumerate(("redis", "shop"), start=1):
        world.process(ANN).add_app(name)
        merged(world, number)
    world.settle()
    return world


def rows(world: World, **options: str) -> list[tuple[str, str, str, str]]:
    found = world.process(BOB).show_apps(world.at, **options)
    return [(one.app.key, one.app.chart.version, one.namespace, one.status) for one in found]


def test_apps_come_in_the_repositorys_order_and_the_platform_is_none(world: World) -> None:
    assert rows(world) == [("redis", "1.1.0", "jx", DEPLOYED), ("shop", "2.0.0", "jx", DEPLOYED)]


def test_a_version_that_is_not_applied_yet_waits(world: World) -> None:
    tree = umbrella.apply_edit(world.tree(), SetVersion(AppKey("redis"), "1.0.0"))
    world.push(tree, "Go back to redis 1.0.0")
    assert rows(world) == [("redis", "1.0.0", "jx", WAITING), ("shop", "2.0.0", "jx", DEPLOYED)]
    world.settle()
    assert rows(world, name="redis") == [("redis", "1.0.0", "jx", DEPLOYED)]


def test_another_environment_has_its_own_apps(world: World) -> None:
    assert rows(world, environment=STAGING) == []
    world.process(ANN).add_app("shop", STAGING, "1.0.0")
    merged(world, 1, STAGING)
    assert rows(world, environment=STAGING) == [("shop", "1.0.0", "jx-staging", WAITING)]


def test_an_app_says_what_it_is_and_where_it_is(world: World) -> None:
    tree = world.tree()
    placed = umbrella.apply_edit(tree, PutPlace(AppPlace("shop", "front", "")))
    world.push(
        placed.put("env/redis/README.MD", "# redis\n\n| Description | Keeps \\| things |\n"), "Move it"
    )
    (redis,) = world.process(BOB).show_apps(world.at, namespace="jx")
    (shop,) = world.process(BOB).show_apps(world.at, namespace="front")
    app = tree.text("env/redis/templates/app.yaml")
    assert f"jenkins.io/chart-description: {redis.description}" in app
    assert (shop.app.key, shop.namespace) == ("shop", "front")
    files = umbrella.read(world.tree()).chart_dir
    moved = world.tree().under(files).remove("redis/templates/app.yaml")
    assert find_description(moved, AppKey("redis")) == "Keeps | things"
    assert find_description(moved, AppKey("nobody")) == ""


def test_what_is_not_there_is_no_row(world: World) -> None:
    assert rows(world, name="nobody") == []
    with pytest.raises(NotFound, match="no environment stagin"):
        rows(world, environment="stagin")


def test_without_a_cluster_the_repository_is_shown(world: World) -> None:
    world.down["cluster"].is_down = True
    assert rows(world) == [("redis", "1.1.0", "jx", WAITING), ("shop", "2.0.0", "jx", WAITING)]
