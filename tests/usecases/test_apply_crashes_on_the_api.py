"""A kill at every call of an apply that has all there is to it: hooks, an order, a replacement, a yielded field, deletions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.support.embedded import CLUSTERS, GROUP, api_of, embedded_api, real_api
from tests.support.fuses import Crash, Fuse
from tests.support.places import Place, make_place
from tests.support.worlds import config_map, deployment, environment_tree

from jx.adapters.kubernetes.api import Api, Resource
from jx.domain.applying.applying import Action
from jx.domain.applying.field_ownership import YIELDER
from jx.domain.applying.locking import LEASE

__all__ = ["embedded_api", "real_api"]

pytestmark = [pytest.mark.slow, GROUP]

DEPLOYMENTS = Resource("apps/v1", "deployments", "Deployment")
JOBS = Resource("batch/v1", "jobs", "Job")
RULE = {"kind": "Deployment", "name": "web", "field": "spec.replicas", "way": "yield"}


@pytest.fixture(params=CLUSTERS)
def api(request: pytest.FixtureRequest) -> Api:
    return api_of(request)


def job(image: str) -> dict[str, Any]:
    pod = {"containers": [{"name": "seed", "image": image}], "restartPolicy": "Never"}
    metadata = {"name": "seed", "annotations": {"jenkins.io/replace": "true"}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {"template": {"spec": pod}},
    }


def hook(name: str, phase: str, policy: str = "before-hook-creation") -> dict[str, Any]:
    said = {"helm.sh/hook": phase, "helm.sh/hook-delete-policy": policy}
    return config_map(name, {"a": "1"}, annotations=said)


def build(api: Api) -> Place:
    """An environment of which a version is applied and scaled by somebody, and another waits to be."""
    place = make_place(api)
    hooks = [hook("before", "pre-upgrade"), hook("after", "post-upgrade", "hook-succeeded")]
    late = config_map("late", {"a": "1"}, annotations={"jenkins.io/depends-on": "ConfigMap/early"})
    first = [deployment("web", "web:1"), job("seed:1"), late, config_map("early", {}), *hooks]
    place.world.offer("all", "1.0.0", *first)
    place.world.offer("all", "1.1.0", deployment("web", "web:2"), job("seed:2"), *hooks)
    commit(place, "1.0.0")
    place.apply()
    scaled = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": 4},
    }
    api.apply(DEPLOYMENTS, place.name, scaled, query={"fieldManager": "autoscaler", "force": "true"})
    commit(place, "1.1.0")
    return place


def commit(place: Place, version: str) -> None:
    tree = environment_tree(
        {"all": version}, name=place.name, namespace=place.name, apply={"conflicts": [RULE]}
    )
    place.world.commit(tree, f"Go to {version}")


def end_state(place: Place, api: Api) -> tuple[Any, ...]:
    """What there is to see afterwards, wherever the kill was."""
    web = api.get(DEPLOYMENTS, place.name, "web")
    seed = api.get(JOBS, place.name, "seed")
    anchor = place.world.anchors.find(place.name)
    assert anchor is not None
    return (
        place.inventory(),
        web["spec"]["replicas"],
        web["spec"]["template"]["spec"]["containers"][0]["image"],
        YIELDER in {entry["manager"] for entry in web["metadata"]["managedFields"]},
        seed["spec"]["template"]["spec"]["containers"][0]["image"],
        anchor.hooks.pending,
        [app for app, _ in anchor.hooks.seen],
        [item.ref.name for item in anchor.hooks.left],
        anchor.is_begun,
        [entry.subject for entry in place.world.ledger_commits()],
    )


def test_wherever_it_is_killed_the_next_apply_ends_it_as_if_nothing_had_been(api: Api) -> None:
    whole, fuse = build(api), Fuse()
    report = whole.use_case(fuse)(whole.world.request_head(wait=False))
    assert report.result.value == "applied", report.message
    assert report.plan.count(Action.REPLACE) == 1
    assert report.plan.count(Action.PRUNE) == 2
    assert [one.step.phase for one in report.hooks] == ["pre-upgrade", "post-upgrade"]
    expected = end_state(whole, api)
    assert expected[1:5] == (4, "web:2", True, "seed:2")
    points = sum(is_killed_and_ended(api, at, expected) for at in range(1, fuse.calls + 1))
    assert points > fuse.calls - 5, "how often a wait looks differs a little from run to run, but not by more"


def is_killed_and_ended(api: Api, at: int, expected: tuple[Any, ...]) -> bool:
    """Kill the apply at that call, before it or after; whether there was such a call. The next apply ends it in either case."""
    place, is_killed = build(api), False
    try:
        place.use_case(Fuse(at, after=at % 2 == 0))(place.world.request_head(wait=False))
    except Crash:
        is_killed = True
    place.world.clock.move(LEASE + timedelta(seconds=1))
    assert place.apply().result.value == "applied", f"killed at call {at}"
    assert end_state(place, api) == expected, f"killed at call {at}"
    assert not place.apply().plan.has_changes, f"killed at call {at}"
    return is_killed
