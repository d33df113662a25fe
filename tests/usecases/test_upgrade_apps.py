"""Upgrading, removing and editing apps by pull request."""

from __future__ import annotations

import pytest
from tests.support.proposing import World

from jx.adapters.local.memory_catalog import make_chart
from jx.domain.errors import NotFound, Refused, Usage
from jx.domain.layouts import umbrella
from jx.usecases.add_app import AddApp, AddAppRequest
from jx.usecases.edit_app import EditApp, EditAppRequest
from jx.usecases.remove_app import RemoveApp, RemoveAppRequest
from jx.usecases.upgrade_apps import UpgradeApps, UpgradeAppsRequest


@pytest.fixture
def world() -> World:
    world = World()
    add = AddApp(world.propose_change, world.catalog, world.heard)
    for request in (
        AddAppRequest(world.at, "redis", version="1.0.0"),
        AddAppRequest(world.at, "redis", version="1.0.0", alias="cache"),
        AddAppRequest(world.at, "shop"),
    ):
        pull = add(request)
        assert pull is not None
        world.merge(pull.head_branch)
    world.heard.events.clear()
    return world


def upgrade(world: World) -> UpgradeApps:
    return UpgradeApps(world.propose_change, world.catalog, world.heard, world.keep_secrets)


def versions(world: World, branch: str) -> dict[str, str]:
    return {str(app.key): app.chart.version for app in umbrella.read(world.tree(branch=branch)).apps}


def test_one_app_is_moved_to_its_newest_version(world: World) -> None:
    pull = upgrade(world)(UpgradeAppsRequest(world.at, "redis"))
    assert pull is not None
    assert pull.head_branch.startswith("upgrade-app-redis-1.2.0-")
    assert (pull.title, pull.body) == ("Upgrade redis to 1.2.0", "Upgrade redis from 1.0.0 to 1.2.0")
    assert versions(world, pull.head_branch) == {
        "jx-platform": "1.0.0",
        "redis": "1.2.0",
        "cache": "1.0.0",
        "shop": "2.0.0",
    }
    app = world.tree(branch=pull.head_branch).text("env/redis/templates/app.yaml")
    assert "jenkins.io/app-version: 1.2.0" in app


def test_an_alias_means_that_app_only(world: World) -> None:
    pull = upgrade(world)(UpgradeAppsRequest(world.at, "redis", alias="cache", version="2.0.0-rc.1"))
    assert pull is not None
    assert versions(world, pull.head_branch)["cache"] == "2.0.0-rc.1"
    assert versions(world, pull.head_branch)["redis"] == "1.0.0"
    with pytest.raises(Usage):
        upgrade(world)(UpgradeAppsRequest(world.at, "shop", alias="cache"))


def test_all_apps_are_moved_each_to_its_own_version_and_the_platform_is_left_alone(world: World) -> None:
    world.catalog.add(make_chart("shop", "2.5.0"))
    pull = upgrade(world)(UpgradeAppsRequest(world.at))
    assert pull is not None
    assert pull.head_branch.startswith("upgrade-all-apps-")
    assert pull.title == "Upgrade all apps"
    assert pull.body == (
        "Upgrade all apps:\n* redis from 1.0.0 to 1.2.0\n* cache from 1.0.0 to 1.2.0\n* shop from 2.0.0 to 2.5.0"
    )
    assert versions(world, pull.head_branch)["jx-platform"] == "1.0.0"


def test_nothing_newer_is_said_so(world: World) -> None:
    assert upgrade(world)(UpgradeAppsRequest(world.at, "shop")) is None
    assert world.heard.messages == ["No upgrades available"]


def test_an_app_that_is_not_there_is_named_with_the_nearest(world: World) -> None:
    with pytest.raises(NotFound) as caught:
        upgrade(world)(UpgradeAppsRequest(world.at, "rdis"))
    assert "redis" in caught.value.hint
    with pytest.raises(NotFound):
        RemoveApp(world.propose_change)(RemoveAppRequest(world.at, "rdis"))
    with pytest.raises(NotFound):
        EditApp(world.propose_change, world.keep_secrets)(EditAppRequest(world.at, "rdis", ("a=1",)))


def test_an_app_is_removed_with_its_folder(world: World) -> None:
    pull = RemoveApp(world.propose_change)(RemoveAppRequest(world.at, "shop"))
    assert pull is not None
    assert (pull.head_branch, pull.title, pull.body) == ("delete-app-shop", "Delete shop", "Delete app shop")
    tree = world.tree(branch=pull.head_branch)
    assert "shop" not in versions(world, pull.head_branch)
    assert not any(path.startswith("env/shop/") for path in tree)


def test_the_platform_is_no_app_to_remove(world: World) -> None:
    with pytest.raises(Refused):
        RemoveApp(world.propose_change)(RemoveAppRequest(world.at, "jx-platform"))


def test_values_of_an_app_are_set(world: World) -> None:
    edit = EditApp(world.propose_change, world.keep_secrets)
    pull = edit(EditAppRequest(world.at, "shop", ("a.b=1,c=x",)))
    assert pull is not None
    assert pull.title == "Edit shop"
    assert pull.body == "Edit app shop: set `a.b`, `c`"
    assert world.tree(branch=pull.head_branch).text("env/shop/values.yaml") == "a:\n  b: 1\nc: x\n"
    world.merge(pull.head_branch)
    assert edit(EditAppRequest(world.at, "shop", ("c=x",))) is None
    assert world.heard.messages[-1] == "Already up to date: there is nothing to change"
    with pytest.raises(Usage):
        edit(EditAppRequest(world.at, "shop", ()))
