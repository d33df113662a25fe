"""Drift: what was changed behind our back is found with who, when and what, and reported or healed as the repository says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.worlds import (
    ANN,
    DEV,
    DEV_REPO,
    World,
    config_map,
    deployment,
    environment_tree,
    ref,
    secret,
)

from jx.adapters.local.memory_forge import MemoryForge
from jx.adapters.local.memory_records import MemoryActivities
from jx.domain.applying.applying import Hold
from jx.domain.environments import holds
from jx.domain.environments.environments import Environment
from jx.domain.environments.guards import Allowed, Guard
from jx.domain.errors import NotFound
from jx.domain.ledger import ledger
from jx.domain.ledger.drift import Drifted, DriftedField, Kind
from jx.domain.names import EnvironmentName
from jx.usecases.following.find_drift import DriftReport, FindDrift
from jx.usecases.following.follow_environment import FollowEnvironment, FollowRequest
from jx.usecases.following.watch_drift import WatchDrift

ENVIRONMENT = Environment(DEV, "jx", DEV_REPO)
CACHE = ref("ConfigMap", "cache")
NOW = "2026-01-01T00:00:00+00:00"
"""When everything happens in a cluster in memory."""


@pytest.fixture
def world() -> World:
    world = World()
    world.offer(
        "cache",
        "1.0.0",
        config_map("cache", {"size": "1"}),
        secret("token", {"token": "hunter22"}),
        deployment("web", "web:1"),
    )
    return world


def install(world: World, **apply: Any) -> None:
    world.commit(environment_tree({"cache": "1.0.0"}, apply=apply))
    follow = FollowEnvironment(
        world.repos,
        MemoryForge(world.repos, ANN),
        MemoryActivities(),
        world.use_case(),
        world.clock,
        world.reporter,
    )
    report = follow(FollowRequest(ENVIRONMENT, "controllers"))
    assert report is not None
    assert report.is_good


def edit(world: World, size: str, manager: str = "kubectl-edit") -> None:
    world.cluster.put(config_map("cache", {"size": size}, namespace="jx"), manager=manager)


def find(world: World) -> tuple[Drifted, ...]:
    return FindDrift(world.cluster, world.anchors, world.repos)(DEV).found


def watch(world: World) -> DriftReport | None:
    find_drift = FindDrift(world.cluster, world.anchors, world.repos)
    return WatchDrift(find_drift, world.use_case(), world.repos, world.clock, world.reporter)(
        ENVIRONMENT, holder="controllers"
    )


def size(world: World) -> Any:
    found = world.get("ConfigMap", "cache")
    assert found is not None
    return found["data"]["size"]


# Finding


def test_what_is_as_it_was_left_has_not_drifted(world: World) -> None:
    install(world)
    assert find(world) == ()


def test_a_change_has_its_field_both_values_its_maker_and_its_time(world: World) -> None:
    install(world)
    edit(world, "99")
    field = DriftedField("data.size", "'1'", "'99'", "kubectl-edit", NOW)
    assert find(world) == (Drifted(CACHE, Kind.CHANGED, "kubectl-edit", NOW, (field,)),)


def test_what_others_add_is_no_drift(world: World) -> None:
    install(world)
    world.cluster.put(config_map("cache", {"theirs": "2"}, namespace="jx"), manager="kubectl-edit")
    assert find(world) == ()


def test_what_was_deleted_and_what_took_its_place_are_told_apart(world: World) -> None:
    install(world)
    world.cluster.remove(CACHE)
    assert find(world) == (Drifted(CACHE, Kind.DELETED),)
    edit(world, "1", "somebody")
    assert [(one.kind, one.by) for one in find(world)] == [(Kind.REPLACED, "somebody")]


def test_values_of_secrets_are_in_no_finding(world: World) -> None:
    install(world)
    theirs = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "token", "namespace": "jx"},
        "data": {"token": "b3RoZXI="},
    }
    world.cluster.put(theirs, manager="kubectl-edit")
    (one,) = find(world)
    assert [(field.path, field.was, field.now) for field in one.fields] == [
        ("data.token", "<secret>", "<secret>")
    ]


def test_finding_renders_nothing_and_writes_nothing(world: World) -> None:
    install(world)
    edit(world, "99")
    renders = world.renderer.renders
    world.cluster.requests.clear()
    find(world)
    assert world.renderer.renders == renders
    assert not world.cluster.writes()


def test_without_a_ledger_drift_is_found_without_its_fields(world: World) -> None:
    install(world)
    edit(world, "99")
    world.anchors.save(replace(world.anchor, ledger_head="f" * 40))
    assert find(world) == (Drifted(CACHE, Kind.CHANGED, "kubectl-edit", NOW),)


def test_a_field_that_is_left_to_others_is_no_drift(world: World) -> None:
    rule = {"kind": "ConfigMap", "name": "cache", "field": "data.size", "way": "yield"}
    install(world, conflicts=[rule])
    edit(world, "99")
    assert find(world) == ()


def test_an_environment_that_this_cluster_has_never_seen_is_not_found(world: World) -> None:
    with pytest.raises(NotFound, match="never seen environment preview"):
        FindDrift(world.cluster, world.anchors, world.repos)(EnvironmentName("preview"))


# What the controllers do about it


def test_drift_is_reported_and_left_alone_unless_the_repository_says_otherwise(world: World) -> None:
    install(world)
    edit(world, "99")
    watch(world)
    assert size(world) == "99"
    note = world.anchor.drift
    assert note is not None
    assert (note.objects, note.words) == (1, "ConfigMap/cache (namespace jx) changed by kubectl-edit")
    assert "dev was changed behind our back: ConfigMap/cache" in world.reporter.text


def test_drift_is_on_record_in_the_ledger_with_its_fields_and_only_once(world: World) -> None:
    install(world)
    edit(world, "99")
    for _ in range(3):
        watch(world)
        world.clock.move(timedelta(minutes=5))
    (entry,) = [ledger.unpack(one) for one in world.anchor.pending]
    assert entry.author.name == "kubectl-edit"
    assert "Jx-Event: drift" in entry.message
    assert "data.size: '1' → '99'" in entry.message
    assert not entry.files


def test_the_same_drift_is_told_once_and_its_note_goes_with_it(world: World) -> None:
    install(world)
    edit(world, "99")
    watch(world)
    version, told = world.anchor.version, len(world.reporter.events)
    world.clock.move(timedelta(hours=1))
    watch(world)
    assert (world.anchor.version, len(world.reporter.events)) == (version, told)
    world.apply_head(allowed=Allowed(frozenset({Guard.CONFLICTS})))
    watch(world)
    assert world.anchor.drift is None


def test_heal_takes_it_back_and_the_ledger_says_why(world: World) -> None:
    install(world, drift="heal")
    edit(world, "99")
    watch(world)
    assert size(world) == "1"
    assert world.anchor.drift is None
    assert world.ledger_commits()[-1].trailers["Jx-Reason"] == "drift is healed"
    commits = len(world.ledger_commits())
    watch(world)
    assert len(world.ledger_commits()) == commits


def test_heal_brings_back_what_was_deleted(world: World) -> None:
    install(world, drift="heal")
    world.cluster.remove(CACHE)
    watch(world)
    assert size(world) == "1"


def test_ignore_looks_at_nothing(world: World) -> None:
    install(world, drift="ignore")
    edit(world, "99")
    assert watch(world) is None
    assert world.anchor.drift is None


def test_nothing_is_healed_while_an_environment_is_on_hold(world: World) -> None:
    install(world, drift="heal")
    hold = Hold("ann", "a test", world.clock.now(), kind=holds.PERSON)
    world.anchors.save(replace(world.anchor, holds=(hold,)))
    edit(world, "99")
    assert watch(world) is None
    assert size(world) == "99"


def test_what_waits_to_be_applied_is_the_business_of_an_apply(world: World) -> None:
    install(world, drift="heal")
    edit(world, "99")
    world.commit(environment_tree({"cache": "1.0.0"}, apply={"drift": "heal"}, files={"README.md": "new"}))
    assert watch(world) is None
    assert size(world) == "99"
