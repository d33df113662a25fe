"""The apply over the very adapters of a real cluster, on the embedded Kubernetes API."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from tests.support.embedded import GROUP, embedded_api
from tests.support.fuses import Crash, Fuse
from tests.support.places import Place, make_place
from tests.support.worlds import World, config_map, environment_tree

from jx.adapters.kubernetes.api import CONFIG_MAPS, Api, Resource
from jx.adapters.kubernetes.cluster import KubernetesCluster
from jx.domain.applying.applying import Action
from jx.domain.applying.locking import LEASE
from jx.domain.errors import Overtaken
from jx.domain.names import EnvironmentName

__all__ = ["embedded_api"]

pytestmark = GROUP


@pytest.fixture
def place(embedded_api: Api) -> Place:
    return make_place(embedded_api)


def test_a_second_apply_sends_no_write_although_the_server_normalises(place: Place) -> None:
    place.world.commit(place.tree(web="1.0.0"))
    assert place.apply().result.value == "applied"
    writes = place.cluster.writes
    report = place.apply()
    assert not report.plan.has_changes
    assert place.cluster.writes == writes


def test_an_upgrade_changes_what_changed_and_prunes_the_rest(place: Place) -> None:
    place.world.commit(place.tree(web="1.0.0"))
    place.apply()
    place.world.commit(place.tree(web="1.1.0"))
    report = place.apply()
    done = {step.ref.kind: step.action for step in report.plan.changes}
    assert done == {"Secret": Action.UPDATE, "Deployment": Action.UPDATE, "ConfigMap": Action.PRUNE}
    assert report.is_good
    assert not place.apply().plan.has_changes


def test_tampering_by_another_manager_is_found_and_named(place: Place) -> None:
    place.world.commit(place.tree(web="1.0.0"))
    place.apply()
    step = next(step for step in place.apply().plan.steps if step.ref.kind == "ConfigMap")
    assert step.manifest is not None
    api: Api = place.cluster._api
    resource = place.cluster._resource("v1", step.ref)
    body = {**step.manifest.body, "data": {"a": "2"}}
    api.apply(resource, place.name, body, query={"fieldManager": "somebody", "force": "true"})
    plan = place.world.apply_head(dry_run=True).plan
    assert [(str(s.ref), s.reason) for s in plan.changes] == [
        (f"ConfigMap/old (namespace {place.name})", "it was changed behind our back by somebody")
    ]


def test_kills_in_mid_apply_are_repaired_on_the_api_too(embedded_api: Api) -> None:
    def build() -> Place:
        place = make_place(embedded_api)
        place.world.commit(place.tree(web="1.0.0"))
        place.apply()
        place.world.commit(place.tree(web="1.1.0"), "Upgrade web")
        return place

    counted, fuse = build(), Fuse()
    counted.use_case(fuse)(counted.world.request_head(wait=False))
    assert not counted.apply().plan.has_changes
    for at in range(1, fuse.calls + 1):
        place = build()
        with pytest.raises(Crash):
            place.use_case(Fuse(at, after=at % 2 == 0))(place.world.request_head(wait=False))
        place.world.clock.move(LEASE + timedelta(seconds=1))
        assert place.apply().is_good, f"killed at call {at}"
        assert not place.apply().plan.has_changes
        assert [commit.subject for commit in place.world.ledger_commits()] == ["Change it", "Upgrade web"]
        assert place.inventory() == counted.inventory()


def test_what_others_need_is_deleted_only_once_those_are_really_gone(place: Place) -> None:
    needs = {"annotations": {"jenkins.io/depends-on": "ConfigMap/early"}, "finalizers": ["example.com/wait"]}
    objects = [config_map("late", {"a": "1"}, **needs), config_map("early", {"a": "1"})]
    place.world.offer("pair", "1.0.0", *objects, config_map("other", {}))
    place.world.offer("pair", "1.1.0", config_map("other", {}))
    place.world.commit(place.tree(pair="1.0.0"))
    assert place.apply().is_good
    place.world.commit(place.tree(pair="1.1.0"))
    report = place.world.apply_head(wait=False, timeout=timedelta(seconds=1))
    assert "it waits for ConfigMap/late" in report.message
    assert (
        "it waits for ConfigMap/late"
        in place.world.apply_head(wait=False, timeout=timedelta(seconds=1)).message
    )
    assert "ConfigMap/early (namespace here)" in place.inventory()
    late = next(step for step in report.plan.steps if step.ref.name == "late")
    resource = place.cluster._resource("v1", late.ref)
    bare = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late", "finalizers": []}}
    place.cluster._api.apply(resource, place.name, bare, query={"fieldManager": "jx", "force": "true"})
    assert place.apply().is_good
    assert "ConfigMap/early (namespace here)" not in place.inventory()


class Paused:
    """A cluster whose first change stands still between the check of the lock and the request, until it is resumed."""

    def __init__(self, cluster: KubernetesCluster) -> None:
        self._cluster = cluster
        self.is_about_to_send = threading.Event()
        self.resumed = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def send(self, *args: Any, **kwargs: Any) -> Any:
        self.is_about_to_send.set()
        assert self.resumed.wait(60)
        return self._cluster.send(*args, **kwargs)


@pytest.mark.parametrize("take_lock", ["", "the old one hangs"])
def test_what_a_paused_apply_sends_late_is_refused_and_the_newer_state_stands(
    place: Place, embedded_api: Api, take_lock: str
) -> None:
    world, paused, told = place.world, Paused(place.cluster), []
    world.commit(place.tree(web="1.0.0"))
    place.apply()
    world.commit(place.tree(web="1.1.0"), "Upgrade web")
    older = world.use_case(lambda port: paused if port is place.cluster else port)
    request = world.request_head(wait=False)

    def apply_older() -> None:
        try:
            older(request)
        except Overtaken as error:
            told.append(error.message)

    thread = threading.Thread(target=apply_older)
    thread.start()
    assert paused.is_about_to_send.wait(60)
    world.commit(place.tree(web="1.2.0"), "Upgrade web further")
    world.clock.move(timedelta() if take_lock else LEASE + timedelta(seconds=1))
    newer = world.apply_head(wait=False, take_lock=take_lock)
    assert newer.is_good
    await_enforced(world, place.name)
    paused.resumed.set()
    thread.join()
    assert "a newer apply" in told[0]
    found = embedded_api.get(Resource("apps/v1", "deployments", "Deployment"), place.name, "web")
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "web:3"
    assert not place.apply().plan.has_changes
    subjects = [commit.subject for commit in world.ledger_commits()]
    assert subjects == ["Change it", "Upgrade web further"]


def await_enforced(world: World, name: EnvironmentName) -> None:
    """A real API server takes a moment until a policy that is new counts; here a moment of the wall's clock."""
    pause = threading.Event()
    for _ in range(200):
        grip = world.locks.acquire(name, holder="test", lease=LEASE)
        is_enforced = world.locks.enforce(grip)
        world.locks.release(grip)
        if is_enforced:
            return
        pause.wait(0.05)
    raise AssertionError("the policy never came into force")


def test_environments_in_one_namespace_never_prune_each_others_objects(
    place: Place, embedded_api: Api
) -> None:
    other = make_place(embedded_api)
    other.world.offer("mail", "1.0.0", config_map("mail", {"a": "1"}))
    place.world.commit(place.tree(web="1.0.0"))
    place.apply()
    theirs = environment_tree({"mail": "1.0.0"}, name=other.name, namespace=place.name)
    other.world.commit(theirs)
    other.apply()
    place.world.commit(place.tree(web="1.1.0"))
    report = place.apply()
    assert [str(one.ref) for one in report.plan.changes if one.action is Action.PRUNE] == [
        f"ConfigMap/old (namespace {place.name})"
    ]
    assert embedded_api.get(CONFIG_MAPS, place.name, "mail")
    assert not other.apply().plan.has_changes


def test_hooks_run_once_for_each_change_and_are_not_pruned(place: Place) -> None:
    said = {"annotations": {"helm.sh/hook": "pre-install,post-upgrade"}}
    place.world.offer(
        "hooked", "1.0.0", config_map("plain", {"a": "1"}), config_map("run", {"a": "1"}, **said)
    )
    place.world.offer(
        "hooked", "1.1.0", config_map("plain", {"a": "2"}), config_map("run", {"a": "1"}, **said)
    )
    place.world.commit(place.tree(hooked="1.0.0"))
    assert [one.step.phase for one in place.apply().hooks] == ["pre-install"]
    writes = place.cluster.writes
    assert not place.apply().plan.has_changes
    assert place.cluster.writes == writes
    place.world.commit(place.tree(hooked="1.1.0"))
    report = place.apply()
    assert [(one.step.phase, one.error) for one in report.hooks] == [("post-upgrade", "")]
    assert "ConfigMap/run (namespace here)" not in place.inventory()
