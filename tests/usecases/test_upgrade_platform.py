"""Upgrading the platform by pull request."""

from __future__ import annotations

import pytest
from tests.support.environments import NEW, make_tree
from tests.support.proposing import World

from jx.domain.changes import PullRequest
from jx.domain.errors import NotFound, Refused
from jx.domain.layouts import umbrella
from jx.usecases.upgrade_platform import UpgradePlatform, UpgradePlatformRequest


@pytest.fixture
def world() -> World:
    return World()


def upgrade(world: World, version: str = "", *, allow_downgrade: bool = False) -> PullRequest | None:
    usecase = UpgradePlatform(world.propose_change, world.catalog, world.repos, world.heard)
    return usecase(UpgradePlatformRequest(world.at, version, allow_downgrade=allow_downgrade))


def test_the_version_stream_says_to_which_version(world: World) -> None:
    pull = upgrade(world)
    assert pull is not None
    assert pull.head_branch.startswith("upgrade-app-jx-platform-1.1.0-")
    assert pull.title == "Upgrade jx-platform to 1.1.0"
    assert pull.body == "Upgrade jx-platform from 1.0.0 to 1.1.0"
    assert world.heard.messages[0] == "Upgrading platform from version 1.0.0 to version 1.1.0"
    before, after = world.tree(), world.tree(branch=pull.head_branch)
    assert after == before.put("env/Chart.yaml", before.text("env/Chart.yaml").replace("1.0.0", "1.1.0"))
    world.merge(pull.head_branch)
    assert upgrade(world) is None
    assert world.heard.messages[-1] == "Already installed platform version 1.1.0. Skipping upgrade process."


def test_a_version_that_is_given_wins_and_has_to_exist(world: World) -> None:
    pull = upgrade(world, "2.0.0")
    assert pull is not None
    assert pull.title == "Upgrade jx-platform to 2.0.0"
    with pytest.raises(NotFound) as caught:
        upgrade(world, "3.0.0")
    assert "2.0.0" in caught.value.hint


def test_an_older_version_needs_to_be_allowed(world: World) -> None:
    pull = upgrade(world, "2.0.0")
    assert pull is not None
    world.merge(pull.head_branch)
    with pytest.raises(Refused) as caught:
        upgrade(world)
    assert caught.value.flag == "--allow-downgrade"
    assert upgrade(world, allow_downgrade=True) is not None


def test_a_repository_without_a_platform_says_so(world: World) -> None:
    tree = world.tree()
    world.edit({"env/Chart.yaml": tree.text("env/Chart.yaml").partition("dependencies:")[0]})
    with pytest.raises(NotFound, match="not installed"):
        upgrade(world)


def test_a_stream_that_is_silent_is_named(world: World) -> None:
    assert NEW.version_stream is not None
    world.fill(NEW.version_stream, make_tree({"README.md": ""}))
    with pytest.raises(NotFound, match="names no version of jx-platform"):
        upgrade(world)
    assert umbrella.read(world.tree()).apps
