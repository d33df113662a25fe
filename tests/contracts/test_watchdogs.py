"""The contract of `ports.watchdogs.Watchdogs`, held to every adapter of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.embedded import CLUSTERS, GROUP, api_of, embedded_api, fresh_name, real_api

from jx.adapters.kubernetes.anchors import ensure_namespace
from jx.adapters.kubernetes.api import PODS, Api
from jx.adapters.kubernetes.watchdogs import ACCOUNTS, LABEL, KubernetesWatchdogs
from jx.adapters.local.memory_watchdogs import MemoryWatchdogs
from jx.domain.applying.applying import Hold
from jx.domain.environments.watchdogs import Orders, Phase
from jx.domain.errors import NotFound, Stale
from jx.domain.names import EnvironmentName
from jx.domain.objects.membership import RESCUE_NAMESPACE
from jx.ports.watchdogs import Watchdogs

__all__ = ["embedded_api", "real_api"]

pytestmark = GROUP
AT = datetime(2026, 3, 1, 10, tzinfo=UTC)


def running(api: Api) -> KubernetesWatchdogs:
    """Watchdogs as the controllers in a pod would start them."""
    space = fresh_name("jx")
    ensure_namespace(api, space)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "me", "namespace": space}}
    api.create(ACCOUNTS, space, account)
    container = {"name": "controllers", "image": "jx/platform:1.0.0", "args": ["controllers", "run"]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "jx-controllers-1",
            "namespace": space,
            "labels": {"app.kubernetes.io/component": "controllers"},
        },
        "spec": {"serviceAccountName": "me", "nodeName": "node-1", "containers": [container]},
    }
    api.create(PODS, space, pod)
    return KubernetesWatchdogs(api, namespace=space)


@pytest.fixture(params=["memory", *CLUSTERS])
def watchdogs(request: pytest.FixtureRequest) -> Watchdogs:
    return MemoryWatchdogs() if request.param == "memory" else running(api_of(request))


def orders(number: str, name: EnvironmentName) -> Orders:
    hold = Hold("watchdog", "because", AT)
    return Orders(number, name, "sha256:new", timedelta(minutes=5), "sha256:good", AT, None, hold)


@pytest.fixture
def name() -> EnvironmentName:
    return EnvironmentName(fresh_name("env"))


def test_a_watchdog_finds_its_orders_and_reports(watchdogs: Watchdogs, name: EnvironmentName) -> None:
    assert watchdogs.find(name) is None
    watchdogs.start(orders("1", name))
    watch = watchdogs.find(name)
    assert watch
    assert (watch.orders, watch.phase) == (orders("1", name), Phase.STARTING)
    reported = watchdogs.report(replace(watch, phase=Phase.WATCHING, since=AT))
    assert watchdogs.find(name) == reported
    with pytest.raises(Stale):
        watchdogs.report(replace(watch, phase=Phase.STUCK))


def test_new_orders_take_the_place_of_those_before(watchdogs: Watchdogs, name: EnvironmentName) -> None:
    old = watchdogs.start(orders("1", name))
    watchdogs.start(orders("2", name))
    with pytest.raises(Stale):
        watchdogs.report(replace(old, phase=Phase.WATCHING))
    watch = watchdogs.find(name)
    assert watch
    assert watch.orders.number == "2"


def test_it_runs_outside_of_what_changes_from_the_same_image(
    embedded_api: Api, name: EnvironmentName
) -> None:
    running(embedded_api).start(orders("1", name))
    running(embedded_api).start(orders("2", name))
    query = {"labelSelector": f"{LABEL}={name}"}
    pods = embedded_api.list_pages(PODS, RESCUE_NAMESPACE, query=query)[0]
    alive = [one for one in pods if not one["metadata"].get("deletionTimestamp")]
    assert [one["metadata"]["name"] for one in alive] == [f"watchdog-{name}-2"]
    spec = alive[0]["spec"]
    assert (spec["nodeName"], spec["restartPolicy"], spec["serviceAccountName"]) == (
        "node-1",
        "OnFailure",
        "watchdog",
    )
    assert spec["containers"][0]["image"] == "jx/platform:1.0.0"
    assert spec["containers"][0]["args"] == ["watchdog", "run", "--environment", name]


def test_without_controllers_there_is_no_image_to_start_from(
    embedded_api: Api, name: EnvironmentName
) -> None:
    with pytest.raises(NotFound, match="controllers"):
        KubernetesWatchdogs(embedded_api, namespace="default").start(orders("1", name))


def test_once_it_is_removed_it_may_do_nothing_any_more(watchdogs: Watchdogs, name: EnvironmentName) -> None:
    watch = watchdogs.start(orders("1", name))
    watchdogs.remove(name)
    watchdogs.remove(name)
    assert watchdogs.find(name) is None
    with pytest.raises((Stale, NotFound)):
        watchdogs.report(replace(watch, phase=Phase.WATCHING))
