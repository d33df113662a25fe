"""The apply on an embedded cluster whose controllers run: jobs end, deployments become ready, and what waits for them goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.support.embedded import running_api
from tests.support.places import Place, make_place
from tests.support.worlds import config_map, deployment

from jx.adapters.kubernetes.api import Api, Resource
from jx.domain.applying.applying import ApplyResult

pytestmark = pytest.mark.xdist_group("embedded-workloads")

JOBS = Resource("batch/v1", "jobs", "Job")
FAIL = "local.jenkins-x.io/fail"


@pytest.fixture(scope="module")
def playing_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An embedded API with controllers and a node."""
    folder = tmp_path_factory.mktemp("workloads")
    folder.chmod(0o700)
    with running_api(folder, "--workloads") as api:
        yield api


@pytest.fixture
def place(playing_api: Api) -> Place:
    return make_place(playing_api)


def job(name: str, hook: str, *, policy: str = "", fail: str = "", limit: int = 0) -> dict[str, Any]:
    annotations = {"helm.sh/hook": hook} | ({"helm.sh/hook-delete-policy": policy} if policy else {})
    pod = {"containers": [{"name": "run", "image": "run:1"}], "restartPolicy": "Never"}
    template = {"metadata": {"annotations": {FAIL: fail} if fail else {}}, "spec": pod}
    spec = {"backoffLimit": limit, "template": template}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "annotations": annotations},
        "spec": spec,
    }


def test_a_job_of_a_hook_is_waited_for_and_deleted_as_its_policy_says(place: Place, playing_api: Api) -> None:
    place.world.offer(
        "app",
        "1.0.0",
        job("before", "pre-install", policy="hook-succeeded"),
        config_map("app", {}),
        job("after", "post-install"),
    )
    place.world.commit(place.tree(app="1.0.0"))
    report = place.world.apply_head(wait=False, timeout=timedelta(seconds=60))
    assert report.result is ApplyResult.APPLIED, report.message
    assert [(one.step.ref.name, one.error) for one in report.hooks] == [("before", ""), ("after", "")]
    jobs, _ = playing_api.list_pages(JOBS, place.name)
    assert [one["metadata"]["name"] for one in jobs] == ["after"]
    assert not place.apply().plan.has_changes


def test_a_job_of_a_hook_that_fails_stops_the_apply(place: Place, playing_api: Api) -> None:
    place.world.offer("app", "1.0.0", job("before", "pre-install", fail="job-failed"), config_map("app", {}))
    place.world.commit(place.tree(app="1.0.0"))
    report = place.world.apply_head(wait=False, timeout=timedelta(seconds=60))
    assert report.result is ApplyResult.FAILED
    assert "pre-install hook Job.batch/before" in report.message
    assert "BackoffLimitExceeded" in report.message or "backoff limit" in report.message
    assert "ConfigMap/app (namespace here)" not in place.inventory()


def test_what_depends_on_a_deployment_is_sent_once_its_pods_are_ready(place: Place) -> None:
    late = config_map("late", {"a": "1"}, annotations={"jenkins.io/depends-on": "Deployment/web"})
    place.world.offer("app", "1.0.0", late, deployment("web", "web:1"))
    place.world.commit(place.tree(app="1.0.0"))
    report = place.world.apply_head(wait=False, timeout=timedelta(seconds=60))
    assert report.result is ApplyResult.APPLIED, report.message
    told = [event.message for event in place.world.reporter.events]
    ready = next(
        at
        for at, text in enumerate(told)
        if "Deployment.apps/web" in text and "1 of 1 replicas are ready" in text
    )
    sent = next(at for at, text in enumerate(told) if text.startswith("ConfigMap/late"))
    assert ready < sent
