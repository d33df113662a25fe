"""Charts over several namespaces, and apps with a namespace and a release of their own."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from tests.support import journeys
from tests.support.worlds import World, config_map, deployment, environment_tree

from jx.domain.applying.applying import ApplyReport
from jx.domain.environments.guards import Allowed, DataLeftBehind, Guard
from jx.domain.errors import Invalid

NAMED = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: '{{ .Release.Name }}-redis'\n"
    "data: {at: '{{ .Release.Namespace }}'}\n"
)
STATEFUL = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "redis"},
    "spec": {"replicas": 1},
}


@pytest.fixture
def world() -> World:
    world = World()
    world.offer("redis", "1.0.0", STATEFUL, named=NAMED)
    world.offer("web", "1.0.0", deployment("web", "web:1"), named=NAMED.replace("redis", "web"))
    return world


def install(world: World, *places: dict[str, str], **more: Any) -> ApplyReport:
    apps = {"redis": "1.0.0", "web": "1.0.0"}
    world.commit(environment_tree(apps, apply={"apps": list(places)} if places else {}))
    return world.apply_head(**more)


def objects(world: World) -> set[tuple[str, str]]:
    """Namespace and name of everything but namespaces."""
    return {(ref.namespace, ref.name) for ref in world.cluster.objects if ref.kind != "Namespace"}


def test_an_app_with_a_place_of_its_own_is_rendered_for_it_and_goes_there(world: World) -> None:
    assert install(world, {"name": "redis", "namespace": "databases", "release": "cache"}).is_good
    assert objects(world) == {
        ("databases", "redis"),
        ("databases", "cache-redis"),
        ("jx", "web"),
        ("jx", "jenkins-x-web"),
    }
    made = world.get("ConfigMap", "cache-redis", "databases")
    assert made is not None
    assert made["data"] == {"at": "databases"}
    assert made["metadata"]["labels"]["jenkins.io/chart-release"] == "cache"
    assert world.get("Namespace", "databases", "") is not None
    assert not world.apply_head().plan.has_changes


def test_a_release_of_its_own_alone_leaves_it_where_the_others_are(world: World) -> None:
    install(world, {"name": "redis", "release": "cache"})
    assert ("jx", "cache-redis") in objects(world)


def test_a_place_for_an_app_that_is_not_there_is_refused(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        install(world, {"name": "rediss", "namespace": "databases"})
    assert "apply.apps names rediss, which is no app of this environment" in str(caught.value.problems[0])
    assert not world.cluster.writes()


def test_data_is_not_left_behind_unsaid_when_an_app_moves(world: World) -> None:
    install(world)
    place = {"name": "redis", "namespace": "databases"}
    with pytest.raises(DataLeftBehind, match=r"StatefulSet.apps/redis \(namespace jx\) -> databases"):
        install(world, place)
    assert ("jx", "redis") in objects(world)
    assert install(world, place, allowed=Allowed(frozenset({Guard.OTHER_CLUSTER}))).is_good
    assert ("databases", "redis") in objects(world)
    assert ("jx", "redis") not in objects(world)


def test_a_chart_may_say_other_namespaces_for_single_objects(world: World) -> None:
    world.offer("both", "1.0.0", config_map("here", {}), config_map("there", {}, namespace="elsewhere"))
    world.commit(environment_tree({"both": "1.0.0"}))
    assert world.apply_head().is_good
    assert objects(world) == {("jx", "here"), ("elsewhere", "there")}


def test_helms_own_engine_renders_an_app_for_its_own_place() -> None:
    world = journeys.installed()
    world.process(journeys.ANN).add_app("redis")
    journeys.merged(world, 1)
    tree = world.tree()
    settings = yaml.safe_load(tree.text("jx-requirements.yml"))
    settings.setdefault("apply", {})["apps"] = [
        {"name": "redis", "namespace": "databases", "release": "cache"}
    ]
    world.process(journeys.BOB).apply_by_hand(tree.put("jx-requirements.yml", yaml.safe_dump(settings)))
    found = {(ref.kind, ref.name) for ref in world.cluster.objects if ref.namespace == "databases"}
    assert {("StatefulSet", "cache-redis"), ("Service", "cache-redis"), ("Secret", "cache-redis")} <= found
    assert not any(ref.name == "jenkins-x-redis" for ref in world.cluster.objects)
