"""The contract of `ports.anchor.Locks`, held to every adapter of it."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from tests.support.embedded import CLUSTERS, GROUP, api_of, embedded_api, fresh_name, real_api
from tests.support.kubernetes import QuickClock

from jx.adapters.kubernetes.locks import KubernetesLocks
from jx.adapters.local.memory_anchors import MemoryLocks
from jx.domain.errors import Locked, Overtaken
from jx.domain.names import EnvironmentName
from jx.ports.anchor import Locks

__all__ = ["embedded_api", "real_api"]

MINUTE = timedelta(minutes=1)
pytestmark = GROUP


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


@pytest.fixture(params=["memory", *CLUSTERS])
def locks(request: pytest.FixtureRequest, clock: QuickClock) -> Locks:
    if request.param == "memory":
        return MemoryLocks(clock.now)
    return KubernetesLocks(api_of(request), clock)


@pytest.fixture
def name() -> EnvironmentName:
    return EnvironmentName(fresh_name("env"))


def test_whom_somebody_else_holds_up_is_told_who_and_since_when(
    locks: Locks, clock: QuickClock, name: EnvironmentName
) -> None:
    locks.acquire(name, holder="controller-1", lease=MINUTE)
    clock.move(timedelta(seconds=30))
    with pytest.raises(Locked, match=r"controller-1.*12:00:00") as caught:
        locks.acquire(name, holder="ann@laptop", lease=MINUTE)
    assert caught.value.hint


def test_who_holds_a_lock_can_be_asked(locks: Locks, clock: QuickClock, name: EnvironmentName) -> None:
    assert locks.find_holder(name) == ""
    grip = locks.acquire(name, holder="ann@laptop", lease=MINUTE)
    assert locks.find_holder(name) == "ann@laptop"
    clock.move(2 * MINUTE)
    assert locks.find_holder(name) == ""
    locks.release(grip)
    assert locks.find_holder(name) == ""


def test_the_locks_of_two_environments_are_apart(locks: Locks, name: EnvironmentName) -> None:
    locks.acquire(name, holder="a", lease=MINUTE)
    locks.acquire(EnvironmentName(fresh_name("env")), holder="b", lease=MINUTE)


def test_a_lock_that_is_renewed_stays(locks: Locks, clock: QuickClock, name: EnvironmentName) -> None:
    grip = locks.acquire(name, holder="a", lease=MINUTE)
    clock.move(timedelta(seconds=50))
    locks.renew(grip, lease=MINUTE)
    clock.move(timedelta(seconds=50))
    with pytest.raises(Locked):
        locks.acquire(name, holder="b", lease=MINUTE)


def test_a_lease_that_ran_out_is_taken_over_and_lost_for_good(
    locks: Locks, clock: QuickClock, name: EnvironmentName
) -> None:
    old = locks.acquire(name, holder="a", lease=MINUTE)
    clock.move(timedelta(seconds=61))
    new = locks.acquire(name, holder="b", lease=MINUTE)
    assert new.taken_from == "a"
    with pytest.raises(Locked, match="b"):
        locks.acquire(name, holder="a", lease=MINUTE)
    with pytest.raises(Overtaken, match="b"):
        locks.renew(old, lease=MINUTE)


def test_every_holder_has_a_higher_token_than_all_before(
    locks: Locks, clock: QuickClock, name: EnvironmentName
) -> None:
    tokens = []
    for holder in ("a", "b", "b", "a"):
        grip = locks.acquire(name, holder=holder, lease=MINUTE)
        tokens.append(grip.token)
        if holder == "b":
            locks.release(grip)
        clock.move(timedelta(seconds=61))
    assert tokens == sorted(set(tokens))


def test_a_released_lock_is_free_at_once(locks: Locks, name: EnvironmentName) -> None:
    locks.release(locks.acquire(name, holder="a", lease=MINUTE))
    assert locks.acquire(name, holder="b", lease=MINUTE).taken_from == ""


def test_a_lock_may_be_given_back_for_later(locks: Locks, clock: QuickClock, name: EnvironmentName) -> None:
    locks.release(locks.acquire(name, holder="a", lease=MINUTE), late=timedelta(seconds=20))
    with pytest.raises(Locked):
        locks.acquire(name, holder="b", lease=MINUTE)
    clock.move(timedelta(seconds=21))
    assert locks.acquire(name, holder="b", lease=MINUTE).taken_from == "a"


def test_a_person_takes_the_lock_with_a_reason_that_the_other_is_told(
    locks: Locks, name: EnvironmentName
) -> None:
    old = locks.acquire(name, holder="controller-1", lease=MINUTE)
    new = locks.acquire(name, holder="ann@laptop", lease=MINUTE, reason="it hangs")
    assert (new.taken_from, new.token > old.token) == ("controller-1", True)
    with pytest.raises(Overtaken, match=r"ann@laptop.*it hangs"):
        locks.renew(old, lease=MINUTE)
    locks.release(old)
    locks.renew(new, lease=MINUTE)


def test_releasing_what_is_not_ours_any_more_changes_nothing(
    locks: Locks, clock: QuickClock, name: EnvironmentName
) -> None:
    old = locks.acquire(name, holder="b", lease=MINUTE)
    locks.release(old)
    locks.release(old)
    locks.acquire(name, holder="a", lease=MINUTE)
    locks.release(old)
    with pytest.raises(Locked):
        locks.acquire(name, holder="b", lease=MINUTE)


def test_of_many_at_once_exactly_one_gets_it(locks: Locks, name: EnvironmentName) -> None:
    start, got = threading.Barrier(6), []

    def take(holder: str) -> None:
        start.wait()
        try:
            locks.acquire(name, holder=holder, lease=MINUTE)
        except Locked:
            return
        got.append(holder)

    threads = [threading.Thread(target=take, args=(f"holder-{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
