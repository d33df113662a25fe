"""The watchdog's return over the very adapters of a real cluster: the embedded API, and a real one where there is one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.embedded import CLUSTERS, GROUP, api_of, embedded_api, real_api
from tests.support.places import Place, make_place
from tests.support.worlds import config_map, deployment, secret

from jx.adapters.git.absent import AbsentRepos
from jx.adapters.kubernetes.api import CONFIG_MAPS, SECRETS, Api, Resource
from jx.adapters.kubernetes.snapshots import KubernetesSnapshots
from jx.adapters.local.memory_watchdogs import MemoryWatchdogs
from jx.domain.applying.applying import Anchor, ApplyResult, Hold, KnownGood
from jx.domain.environments.watchdogs import Orders
from jx.domain.layouts import umbrella
from jx.domain.ledger.snapshots import Snapshot
from jx.usecases.planning.plan_environment import PlanRequest
from jx.usecases.rescuing.look_health import LookHealth
from jx.usecases.rescuing.return_to_verified import ReturnToVerified
from jx.usecases.rescuing.watch_state import WatchState

__all__ = ["embedded_api", "real_api"]

pytestmark = GROUP

DEPLOYMENTS = Resource("apps/v1", "deployments", "Deployment")
GATES = Resource(
    "admissionregistration.k8s.io/v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)
QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "none"},
    "spec": {"hard": {"pods": "0"}},
}


def gate(namespace: str) -> dict[str, Any]:
    """A webhook that nobody answers, and that refuses every write in one namespace."""
    return {
        "apiVersion": GATES.api_version,
        "kind": GATES.kind,
        "metadata": {"name": f"refuses-{namespace}"},
        "webhooks": [
            {
                "name": "refuses.all.example.com",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "timeoutSeconds": 1,
                "clientConfig": {"url": "https://127.0.0.1:1/"},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "rules": [
                    {
                        "apiGroups": ["*"],
                        "apiVersions": ["*"],
                        "operations": ["CREATE", "UPDATE", "DELETE"],
                        "resources": ["*"],
                    }
                ],
            }
        ],
    }


@pytest.fixture(params=CLUSTERS)
def api(request: pytest.FixtureRequest) -> Api:
    return api_of(request)


@pytest.fixture
def place(api: Api) -> Place:
    """Version 1.0.0 is applied and kept as verified; then 2.0.0, in which a webhook refuses everything."""
    place = make_place(api)
    login = secret("login", {"token": "hunter22"})
    good = (deployment("hub", "hub:1"), login, config_map("settings", {"version": "1"}))
    bad = (deployment("hub", "hub:2"), config_map("settings", {"version": "2"}), QUOTA, gate(place.name))
    place.world.offer("hub", "1.0.0", *good)
    place.world.offer("hub", "2.0.0", *bad)
    place.world.commit(place.tree(hub="1.0.0"))
    assert place.apply().is_good
    keep(place, api)
    place.world.commit(place.tree(hub="2.0.0"), "Break it")
    place.world.apply_head(wait=False)
    return place


def keep(place: Place, api: Api) -> None:
    """What the controllers do once a state has proven itself."""
    tree, anchor = place.tree(hub="1.0.0"), anchor_of(place)
    assert anchor.applied
    planned = place.use_case().plan(PlanRequest(umbrella.read(tree), tree, anchor, repo=place.world.repo))
    objects = tuple(step.manifest for step in planned.plan.steps if step.manifest)
    applied = anchor.applied
    KubernetesSnapshots(api).save(
        Snapshot(place.name, applied.plan_digest, applied.source, tree, applied.charts, objects)
    )
    good = KnownGood(applied.plan_digest, applied.source, place.world.clock.now())
    place.world.anchors.save(replace(anchor, verified=good))


def anchor_of(place: Place) -> Anchor:
    anchor = place.world.anchors.find(place.name)
    assert anchor
    return anchor


def watch(place: Place, api: Api) -> WatchState:
    world, watchdogs = place.world, MemoryWatchdogs()
    anchor = anchor_of(place)
    assert anchor.verified
    assert anchor.applied
    hold = Hold("watchdog", "", world.clock.now(), anchor.applied.source.revision, "rescue")
    watchdogs.start(
        Orders(
            number="1",
            environment=place.name,
            tree_digest=anchor.applied.source.tree_digest,
            deadline=timedelta(seconds=3),
            good=anchor.verified.plan_digest,
            good_at=anchor.verified.at,
            applied_at=None,
            hold=hold,
        )
    )
    apply = replace(world.use_case(), repos=AbsentRepos())
    return WatchState(
        watchdogs=watchdogs,
        anchors=world.anchors,
        go_back=ReturnToVerified(apply, KubernetesSnapshots(api), world.reporter, "watchdog"),
        look=LookHealth(place.cluster),
        clock=world.clock,
        reporter=world.reporter,
    )


def image(place: Place, api: Api) -> str:
    found = api.get(DEPLOYMENTS, place.name, "hub")
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def test_a_webhook_that_refuses_everything_is_taken_away_first_and_all_comes_back(
    place: Place, api: Api
) -> None:
    assert image(place, api) == "hub:2"
    assert "refuses.all.example.com" in str(api.get(GATES, "", f"refuses-{place.name}"))
    watched = watch(place, api)
    orders = watched.watchdogs.find(place.name)
    assert orders
    # Nothing runs pods here, so nothing gets healthy; what is sent counts.
    report = watched.go_back(orders.orders, "it did not prove itself", within=timedelta(seconds=1))
    assert report.result is ApplyResult.APPLIED
    assert image(place, api) == "hub:1"
    assert api.get(CONFIG_MAPS, place.name, "settings")["data"] == {"version": "1"}
    assert api.get(SECRETS, place.name, "login")["data"] == {"token": "aHVudGVyMjI="}
    quotas = Resource("v1", "resourcequotas", "ResourceQuota")
    assert not api.list_pages(quotas, place.name)[0]
    (hold,) = anchor_of(place).holds
    assert (hold.by, hold.reason) == ("watchdog", "it did not prove itself")
    assert anchor_of(place).pending, "the ledger waits for somebody who speaks to git"
