"""A dry run that asks the server: what it would refuse is known before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.embedded import GROUP, embedded_api
from tests.support.places import Place, make_place
from tests.support.worlds import World, config_map, definition, deployment, environment_tree, ref

from jx.adapters.kubernetes.api import Api
from jx.domain.applying.applying import ApplyReport, ApplyResult
from jx.domain.errors import Refused

__all__ = ["embedded_api"]

pytestmark = GROUP


@pytest.fixture
def world() -> World:
    world = World()
    world.offer("web", "1.0.0", deployment("web", "web:1"), config_map("web", {"a": "1"}))
    world.offer("web", "1.1.0", deployment("web", "web:2"), config_map("web", {"a": "2"}))
    return world


def ask(world: World, version: str) -> ApplyReport:
    world.commit(environment_tree({"web": version}))
    return world.apply_head(dry_run=True, asks_server=True)


def test_what_the_server_would_refuse_is_told_object_by_object(world: World) -> None:
    world.commit(environment_tree({"web": "1.0.0"}))
    world.apply_head()
    world.cluster.fail(Refused("the quota is used up"), only=lambda found: found == ref("ConfigMap", "web"))
    before = {found: dict(body) for found, body in world.cluster.objects.items()}
    report = ask(world, "1.1.0")
    assert report.result is ApplyResult.FAILED
    assert [(str(one.step.ref), one.error) for one in report.outcomes if one.error] == [
        ("ConfigMap/web (namespace jx)", "the quota is used up")
    ]
    assert world.cluster.objects == before


def test_what_the_plan_itself_brings_is_not_asked_for(world: World) -> None:
    metadata = {"name": "a", "namespace": "default"}
    window = {"apiVersion": "shop.example.com/v1", "kind": "Window", "metadata": metadata}
    world.offer("shop", "1.0.0", definition("shop.example.com", "Window"), window)
    world.commit(environment_tree({"web": "1.0.0", "shop": "1.0.0"}))
    report = world.apply_head(dry_run=True, asks_server=True)
    assert report.result is ApplyResult.APPLIED
    asked = {str(one.step.ref) for one in report.outcomes if not one.skipped}
    assert asked == {"Namespace/jx", "CustomResourceDefinition.apiextensions.k8s.io/windows.shop.example.com"}


def test_a_misspelt_field_is_found_by_a_real_server(embedded_api: Api) -> None:
    place: Place = make_place(embedded_api)
    web: dict[str, Any] = deployment("web", "web:3")
    web["spec"]["replica"] = 2
    place.world.offer("web", "3.0.0", web)
    place.world.commit(place.tree(web="1.0.0"))
    place.apply()
    place.world.commit(place.tree(web="3.0.0"))
    report = place.world.apply_head(dry_run=True, asks_server=True)
    (refused,) = [one for one in report.outcomes if one.error]
    assert "replica" in refused.error
