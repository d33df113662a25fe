"""Reverting: a pull request that takes a change back, after a look at what that does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.support.journeys import (
    ANN,
    BETTER,
    DEV,
    GOOD,
    OLGA,
    STAGING,
    World,
    installed,
    merged,
    upgraded,
)

from jx.domain.applying.plan_text import totals
from jx.domain.environments.edits import PatchFiles, RemoveApp, SetVersion, Several
from jx.domain.errors import NotFound, Refused, Usage
from jx.domain.layouts import umbrella
from jx.domain.names import AppKey, EnvironmentName
from jx.usecases.history.find_revert import FindRevert, RevertTarget, parse_target
from jx.usecases.history.preview_revert import PreviewRevert, counts
from jx.usecases.history.revert_change import RevertChange, RevertReport, RevertRequest


@pytest.fixture
def world() -> World:
    """Redis is added by a pull request; Olga pushes more memory for it."""
    world = installed()
    world.process(ANN).add_app("redis", version="1.0.0")
    merged(world, 1)
    world.settle()
    return world


def more_memory(world: World, memory: str = "512Mi") -> None:
    values = f"resources:\n  limits:\n    memory: {memory}\n"
    world.push(world.tree().put("env/redis/values.yaml", values), f"Memory {memory}", person=OLGA)
    world.settle()


def revert(
    world: World, word: str = "", environment: EnvironmentName = DEV, *, agrees: bool = True, **how: Any
) -> RevertReport:
    process = world.process(ANN)
    since, to = how.pop("since", None), how.pop("to", "")
    preview = PreviewRevert(process.plan_environment, process.anchors, {})
    use = RevertChange(process.propose_change, FindRevert(world.histories), preview, process.anchors)
    request = RevertRequest(world.at, environment, RevertTarget(word, since, to), **how)
    return use(request, agree=lambda _: agrees)


def test_a_pull_request_that_added_an_app_is_taken_back_and_the_app_goes(world: World) -> None:
    report = revert(world, "1")
    assert report.pull
    assert report.pull.title == "Revert Add redis 1.0.0"
    assert report.preview.planned
    assert totals(report.preview.planned.plan).startswith("0 to create, 0 to update, 5 to delete")
    assert any("StatefulSet" in line for line in report.preview.data)
    merged(world, report.pull.number)
    world.settle()
    assert not [item for item in world.anchor().inventory if "redis" in item.ref.name]
    assert world.tree() == world.tree(revision=world.repos.log(world.repo(), world.head())[2].revision)


def test_nothing_is_offered_in_a_dry_run_or_without_consent(world: World) -> None:
    before = world.forge.list_pulls(world.repo(), state=None)
    assert revert(world, "#1", dry_run=True).pull is None
    assert revert(world, "redis", agrees=False).pull is None
    assert world.forge.list_pulls(world.repo(), state=None) == before


def test_doing_it_twice_is_doing_it_once(world: World) -> None:
    one, other = revert(world, "1").pull, revert(world, "redis").pull
    assert one
    assert other
    assert one.number == other.number


def test_an_upgrade_goes_back_under_a_later_change_of_something_else(world: World) -> None:
    upgraded(world, BETTER)
    more_memory(world)
    report = revert(world, "2")
    assert report.preview.downgrades == ("jx-platform 1.1.0 → 1.0.0",)
    assert report.preview.planned
    changed = counts(report.preview.planned)["changed"]
    assert any(ref.name == "jx-controllers" for ref in changed)
    assert report.pull
    merged(world, report.pull.number)
    world.settle()
    assert "512Mi" in world.tree().text("env/redis/values.yaml")
    pins = world.anchor().applied
    assert pins
    assert {pin.key: pin.version for pin in pins.charts}["jx-platform"] == GOOD


def test_what_was_changed_again_is_refused_and_names_who_did(world: World) -> None:
    more_memory(world)
    changed = world.head()
    more_memory(world, "1Gi")
    with pytest.raises(Refused, match="cannot be taken back by itself") as caught:
        revert(world, changed)
    assert "resources.limits.memory" in caught.value.message or "changed since" in caught.value.message
    assert "Olga Own" in caught.value.message
    assert "--to STATE" in caught.value.hint


def test_all_since_a_moment_and_all_after_a_state_go_back_together(world: World) -> None:
    before = world.tree()
    state = world.head()
    world.clock.move(timedelta(hours=3))
    begun = world.clock.now()
    more_memory(world)
    more_memory(world, "1Gi")
    for target in ({"since": begun}, {"to": state[:10]}, {"to": "~2"}):
        report = revert(world, **target, dry_run=True)
        assert len(report.found.commits) == 2
        assert report.found.reverted.tree == before


def test_a_commit_of_the_ledger_stands_for_what_its_apply_brought(world: World) -> None:
    more_memory(world)
    entry = world.ledger()[-1]
    report = revert(world, entry.revision[:12], dry_run=True)
    assert [one.subject for one in report.found.commits] == ["Memory 512Mi"]


def test_later_changes_of_the_same_app_are_named(world: World) -> None:
    more_memory(world)
    world.push(world.tree().put("env/redis/README.MD", "more\n"), "Describe it", person=ANN)
    report = revert(world, world.repos.log(world.repo(), world.head())[1].revision, dry_run=True)
    assert [one.subject for one in report.found.later] == ["Describe it"]
    assert isinstance(report.found.reverted.edit, PatchFiles)


def test_what_is_gone_already_and_what_was_never_there_is_said(world: World) -> None:
    pull = revert(world, "1").pull
    assert pull
    merged(world, pull.number)
    with pytest.raises(Refused, match="nothing of it is left"):
        revert(world, "1")
    with pytest.raises(NotFound, match="#99 was not merged"):
        revert(world, "99")
    with pytest.raises(NotFound, match="no change of an app 'nothing'"):
        revert(world, "nothing")
    with pytest.raises(Usage, match="name one thing"):
        parse_target("1", None, "verified")


def test_environments_further_on_that_run_it_are_named(world: World) -> None:
    for environment in (STAGING, EnvironmentName("production")):
        pull = world.process(ANN).add_app("shop", environment)
        assert pull
        merged(world, pull.number, environment)
    world.settle()
    report = revert(world, "shop", STAGING, dry_run=True)
    assert report.preview.above == ("production runs shop 2.0.0, and staging will run none",)


def test_the_plan_is_left_out_where_the_cluster_cannot_be_asked(world: World) -> None:
    process = world.process(ANN)
    world.down["cluster"].is_down = True
    preview = PreviewRevert(process.plan_environment, process.anchors, {})
    use = RevertChange(process.propose_change, FindRevert(world.histories), preview, process.anchors)
    report = use(RevertRequest(world.at, DEV, RevertTarget("1")), agree=lambda _: True)
    assert report.preview.planned is None
    assert "not known" in report.preview.notes[0]
    assert report.pull


def test_what_a_machine_did_goes_back_by_an_edit_that_is_replayed_on_what_comes_meanwhile(
    world: World,
) -> None:
    report = revert(world, "1")
    assert report.found.reverted.edit == RemoveApp(AppKey("redis"))
    assert report.pull
    upgraded(world, BETTER)
    merged(world, report.pull.number)
    world.settle()
    assert [app.key for app in umbrella.read(world.tree()).apps] == ["jx-platform"]


def test_an_upgrade_of_several_apps_goes_back_as_a_whole(world: World) -> None:
    world.process(ANN).add_app("shop", version="1.0.0")
    merged(world, 2)
    several = Several((SetVersion(AppKey("redis"), "1.1.0"), SetVersion(AppKey("shop"), "2.0.0")))
    process = world.process(ANN)
    process.propose_change(process.propose_change.target(world.at, DEV), several)
    merged(world, 3)
    report = revert(world, "3", dry_run=True)
    assert report.found.reverted.edit == Several(
        (SetVersion(AppKey("shop"), "1.0.0"), SetVersion(AppKey("redis"), "1.0.0"))
    )


def test_files_that_somebody_put_beside_an_app_that_goes_stay_and_are_named(world: World) -> None:
    more_memory(world)
    report = revert(world, "1", dry_run=True)
    assert [one.subject for one in report.found.later] == ["Memory 512Mi"]
    assert "env/redis/values.yaml" in report.found.reverted.tree
