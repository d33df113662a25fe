"""Upgrading the platform by pull request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.support.environments import NEW, make_tree
from tests.support.proposing import ANN, World

from jx.domain.changes.changes import PullRequest
from jx.domain.errors import NotFound, Refused
from jx.domain.layouts import umbrella
from jx.domain.names import Revision
from jx.domain.trees import Tree
from jx.ports.repos import Draft
from jx.usecases.proposing.upgrade_platform import UpgradePlatform, UpgradePlatformRequest


@pytest.fixture
def world() -> World:
    return World()


def upgrade(world: World, version: str = "", **changes: Any) -> PullRequest | None:
    usecase = UpgradePlatform(world.propose_change, world.catalog, world.repos, world.heard)
    return usecase(UpgradePlatformRequest(world.at, version, **changes))


def stream(world: World, files: Mapping[str, str], subject: str = "Fill") -> Revision:
    """A commit of the version stream."""
    repo = NEW.version_stream
    assert repo is not None
    base = world.repos.head(repo, "master")
    tree = world.repos.read(repo, base) if base else Tree()
    for path, text in files.items():
        tree = tree.put(path, text)
    return world.repos.write(repo, "master", base=base, draft=Draft(tree, f"{subject}\n", ANN))


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


def test_a_stream_that_names_a_version_which_is_not_there_is_told_as_such(world: World) -> None:
    stream(world, {"charts/jx/jx-platform.yml": "version: 9.9.9\n"})
    for only_check in (False, True):
        with pytest.raises(
            NotFound, match=r"the version stream \S+ names what is not there: .*9\.9\.9"
        ) as caught:
            upgrade(world, only_check=only_check)
        assert "there are 2.0.0" in caught.value.hint
        assert "--version" in caught.value.hint


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


PINS = {
    "charts/jx/jx-platform.yml": "version: 1.0.0\n",
    "charts/jx/redis.yml": "version: 1.0.0\n",
    "packages/kubectl.yml": "version: 1.10\nupperLimit: 2.0.0\n",
    "docker/gcr.io/x/builder.yml": "version: 0.1.1\n",
}
NEWER = {
    "charts/jx/jx-platform.yml": "version: 1.1.0\n",
    "charts/jx/redis.yml": "version: 1.2.0\n",
    "git/example.com/x/boot.yml": "version: 2\n",
}


def test_the_pull_request_lists_every_version_that_changes_and_what_the_stream_says_of_it(
    world: World,
) -> None:
    old = stream(world, PINS)
    stream(world, {"charts/jx/redis.yml": "version: 1.1.0\n"}, "A newer redis")
    new = stream(world, NEWER, "A newer platform")
    pull = upgrade(world)
    assert pull is not None
    assert pull.body.splitlines()[0] == "Upgrade jx-platform from 1.0.0 to 1.1.0"
    assert f": {old[:12]} -> {new[:12]}" not in pull.body, (
        "the platform is at the newest commit that has its version"
    )
    assert "* charts/jx/jx-platform 1.0.0 -> 1.1.0 (here: jx-platform 1.0.0)" in pull.body
    assert "* charts/jx/redis 1.1.0 -> 1.2.0\n" in pull.body
    assert "* git/example.com/x/boot not there -> 2" in pull.body
    assert "kubectl" not in pull.body
    assert f"* {new[:12]} A newer platform" in pull.body
    assert "A newer redis" not in pull.body


def test_settings_that_name_a_commit_move_with_the_upgrade(world: World) -> None:
    old = stream(world, PINS)
    world.edit(
        {
            "jx-requirements.yml": world.tree()
            .text("jx-requirements.yml")
            .replace("ref: master", f"ref: {old}")
        }
    )
    assert upgrade(world) is None
    newer = stream(world, {"packages/kubectl.yml": "version: 1.11\n"}, "A newer kubectl")
    only_packages = upgrade(world)
    assert only_packages is not None
    assert only_packages.title == f"Upgrade version stream to {newer[:12]}"
    assert "* packages/kubectl 1.10 -> 1.11" in only_packages.body
    after = world.tree(branch=only_packages.head_branch).text("jx-requirements.yml")
    assert f"ref: {newer}\n" in after
    platform = stream(world, NEWER)
    both = upgrade(world)
    assert both is not None
    assert both.title == "Upgrade jx-platform to 1.1.0"
    tree = world.tree(branch=both.head_branch)
    assert f"ref: {platform}\n" in tree.text("jx-requirements.yml")
    assert "version: 1.1.0" in tree.text("env/Chart.yaml")
    world.merge(both.head_branch)
    assert upgrade(world) is None


def test_a_check_only_tells(world: World) -> None:
    stream(world, PINS)
    stream(world, NEWER)
    assert upgrade(world, only_check=True) is None
    assert "Upgrading platform from version 1.0.0 to version 1.1.0" in world.heard.messages
    assert "* charts/jx/redis 1.0.0 -> 1.2.0" in world.heard.messages
    assert world.forge.list_pulls(world.at.repo) == ()


def test_another_branch_or_commit_of_the_stream_can_be_named(world: World) -> None:
    old = stream(world, PINS)
    stream(world, NEWER)
    assert upgrade(world, stream_ref=str(old)) is None
    with pytest.raises(NotFound, match="has no branch nowhere"):
        upgrade(world, stream_ref="nowhere")


def test_a_stream_that_pins_what_does_not_exist_is_one_message_and_no_pull_request(world: World) -> None:
    stream(world, {"charts/jx/jx-platform.yml": "version: 7.7.7\n"})
    with pytest.raises(NotFound):
        upgrade(world)
    assert world.forge.list_pulls(world.at.repo) == ()


def test_versions_that_are_left_to_the_stream_move_with_its_commit_alone(world: World) -> None:
    old = stream(world, PINS)
    chart = world.tree().text("env/Chart.yaml")
    world.edit(
        {"env/Chart.yaml": "\n".join(line for line in chart.splitlines() if "version: 1.0.0" not in line)}
    )
    before = world.tree()
    assert "ref: master" in before.text("jx-requirements.yml")
    pull = upgrade(world)
    assert pull is not None
    assert pull.title == f"Upgrade version stream to {old[:12]}"
    settings = before.text("jx-requirements.yml").replace("ref: master", f"ref: {old}")
    assert world.tree(branch=pull.head_branch) == before.put("jx-requirements.yml", settings)
    world.merge(pull.head_branch)
    assert upgrade(world) is None
    assert world.heard.messages[-1] == "No upgrade available"
    new = stream(world, NEWER)
    pull = upgrade(world)
    assert pull is not None
    assert "* charts/jx/jx-platform 1.0.0 -> 1.1.0" in pull.body
    moved = settings.replace(f"ref: {old}", f"ref: {new}")
    assert world.tree(branch=pull.head_branch) == before.put("jx-requirements.yml", moved)
