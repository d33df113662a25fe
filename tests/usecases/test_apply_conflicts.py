"""Fields that somebody else sets: an apply names them with both values, and the repository says what is done about them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.worlds import World, config_map, deployment, environment_tree, ref

from jx.domain.applying.applying import Action, ApplyReport, ApplyResult
from jx.domain.applying.field_ownership import YIELDER, owner_of
from jx.domain.environments.guards import Allowed, Guard

WEB = ref("Deployment", "web")


@pytest.fixture
def world() -> World:
    world = World()
    world.offer("web", "1.0.0", deployment("web", "web:1"))
    world.offer("web", "1.1.0", deployment("web", "web:2"))
    return world


def install(world: World, version: str = "1.0.0", way: str = "", name: str = "web") -> ApplyReport:
    rule = {"kind": "Deployment", "name": name, "field": "spec.replicas", "way": way}
    world.commit(environment_tree({"web": version}, apply={"conflicts": [rule]} if way else {}))
    return world.apply_head()


def scale(world: World, replicas: int, manager: str = "autoscaler") -> None:
    world.cluster.put(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "jx"},
            "spec": {"replicas": replicas},
        },
        manager=manager,
    )


def replicas(world: World) -> Any:
    found = world.get("Deployment", "web")
    assert found is not None
    return found["spec"].get("replicas")


def image(world: World) -> Any:
    found = world.get("Deployment", "web")
    assert found is not None
    return found["spec"]["template"]["spec"]["containers"][0]["image"]


def test_without_a_rule_the_error_has_manager_time_field_both_values_and_the_ways_out(world: World) -> None:
    install(world)
    scale(world, 4)
    report = install(world, "1.1.0")
    assert report.result is ApplyResult.FAILED
    assert (
        "spec.replicas is managed by 'autoscaler' since 2026-01-01T00:00:00+00:00: it is 4, we want 1"
        in report.message
    )
    assert "--allow conflicts" in report.message
    assert "{kind: Deployment, name: web, field: spec.replicas, way: take | yield | share}" in report.message
    assert replicas(world) == 4


def test_take_makes_it_ours_at_each_apply(world: World) -> None:
    install(world, way="take")
    scale(world, 4)
    assert world.apply_head().is_good
    assert replicas(world) == 1


def test_yield_leaves_it_to_who_sets_it_and_the_rest_is_applied(world: World) -> None:
    install(world, way="yield")
    scale(world, 4)
    assert install(world, "1.1.0", way="yield").is_good
    assert (replicas(world), image(world)) == (4, "web:2")
    live = world.cluster.find(WEB)
    assert live is not None
    assert owner_of(live.body, ("spec", "replicas")) in {"autoscaler", YIELDER}
    assert not world.apply_head().plan.has_changes


def test_what_is_yielded_may_change_from_then_on_without_a_request(world: World) -> None:
    install(world, way="yield")
    scale(world, 4)
    world.apply_head()
    scale(world, 7)
    assert not world.apply_head().plan.has_changes
    assert replicas(world) == 7


def test_before_anybody_sets_it_a_yielded_field_is_ours(world: World) -> None:
    install(world, way="yield")
    assert replicas(world) == 1


def test_a_field_is_given_up_only_once_the_co_owner_holds_its_value(world: World) -> None:
    """Whoever drops a field that nobody else owns resets it."""
    install(world, way="yield")
    scale(world, 4)
    world.cluster.requests.clear()
    world.apply_head()
    assert world.cluster.writes() == [("send", WEB), ("send", WEB)]
    world.cluster.objects[WEB]["metadata"]["managedFields"] = [
        entry
        for entry in world.cluster.objects[WEB]["metadata"]["managedFields"]
        if entry["manager"] != "autoscaler"
    ]
    install(world, "1.1.0", way="yield")
    assert replicas(world) == 4


def test_a_rule_that_is_taken_back_makes_the_field_ours_again(world: World) -> None:
    install(world, way="yield")
    scale(world, 4, manager="ann")
    world.apply_head()
    world.cluster.objects[WEB]["metadata"]["managedFields"] = [
        entry
        for entry in world.cluster.objects[WEB]["metadata"]["managedFields"]
        if entry["manager"] != "ann"
    ]
    assert install(world).is_good
    assert replicas(world) == 1


def test_share_sets_what_it_is_now(world: World) -> None:
    install(world, way="share")
    scale(world, 4)
    assert install(world, "1.1.0", way="share").is_good
    assert (replicas(world), image(world)) == (4, "web:2")


def test_a_rule_for_all_objects_of_a_kind(world: World) -> None:
    install(world, way="yield", name="*")
    scale(world, 4)
    assert install(world, "1.1.0", way="yield", name="*").is_good
    assert replicas(world) == 4


def test_the_plan_says_what_is_left_to_others(world: World) -> None:
    install(world, way="yield")
    scale(world, 4)
    (step,) = world.apply_head(dry_run=True).plan.changes
    assert step.action is Action.UPDATE
    assert step.reason.endswith("spec.replicas is left to others")


def test_allow_conflicts_takes_once(world: World) -> None:
    install(world)
    scale(world, 4)
    assert world.apply_head(allowed=Allowed(frozenset({Guard.CONFLICTS}))).is_good
    assert replicas(world) == 1
    scale(world, 5)
    assert world.apply_head().result is ApplyResult.FAILED


def test_values_of_secrets_are_in_no_conflict(world: World) -> None:
    token = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "token"},
        "data": {"token": "aHVudGVyMjI="},
    }
    world.offer("token", "1.0.0", token, config_map("other", {}))
    world.commit(environment_tree({"token": "1.0.0"}))
    world.apply_head()
    theirs = token | {"metadata": {"name": "token", "namespace": "jx"}, "data": {"token": "b3RoZXI="}}
    world.cluster.put(theirs, manager="vault")
    report = world.apply_head()
    assert "data.token is managed by 'vault'" in report.message
    assert "aHVudGVyMjI=" not in report.message
    assert "b3RoZXI=" not in report.message
