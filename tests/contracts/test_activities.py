"""The contract of `ports.activities.Activities`, held to every adapter of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.embedded import CLUSTERS, GROUP, api_of, embedded_api, fresh_name, real_api, served

from jx.adapters.kubernetes.activities import PIPELINE_ACTIVITIES, KubernetesActivities
from jx.adapters.kubernetes.anchors import ensure_namespace
from jx.adapters.kubernetes.api import Api, Resource
from jx.adapters.local.memory_records import MemoryActivities
from jx.domain.errors import Unavailable
from jx.domain.runs.activities import Activity, ActivityStatus, ActivityStep, PromotePart, PromoteStep
from jx.ports.activities import Activities

__all__ = ["embedded_api", "real_api"]

AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
CRDS = Resource(
    "apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
pytestmark = GROUP


def crd() -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "PipelineActivity", "plural": "pipelineactivities", "singular": "pipelineactivity"}
    return {
        "apiVersion": CRDS.api_version,
        "kind": CRDS.kind,
        "metadata": {"name": "pipelineactivities.jenkins.io"},
        "spec": {"group": "jenkins.io", "scope": "Namespaced", "names": names, "versions": [version]},
    }


@pytest.fixture(params=["memory", *CLUSTERS])
def activities(request: pytest.FixtureRequest) -> Activities:
    if request.param == "memory":
        return MemoryActivities()
    api = api_of(request)
    namespace = fresh_name("jx")
    ensure_namespace(api, namespace)
    api.apply(CRDS, "", crd(), query={"fieldManager": "test", "force": "true"})
    served(api, PIPELINE_ACTIVITIES, namespace)
    return KubernetesActivities(api, namespace=namespace)


def test_what_is_removed_is_gone_and_removing_it_again_is_no_error(activities: Activities) -> None:
    activities.save(run("1"))
    activities.save(run("2", name="Acme/Odd Name" + "x" * 80))
    for _ in range(2):
        activities.remove("Acme/Odd Name" + "x" * 80)
    assert [one.build for one in activities.list_all()] == ["1"]


def run(build: str = "1", *, name: str = "") -> Activity:
    return Activity(
        name=name or f"acme-environment-jx-dev-master-{build}",
        pipeline="acme/environment-jx-dev/master",
        build=build,
        status=ActivityStatus.RUNNING,
        revision="a" * 40,
        author="Ann Lee",
        message="feat: a\n\nb",
        started=AT + timedelta(minutes=int(build)),
        git_url="https://git.example.com/acme/environment-jx-dev.git",
        pull_url="https://git.example.com/acme/environment-jx-dev/pulls/3",
        steps=(
            ActivityStep("apply", ActivityStatus.RUNNING, AT),
            ActivityStep("render", ActivityStatus.SUCCEEDED, AT, AT + timedelta(seconds=3), "50 charts", 1),
            ActivityStep("wait", ActivityStatus.PENDING, depth=1),
            ActivityStep("ledger", ActivityStatus.NOT_EXECUTED),
        ),
    )


def test_all_of_a_record_comes_back(activities: Activities) -> None:
    activities.save(run())
    assert activities.list_all() == (run(),)


def test_a_promotion_comes_back_with_its_pull_request_and_its_update(activities: Activities) -> None:
    pull = PromotePart(
        ActivityStatus.SUCCEEDED,
        AT,
        AT + timedelta(minutes=1),
        url="https://git.example/pulls/1",
        merge_commit="b" * 40,
    )
    update = PromotePart(
        ActivityStatus.RUNNING, AT, description="waits", statuses=(("https://ci.example/1", "success"),)
    )
    steps = (
        PromoteStep(
            "staging", ActivityStatus.RUNNING, pull, update, AT, application_url="https://shop.example"
        ),
        PromoteStep("production", ActivityStatus.PENDING),
    )
    promoted = replace(run(), promotes=steps, version="1.2.3")
    activities.save(promoted)
    assert activities.list_all() == (promoted,)


def test_a_record_that_says_little_comes_back_too(activities: Activities) -> None:
    little = Activity("a-b-c-1", "a/b/c", "1", ActivityStatus.PENDING)
    activities.save(little)
    assert activities.list_all() == (little,)


def test_the_newest_write_of_a_name_wins_whole(activities: Activities) -> None:
    activities.save(run())
    done = replace(run(), status=ActivityStatus.SUCCEEDED, completed=AT, author="", steps=run().steps[:1])
    activities.save(done)
    activities.save(done)
    assert activities.list_all() == (done,)


def test_the_list_is_oldest_first(activities: Activities) -> None:
    for build in ("10", "9", "11"):
        activities.save(run(build))
    assert [activity.build for activity in activities.list_all()] == ["9", "10", "11"]


def test_any_name_can_be_recorded_and_two_stay_two(activities: Activities) -> None:
    names = ["Acme-Shop-feat/X_y-1", "acme-shop-feat-x-y-1", "a" * 300 + "-1", "a" * 300 + "-2"]
    for name in names:
        activities.save(run(name=name))
    assert sorted(activity.name for activity in activities.list_all()) == sorted(names)


def test_a_watcher_gets_all_records_and_then_each_change(activities: Activities) -> None:
    activities.save(run("1"))
    activities.save(run("2"))
    seen = activities.watch()
    assert [next(seen).build, next(seen).build] == ["1", "2"]
    activities.save(replace(run("1"), status=ActivityStatus.FAILED))
    assert next(seen).status is ActivityStatus.FAILED
    activities.save(run("3"))
    assert next(seen).build == "3"
    del seen


@GROUP
def test_a_cluster_without_the_kind_says_what_brings_it(embedded_api: Api) -> None:
    missing = KubernetesActivities(embedded_api, namespace=fresh_name("nowhere"))
    with pytest.raises(Unavailable) as caught:
        missing.save(run())
    assert "jx-platform" in caught.value.hint
