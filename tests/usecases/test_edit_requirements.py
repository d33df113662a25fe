"""Settings of an installation are changed by pull requests."""

from __future__ import annotations

import pytest
from tests.support.proposing import World

from jx.domain.changes.changes import PullRequest
from jx.domain.environments.edits import SetRequirements, edit_to_json, parse_edit
from jx.domain.errors import Invalid, Usage
from jx.usecases.proposing.edit_requirements import EditRequirements, EditRequirementsRequest

FILE = "jx-requirements.yml"


@pytest.fixture
def world() -> World:
    return World()


def edit(world: World, *settings: str, environment: str = "dev") -> PullRequest | None:
    use = EditRequirements(world.propose_change)
    return use(EditRequirementsRequest(world.at, settings, environment))


def test_a_setting_is_changed_where_it_stands_and_added_where_it_is_new(world: World) -> None:
    before = world.tree().text(FILE)
    pull = edit(world, "cluster.provider=gke", "apply.maxDeletions=50")
    assert pull is not None
    assert pull.title == "Edit requirements"
    assert pull.body == "Edit requirements: set `cluster.provider`, `apply.maxDeletions`"
    after = world.tree(branch=pull.head_branch).text(FILE)
    assert "  provider: gke\n" in after
    assert "  maxDeletions: 50\n" in after
    kept = [line for line in before.splitlines() if "provider" not in line]
    assert [line for line in after.splitlines() if line in kept] == kept


def test_what_is_so_already_is_no_change(world: World) -> None:
    assert edit(world, "gitops=true") is None


def test_settings_that_nobody_knows_or_that_cannot_be_are_told_and_nothing_is_proposed(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        edit(world, "clusters.provider=gke", "nonsense=1")
    assert "clusters is no setting; did you mean cluster?" in str(caught.value.problems[0])
    for wrong in ("apply.maxDeletions=many", "apply.maxDeletion=5", "versionStream.url=ftp://x"):
        with pytest.raises(Invalid):
            edit(world, wrong)
    with pytest.raises(Usage):
        edit(world)
    assert world.forge.list_pulls(world.at.repo) == ()


def test_every_environment_has_its_own(world: World) -> None:
    pull = edit(world, "apply.maxDeletions=3", environment="production")
    assert pull is not None
    assert "maxDeletions: 3" in world.tree("production", pull.head_branch).text(FILE)


def test_the_edit_comes_back_from_its_trailer() -> None:
    one = SetRequirements({"apply.maxDeletions": 50, "kaniko": True})
    assert parse_edit(edit_to_json(one)) == one
