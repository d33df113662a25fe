"""`jx get applications`: what runs where, and how well."""

from __future__ import annotations

import json

import pytest
from tests.support.journeys import ANN, BOB, DEV, PRODUCTION, STAGING, World, installed, merged

from jx.domain.errors import NotFound
from jx.domain.objects.manifests import ObjectRef
from jx.usecases.platform.show_applications import Applications
from jx.usecases.promoting.look_at_environment import Placed


@pytest.fixture
def world() -> World:
    return installed()


def deploy(world: World, name: str, version: str = "") -> None:
    """On staging."""
    pull = world.process(ANN).add_app(name, STAGING, version)
    assert pull is not None
    merged(world, pull.number, STAGING)
    world.settle()


def show(world: World, environment: str = "") -> Applications:
    return world.process(BOB).show_applications(world.at, environment=environment)


def test_the_platform_itself_is_no_application(world: World) -> None:
    shown = show(world)
    assert [one.name for one in shown.environments] == [DEV, STAGING, PRODUCTION]
    assert shown.rows == {}


def test_an_application_has_a_column_for_each_environment_that_runs_it(world: World) -> None:
    deploy(world, "shop", version="1.0.0")
    world.process(ANN).add_app("shop", PRODUCTION, "2.0.0")
    merged(world, 1, PRODUCTION)
    world.settle()
    rows = show(world).rows
    assert list(rows) == ["shop"]
    assert {name: one.version for name, one in rows["shop"].items()} == {
        "staging": "1.0.0",
        "production": "2.0.0",
    }


def test_pods_and_address_are_what_the_cluster_says(world: World) -> None:
    deploy(world, "shop")
    ingress = world.cluster.objects[ObjectRef("networking.k8s.io", "Ingress", "jx-staging", "jx-shop")]
    host = ingress["spec"]["rules"][0]["host"]
    assert show(world).rows["shop"]["staging"] == Placed("2.0.0", 2, 2, f"http://{host}")


def test_pods_that_are_not_ready_are_counted_as_such(world: World) -> None:
    deploy(world, "shop")
    body = world.cluster.objects[ObjectRef("apps", "Deployment", "jx-staging", "jx-shop")]
    body["status"]["readyReplicas"] = 1
    placed = show(world).rows["shop"]["staging"]
    assert (placed.ready, placed.wanted) == (1, 2)


def test_stateful_applications_are_counted_too(world: World) -> None:
    deploy(world, "redis")
    placed = show(world).rows["redis"]["staging"]
    assert (placed.version, placed.ready, placed.wanted, placed.url) == ("1.1.0", 1, 1, "")


def test_only_one_environment_is_shown_when_it_is_named(world: World) -> None:
    deploy(world, "shop")
    assert [one.name for one in show(world, "production").environments] == [PRODUCTION]
    assert show(world, "production").rows == {}
    assert list(show(world, "staging").rows) == ["shop"]
    with pytest.raises(NotFound):
        show(world, "nowhere")


def test_only_the_environment_of_a_namespace_is_shown_when_that_is_named(world: World) -> None:
    shown = world.process(BOB).show_applications(world.at, namespace="jx-staging")
    assert [one.name for one in shown.environments] == [STAGING]


def test_an_environment_that_was_never_applied_has_no_rows(world: World) -> None:
    deploy(world, "shop")
    world.anchors.remove(STAGING)
    assert show(world).rows == {}


@pytest.mark.parametrize("other", ["shop-api", "webshop"])
def test_the_pods_of_an_application_with_a_similar_name_are_not_counted(world: World, other: str) -> None:
    deploy(world, "shop")
    text = json.dumps(world.cluster.objects[ObjectRef("apps", "Deployment", "jx-staging", "jx-shop")])
    body = json.loads(text.replace("jx-shop", f"jx-{other}").replace('"shop', f'"{other}'))
    ref = ObjectRef("apps", "Deployment", "jx-staging", f"jx-{other}")
    world.cluster.objects[ref] = body
    placed = show(world).rows["shop"]["staging"]
    assert (placed.ready, placed.wanted) == (2, 2)


def test_what_somebody_else_put_beside_it_is_not_counted(world: World) -> None:
    deploy(world, "shop")
    theirs = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": "jx-staging"},
        "spec": {"replicas": 1},
    }
    world.cluster.put(theirs)
    placed = show(world).rows["shop"]["staging"]
    assert (placed.ready, placed.wanted) == (2, 2)


LABELS: list[tuple[dict[str, str], int]] = [
    ({}, 3),
    ({"app.kubernetes.io/name": "shop"}, 3),
    ({"app.kubernetes.io/name": "other"}, 2),
    ({"helm.sh/chart": "shop-2.0.0"}, 3),
    ({"helm.sh/chart": "shop-api-2.0.0"}, 2),
]


@pytest.mark.parametrize(("labels", "wanted"), LABELS)
def test_labels_decide_whose_a_workload_is_and_its_name_only_where_there_are_none(
    world: World, labels: dict[str, str], wanted: int
) -> None:
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop-more", "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": []}},
        },
    }
    deploy(world, "shop")
    world.push(world.tree(STAGING).put("env/templates/more.yaml", json.dumps(body)), "Add more", STAGING)
    world.settle()
    assert show(world).rows["shop"]["staging"].wanted == wanted
