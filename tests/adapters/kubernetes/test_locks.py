"""What locks on a cluster do beyond their contract."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.embedded import GROUP, embedded_api, fresh_name
from tests.support.kubernetes import QuickClock

from jx.adapters.kubernetes.api import CONFIG_MAPS, LEASES, Api, Json
from jx.adapters.kubernetes.cluster import KubernetesCluster
from jx.adapters.kubernetes.locks import KubernetesLocks
from jx.domain.applying.applying import Action, Step
from jx.domain.applying.locking import LIMIT, Fence, Grip
from jx.domain.errors import Locked, Overtaken
from jx.domain.names import EnvironmentName
from jx.domain.objects.manifests import Manifest, ObjectRef
from jx.domain.objects.membership import ANCHORS_NAMESPACE, PART_OF, applyset_id

__all__ = ["embedded_api"]

MINUTE = timedelta(minutes=1)
pytestmark = GROUP


@pytest.fixture
def name() -> EnvironmentName:
    return EnvironmentName(fresh_name("env"))


def lease_of(api: Api, name: EnvironmentName) -> Json:
    return api.get(LEASES, ANCHORS_NAMESPACE, f"jx-apply-{name}")


def step_of(name: EnvironmentName, value: str) -> Step:
    """To send a ConfigMap of an environment."""
    ref = ObjectRef("", "ConfigMap", "default", name)
    labels = {PART_OF: applyset_id(name)}
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap"}
    body |= {
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "data": {"value": value},
    }
    return Step(Action.UPDATE, ref, "v1", 0, "", Manifest(ref, "v1", body))


def test_a_holder_that_is_known_to_have_died_holds_nobody_up(
    embedded_api: Api, name: EnvironmentName
) -> None:
    clock = QuickClock()
    locks = KubernetesLocks(embedded_api, clock, is_gone=lambda holder: holder == "dead")
    locks.acquire(name, holder="dead", lease=MINUTE)
    locks.acquire(name, holder="alive", lease=MINUTE)
    assert not clock.waited
    with pytest.raises(Locked):
        locks.acquire(name, holder="another", lease=MINUTE)


def test_whoever_takes_over_waits_for_a_lease_and_a_limit_by_its_own_clock(
    embedded_api: Api, name: EnvironmentName
) -> None:
    fast = QuickClock()
    fast.move(-timedelta(hours=1))
    KubernetesLocks(embedded_api, fast).acquire(name, holder="a", lease=MINUTE)
    clock = QuickClock()
    KubernetesLocks(embedded_api, clock).acquire(name, holder="b", lease=MINUTE)
    assert timedelta(seconds=sum(clock.waited)) == MINUTE + LIMIT


def test_a_holder_that_comes_back_while_somebody_waits_keeps_the_lock(
    embedded_api: Api, name: EnvironmentName
) -> None:
    slow = QuickClock()
    slow.move(-timedelta(hours=1))
    slow_locks = KubernetesLocks(embedded_api, slow)
    grip = slow_locks.acquire(name, holder="a", lease=MINUTE)

    class Meanwhile(QuickClock):
        def wait(self, duration: timedelta) -> bool:
            if len(self.waited) == 80:
                slow.time = self.time
                slow_locks.renew(grip, lease=MINUTE)
            return super().wait(duration)

    with pytest.raises(Locked):
        KubernetesLocks(embedded_api, Meanwhile()).acquire(name, holder="b", lease=MINUTE)


def test_who_took_the_lock_from_whom_and_why_stands_in_the_lease(
    embedded_api: Api, name: EnvironmentName
) -> None:
    locks = KubernetesLocks(embedded_api, QuickClock())
    locks.acquire(name, holder="controller-1", lease=MINUTE)
    grip = locks.acquire(name, holder="ann@laptop", lease=MINUTE, reason="it hangs")
    notes = lease_of(embedded_api, name)["metadata"]["annotations"]
    assert notes == {"jenkins.io/taken-from": "controller-1", "jenkins.io/reason": "it hangs"}
    locks.release(grip)
    locks.acquire(name, holder="controller-1", lease=MINUTE)
    assert not lease_of(embedded_api, name)["metadata"].get("annotations")


def test_tokens_go_on_where_somebody_has_deleted_the_lease(embedded_api: Api, name: EnvironmentName) -> None:
    clock = QuickClock()
    locks = KubernetesLocks(embedded_api, clock)
    old = locks.acquire(name, holder="a", lease=MINUTE)
    embedded_api.delete(LEASES, ANCHORS_NAMESPACE, f"jx-apply-{name}")
    with pytest.raises(Overtaken):
        locks.renew(old, lease=MINUTE)
    clock.move(MINUTE)
    assert locks.acquire(name, holder="b", lease=MINUTE).token > old.token


def await_enforced(locks: KubernetesLocks, grip: Grip) -> None:
    """A real API server takes a moment until a policy that is new counts."""
    pause = threading.Event()
    for _ in range(200):
        if locks.enforce(grip):
            return
        pause.wait(0.05)
    raise AssertionError("the policy never came into force")


def test_the_cluster_refuses_what_a_holder_sends_that_has_lost_its_lock(
    embedded_api: Api, name: EnvironmentName
) -> None:
    locks, cluster = KubernetesLocks(embedded_api, QuickClock()), KubernetesCluster(embedded_api)
    old = locks.acquire(name, holder="old", lease=MINUTE)
    cluster.send(step_of(name, "old"), fence=Fence(name, old.token))
    new = locks.acquire(name, holder="new", lease=MINUTE, reason="the old one hangs")
    await_enforced(locks, new)
    sent = cluster.send(step_of(name, "new"), fence=Fence(name, new.token))
    with pytest.raises(Overtaken, match="by new"):
        cluster.send(step_of(name, "old"), fence=Fence(name, old.token))
    live = embedded_api.get(CONFIG_MAPS, "default", name)
    assert live["data"] == {"value": "new"}
    assert "selfLink" not in live["metadata"]
    assert live["metadata"]["resourceVersion"] == sent.resource_version


def test_the_token_of_one_environment_means_nothing_to_another(
    embedded_api: Api, name: EnvironmentName
) -> None:
    locks, cluster = KubernetesLocks(embedded_api, QuickClock()), KubernetesCluster(embedded_api)
    grips = [locks.acquire(name, holder=str(number), lease=MINUTE, reason="test") for number in range(3)]
    await_enforced(locks, grips[-1])
    other = EnvironmentName(fresh_name("env"))
    cluster.send(step_of(name, "of another"), fence=Fence(other, 0))
    with pytest.raises(Overtaken):
        cluster.send(step_of(name, "of this"), fence=Fence(name, grips[0].token))


def test_people_and_other_tools_are_not_kept_off(embedded_api: Api, name: EnvironmentName) -> None:
    locks, cluster = KubernetesLocks(embedded_api, QuickClock()), KubernetesCluster(embedded_api)
    grip = locks.acquire(name, holder="a", lease=MINUTE)
    await_enforced(locks, grip)
    cluster.send(step_of(name, "ours"), fence=Fence(name, grip.token))
    embedded_api.merge(CONFIG_MAPS, "default", name, {"data": {"theirs": "1"}})
    cluster.send(step_of(name, "ours without a lock"))
    assert embedded_api.get(CONFIG_MAPS, "default", name)["data"]["theirs"] == "1"


def test_where_nobody_may_put_up_policies_time_has_to_do(embedded_api: Api, name: EnvironmentName) -> None:
    grip = KubernetesLocks(embedded_api, QuickClock()).acquire(name, holder="a", lease=MINUTE)
    nobody = (("Impersonate-User", "somebody-without-rights"),)
    limited = Api.connect(replace(embedded_api.access, impersonation=nobody), QuickClock())
    assert not KubernetesLocks(limited, QuickClock()).enforce(grip)
    limited.close()
