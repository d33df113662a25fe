"""Who owns which field, on the embedded Kubernetes API: what only a server that tracks fields can show."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from tests.support.embedded import CLUSTERS, GROUP, api_of, embedded_api, real_api
from tests.support.places import Place, make_place
from tests.support.worlds import config_map, deployment, environment_tree

from jx.adapters.kubernetes.api import Api, Resource
from jx.adapters.kubernetes.transport import Request
from jx.domain.applying.applying import Action
from jx.domain.applying.field_ownership import YIELDER
from jx.domain.environments.guards import Allowed, ForeignObjects, Guard, ImmutableFields
from jx.domain.ledger.drift import Kind
from jx.usecases.following.find_drift import FindDrift

__all__ = ["embedded_api", "real_api"]

pytestmark = GROUP

DEPLOYMENTS = Resource("apps/v1", "deployments", "Deployment")
CONFIG_MAPS = Resource("v1", "configmaps", "ConfigMap")
SECRETS = Resource("v1", "secrets", "Secret")
JOBS = Resource("batch/v1", "jobs", "Job")


@pytest.fixture(params=CLUSTERS)
def api(request: pytest.FixtureRequest) -> Api:
    return api_of(request)


@pytest.fixture
def place(api: Api) -> Place:
    return make_place(api)


def commit(place: Place, way: str = "", **apps: str) -> None:
    rule = {"kind": "Deployment", "name": "*", "field": "spec.replicas", "way": way}
    more = {"conflicts": [rule]} if way else {}
    place.world.commit(environment_tree(apps, name=place.name, namespace=place.name, apply=more))


def scale(api: Api, place: Place, replicas: int) -> None:
    """As an autoscaler does it: by way of the subresource."""
    path = DEPLOYMENTS.path(place.name, "web", "scale")
    found = api.get(DEPLOYMENTS, place.name, "web")
    body = {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {
            "name": "web",
            "namespace": place.name,
            "resourceVersion": found["metadata"]["resourceVersion"],
        },
        "spec": {"replicas": replicas},
    }
    send(api, "PUT", path, body)


def send(api: Api, method: str, path: str, body: dict[str, Any], form: str = "application/json") -> None:
    headers = {"Content-Type": form}
    query = (("fieldManager", "autoscaler"),)
    request = Request(method, path, query, orjson.dumps(body), headers)
    api._json(request, api._attempt(method, None, path))


def test_replicas_of_an_autoscaler_stay_when_we_give_them_up(place: Place, api: Api) -> None:
    commit(place, "yield", web="1.0.0")
    place.apply()
    scale(api, place, 4)
    report = place.apply()
    assert report.is_good, report.message
    found = api.get(DEPLOYMENTS, place.name, "web")
    assert found["spec"]["replicas"] == 4
    managers = {entry["manager"] for entry in found["metadata"]["managedFields"]}
    assert {"jx", YIELDER, "autoscaler"} <= managers
    writes = place.cluster.writes
    scale(api, place, 6)
    assert not place.apply().plan.has_changes
    assert place.cluster.writes == writes


def test_a_conflict_over_replicas_names_the_autoscaler_and_both_values(place: Place, api: Api) -> None:
    commit(place, web="1.0.0")
    place.apply()
    scale(api, place, 4)
    report = place.apply()
    assert "spec.replicas is managed by 'autoscaler'" in report.message
    assert "it is 4, we want 1" in report.message
    commit(place, "take", web="1.0.0")
    assert place.apply().is_good
    assert api.get(DEPLOYMENTS, place.name, "web")["spec"]["replicas"] == 1


def test_shared_replicas_follow_what_they_are(place: Place, api: Api) -> None:
    commit(place, web="1.0.0")
    place.apply()
    scale(api, place, 4)
    commit(place, "share", web="1.1.0")
    assert place.apply().is_good
    found = api.get(DEPLOYMENTS, place.name, "web")
    assert found["spec"]["replicas"] == 4
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"


def job(image: str) -> dict[str, Any]:
    pod = {"containers": [{"name": "seed", "image": image}], "restartPolicy": "Never"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "seed"},
        "spec": {"template": {"spec": pod}},
    }


def test_a_job_whose_template_changed_is_made_anew_where_that_is_allowed(place: Place, api: Api) -> None:
    place.world.offer("seed", "1.0.0", job("seed:1"))
    place.world.offer("seed", "1.1.0", job("seed:2"))
    commit(place, seed="1.0.0")
    assert place.apply().result.value == "applied"
    assert not place.apply().plan.has_changes
    first = api.get(JOBS, place.name, "seed")["metadata"]["uid"]
    commit(place, seed="1.1.0")
    with pytest.raises(ImmutableFields, match=r"spec\.template cannot be changed in place"):
        place.apply()
    report = place.world.apply_head(wait=False, allowed=Allowed(frozenset({Guard.REPLACE})))
    assert report.plan.count(Action.REPLACE) == 1
    assert report.result.value == "applied", report.message
    found = api.get(JOBS, place.name, "seed")
    assert found["metadata"]["uid"] != first
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "seed:2"


def test_a_selector_that_changed_is_refused_with_its_name(place: Place) -> None:
    other = deployment("web", "web:2")
    other["spec"]["selector"]["matchLabels"]["tier"] = "front"
    other["spec"]["template"]["metadata"]["labels"]["tier"] = "front"
    place.world.offer("moved", "1.0.0", deployment("web", "web:1"))
    place.world.offer("moved", "1.1.0", other)
    commit(place, moved="1.0.0")
    place.apply()
    commit(place, moved="1.1.0")
    with pytest.raises(ImmutableFields, match=r"Deployment.apps/web .*: spec\.selector cannot be changed"):
        place.apply()


def test_what_helm_set_and_we_do_not_say_goes_when_its_objects_are_taken_over(place: Place, api: Api) -> None:
    commit(place, web="1.0.0")
    place.apply()
    theirs = config_map(
        "cache", {"size": "1", "theirs": "2"}, annotations={"meta.helm.sh/release-name": "old"}
    )
    api.apply(CONFIG_MAPS, place.name, theirs, query={"fieldManager": "helm"})
    place.world.offer("cache", "1.0.0", config_map("cache", {"size": "3"}))
    commit(place, web="1.0.0", cache="1.0.0")
    with pytest.raises(ForeignObjects, match="the Helm release old"):
        place.apply()
    allowed = Allowed(frozenset({Guard.FOREIGN_OBJECTS}))
    report = place.world.apply_head(wait=False, allowed=allowed)
    assert report.is_good, report.message
    found = api.get(CONFIG_MAPS, place.name, "cache")
    assert found["data"] == {"size": "3"}
    assert "annotations" not in found["metadata"]
    assert {entry["manager"] for entry in found["metadata"]["managedFields"]} == {"jx"}
    assert not place.apply().plan.has_changes


def test_a_key_that_leaves_the_string_data_of_a_secret_leaves_the_secret(place: Place, api: Api) -> None:
    def token(**data: str) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "stringData": data}

    place.world.offer("token", "1.0.0", token(a="one", b="two"))
    place.world.offer("token", "1.1.0", token(b="two"))
    commit(place, token="1.0.0")
    place.apply()
    assert set(api.get(SECRETS, place.name, "token")["data"]) == {"a", "b"}
    commit(place, token="1.1.0")
    place.apply()
    assert set(api.get(SECRETS, place.name, "token")["data"]) == {"b"}


def test_drift_is_found_on_the_api_with_its_field_maker_and_time(place: Place, api: Api) -> None:
    commit(place, web="1.0.0")
    place.apply()
    find = FindDrift(place.cluster, place.world.anchors, place.world.repos)
    assert find(place.name).found == ()
    there = api.get(DEPLOYMENTS, place.name, "web")
    container = there["spec"]["template"]["spec"]["containers"][0]
    patch = {"spec": {"template": {"spec": {"containers": [{**container, "image": "evil:1"}]}}}}
    send(api, "PATCH", DEPLOYMENTS.path(place.name, "web"), patch, "application/merge-patch+json")
    api.delete(SECRETS, place.name, "web", {})
    deleted, changed = sorted(find(place.name).found, key=lambda one: one.ref)
    assert (deleted.ref.kind, deleted.kind) == ("Secret", Kind.DELETED)
    assert (changed.kind, changed.by) == (Kind.CHANGED, "autoscaler")
    (field,) = changed.fields
    assert field.path == "spec.template.spec.containers[name=web].image"
    assert (field.was, field.now, field.by) == ("'web:1'", "'evil:1'", "autoscaler")
    assert field.since
