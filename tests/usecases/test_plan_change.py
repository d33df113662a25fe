"""What a pull request's merge would make of the cluster, whatever was merged meanwhile."""

from __future__ import annotations

import pytest
from tests.support.journeys import ANN, BETTER, BOT, DEV, World, installed, merged

from jx.domain.applying.applying import Action
from jx.domain.applying.plan_text import VersionMove
from jx.domain.environments.edits import SetRequirements, edit_to_json
from jx.domain.errors import NotFound
from jx.domain.names import Person
from jx.ports.forge import Offer
from jx.ports.repos import Draft
from jx.usecases.proposing.remove_app import RemoveAppRequest
from jx.usecases.reviewing.plan_change import PlannedChange


@pytest.fixture
def world() -> World:
    return installed()


def plan(world: World, number: int = 1) -> PlannedChange:
    return world.process(BOT).plan_change(world.environments[DEV], world.pull(number))


def kinds(planned: PlannedChange, action: Action) -> list[str]:
    return sorted(step.ref.kind for step in planned.planned.plan.steps if step.action is action)


def test_an_added_app_is_what_the_plan_creates(world: World) -> None:
    world.process(ANN).add_app("redis")
    planned = plan(world)
    assert planned.versions == (VersionMove("redis", "", "1.1.0"),)
    assert kinds(planned, Action.CREATE) == ["App", "ConfigMap", "Secret", "Service", "StatefulSet"]
    assert planned.base == world.head()


def test_the_plan_is_the_one_that_the_apply_then_makes(world: World) -> None:
    world.process(ANN).upgrade_platform(BETTER)
    digest = plan(world).planned.plan.digest
    merged(world, 1)
    world.settle()
    applied = world.anchor().applied
    assert applied is not None
    assert applied.plan_digest == digest


def test_machine_made_edits_are_replayed_on_what_was_merged_meanwhile(world: World) -> None:
    """Both add a line to the same list: as texts they conflict, as edits they do not."""
    ann = world.process(ANN)
    ann.add_app("redis")
    ann.add_app("shop")
    merged(world, 2)
    world.settle()
    planned = plan(world)
    assert planned.versions == (VersionMove("redis", "", "1.1.0"),)
    assert kinds(planned, Action.PRUNE) == []
    assert "StatefulSet" in kinds(planned, Action.CREATE)


def test_an_app_that_was_removed_twice_is_gone_already(world: World) -> None:
    ann = world.process(ANN)
    ann.add_app("redis")
    merged(world, 1)
    world.settle()
    ann.remove_app(RemoveAppRequest(world.at, "redis"))
    tree = world.tree()
    merged(world, 2)
    world.push(tree, "Put it back")
    planned = plan(world, 2)
    assert planned.base == world.head()


def test_a_persons_own_commits_are_merged_with_what_was_merged_meanwhile(world: World) -> None:
    repo = world.repo()
    mine = Draft(world.tree().put("env/templates/a.yaml", CONFIG), "By hand\n\nJx-Edit: none\n", ANN)
    world.repos.replace(repo, "mine", base=world.head(), draft=mine)
    world.forge_as(ANN).propose(repo, Offer("mine", "master", "By hand", ""))
    world.process(ANN).add_app("redis")
    merged(world, 2)
    planned = plan(world)
    assert kinds(planned, Action.CREATE).count("ConfigMap") == 2
    assert planned.versions == ()


def test_a_commit_that_claims_to_be_a_small_edit_is_planned_by_its_files(world: World) -> None:
    """The merge takes its files, so it is those that have to be looked at."""
    repo = world.repo()
    claim = edit_to_json(SetRequirements({"apply.maxDeletions": 30}))
    mine = Draft(
        world.tree().put("env/templates/a.yaml", CONFIG), f"Small\n\nsmall\n\nJx-Edit: {claim}\n", ANN
    )
    world.repos.replace(repo, "mine", base=world.head(), draft=mine)
    world.forge_as(ANN).propose(repo, Offer("mine", "master", "Small", ""))
    world.process(ANN).add_app("redis")
    merged(world, 2)
    assert kinds(plan(world), Action.CREATE).count("ConfigMap") == 2


def test_a_pull_request_into_a_branch_that_is_gone_is_not_found(world: World) -> None:
    repo = world.repo()
    for branch in ("mine", "other"):
        draft = Draft(world.tree().put(f"{branch}.md", "Hello.\n"), "Hello\n\nJx-Edit: none\n", Person("A"))
        world.repos.replace(repo, branch, base=world.head(), draft=draft)
    world.forge_as(ANN).propose(repo, Offer("mine", "other", "Hello", ""))
    pull = world.pull()
    del world.repos._repos[repo.url].branches["other"]
    with pytest.raises(NotFound, match="there is no branch other"):
        world.process(BOT).plan_change(world.environments[DEV], pull)


CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: b\n"
