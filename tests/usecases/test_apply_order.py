"""The order of an apply: what is sent waits for what it needs, what is deleted goes the other way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.support.worlds import DEV, World, config_map, definition, deployment, environment_tree, ref

from jx.domain.applying.applying import ApplyResult
from jx.domain.errors import Invalid
from jx.domain.objects.manifests import ObjectRef
from jx.domain.objects.sequencing import DEPENDS_ON, WAVE

WEB, DATABASE = ref("Deployment", "web"), ref("Deployment", "database")


def annotated(body: dict[str, Any], **annotations: str) -> dict[str, Any]:
    names = {"needs": DEPENDS_ON, "wave": WAVE}
    metadata = body["metadata"] | {"annotations": {names[key]: text for key, text in annotations.items()}}
    return body | {"metadata": metadata}


def web(image: str = "web:1", **annotations: str) -> dict[str, Any]:
    return annotated(deployment("web", image), **annotations)


def database(image: str = "db:1", **annotations: str) -> dict[str, Any]:
    return annotated(deployment("database", image), **annotations)


@pytest.fixture
def world() -> World:
    return World()


def offered(world: World, *versions: list[dict[str, Any]]) -> None:
    """A chart `shop` in versions 1.0.0, 1.1.0 ..."""
    for number, objects in enumerate(versions):
        world.offer("shop", f"1.{number}.0", *objects)


def install(world: World, version: str = "1.0.0", **more: Any) -> Any:
    world.commit(environment_tree({"shop": version}))
    return world.apply_head(**more)


def sent(world: World) -> list[str]:
    return [found.name for _, found in world.cluster.writes() if isinstance(found, ObjectRef)]


def test_what_depends_on_a_workload_is_sent_once_that_is_healthy(world: World) -> None:
    offered(world, [web(needs="Deployment/database"), database()])
    assert install(world).is_good
    assert sent(world) == ["jx", "database", "web"]
    told = [event.message for event in world.reporter.events]
    healthy = told.index("Deployment.apps/database (namespace jx): 1 of 1 replicas are ready")
    assert healthy < told.index("Deployment.apps/web (namespace jx): create")


def test_nothing_that_needs_a_broken_workload_is_sent(world: World) -> None:
    offered(world, [web(needs="Deployment/database"), database()])
    world.cluster.break_workload(DATABASE)
    report = install(world)
    assert report.result is ApplyResult.FAILED
    assert world.cluster.find(WEB) is None
    assert "it waits for Deployment.apps/database (namespace jx): 0 of 1 replicas are ready" in report.message


def test_the_next_apply_goes_on_where_a_broken_need_stopped_this_one(world: World) -> None:
    offered(world, [web(needs="Deployment/database"), database()])
    world.cluster.break_workload(DATABASE)
    install(world)
    world.cluster.mend_workload(DATABASE)
    assert world.apply_head().is_good
    assert world.cluster.find(WEB) is not None


def test_a_need_that_is_healthy_already_costs_no_request(world: World) -> None:
    offered(
        world,
        [web(needs="Deployment/database"), database()],
        [web("web:2", needs="Deployment/database"), database()],
    )
    install(world)
    world.cluster.requests.clear()
    install(world, "1.1.0", wait=False)
    assert sent(world) == ["web"]


def test_a_later_wave_waits_for_the_workloads_of_all_earlier_ones(world: World) -> None:
    offered(world, [web(wave="1"), database(), annotated(config_map("first", {"a": "1"}), wave="-1")])
    world.cluster.break_workload(DATABASE)
    report = install(world)
    assert sent(world) == ["jx", "first", "database"]
    assert "it waits for Deployment.apps/database" in report.message


def test_deletions_go_the_opposite_way_of_the_order_in_which_things_came(world: World) -> None:
    offered(
        world,
        [web(needs="Deployment/database"), database(), config_map("keep", {"a": "1"})],
        [config_map("keep", {"a": "1"})],
    )
    install(world)
    world.cluster.requests.clear()
    assert install(world, "1.1.0").is_good
    assert sent(world) == ["web", "database"]


def test_what_others_need_is_deleted_only_once_those_are_really_gone(world: World) -> None:
    offered(
        world,
        [web(needs="Deployment/database"), database(), config_map("keep", {"a": "1"})],
        [config_map("keep", {"a": "1"})],
    )
    install(world)
    world.cluster.linger(WEB)
    report = install(world, "1.1.0", timeout=timedelta(seconds=5))
    assert "it waits for Deployment.apps/web (namespace jx): it is still being deleted" in report.message
    assert world.cluster.find(DATABASE) is not None
    world.cluster.let_go(WEB)
    world.apply_head()
    assert world.cluster.find(DATABASE) is None


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ([web(needs="Deployment/database"), database(needs="Deployment/web")], "a cycle"),
        ([web(needs="Deployment/nope")], "names Deployment/nope, which is not among the objects"),
    ],
)
def test_an_order_that_cannot_be_is_refused_before_anything_is_sent(
    world: World, objects: list[dict[str, Any]], said: str
) -> None:
    offered(world, objects)
    with pytest.raises(Invalid) as caught:
        install(world)
    assert said in str(caught.value.problems[0])
    assert not world.cluster.writes()
    assert world.anchors.find(DEV) is None


def test_a_newer_commit_breaks_off_waiting_for_a_need(world: World) -> None:
    offered(world, [web(needs="Deployment/database"), database()], [web(), database("db:2")])
    world.cluster.break_workload(DATABASE)
    world.commit(environment_tree({"shop": "1.0.0"}))
    request = world.request_head()
    world.commit(environment_tree({"shop": "1.1.0"}))
    world.cluster.pass_time = world.clock.move
    report = world.use_case()(request)
    assert "the wait for it was broken off" in report.message


def test_objects_of_a_new_kind_are_sent_once_the_kind_is_served(world: World) -> None:
    crd = definition("shop.example.com", "Window")
    window = {"apiVersion": "shop.example.com/v1", "kind": "Window", "metadata": {"name": "front"}}
    offered(world, [window, crd])
    assert install(world).is_good
    assert sent(world) == ["jx", "windows.shop.example.com", "front"]
