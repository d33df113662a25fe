"""Journey 1: a merge on the forge becomes what runs, whatever happens to webhooks, servers and other controllers meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.support.endings import end_state
from tests.support.faults import PURE, Faults
from tests.support.interruptions import differences, is_change
from tests.support.journeys import (
    ANN,
    BOB,
    BOT,
    DEV,
    STAGING,
    Controllers,
    World,
    checked,
    installed,
    merged,
)

from jx.domain.applying.applying import LiveObject
from jx.domain.changes.changes import CheckState
from jx.domain.environments.edits import SetRequirements
from jx.domain.history import history
from jx.domain.history.history import HistoryEntry
from jx.domain.layouts import umbrella
from jx.domain.names import Revision
from jx.domain.objects.manifests import ObjectRef
from jx.domain.runs.activities import ActivityStatus
from jx.ports.forge import MergeRequest
from jx.usecases.history.show_history import HistoryRequest, Place
from jx.usecases.proposing.remove_app import RemoveApp, RemoveAppRequest

ROUND = timedelta(seconds=10)
REDIS = ObjectRef("apps", "StatefulSet", "jx", "jenkins-x-redis")
SHOP = ObjectRef("apps", "Deployment", "jx", "jenkins-x-shop")


@pytest.fixture
def world() -> World:
    return installed()


def add(world: World, app: str) -> Revision:
    pull = world.process(ANN).add_app(app)
    assert pull is not None
    return merged(world, pull.number)


def state_of(world: World, revision: Revision) -> CheckState | None:
    check = world.status(revision)
    return check.state if check else None


def entries(world: World) -> list[str]:
    return [commit.trailers.get("Jx-Source-Commit", "") for commit in world.ledger()]


# Other clients


def stale(world: World) -> int:
    """A pull request on staging that was checked, and whose base has moved since in a way that its plan knows nothing of: what it
    deletes is more than may be deleted by now."""
    pull = world.process(ANN).add_app("shop", STAGING)
    assert pull is not None
    merged(world, pull.number, STAGING)
    world.settle()
    process = world.process(ANN)
    pull = RemoveApp(process.propose_change)(RemoveAppRequest(world.at, "shop", STAGING))
    assert pull is not None
    checked(world, pull.number, STAGING)
    return pull.number


def merged_by_another_client(world: World, number: int) -> Revision:
    """By the API of the forge, which asks for no commit of the base."""
    return Revision(world.forge_as(BOB).merge(world.repo(STAGING), MergeRequest(number)))


def newest(world: World) -> tuple[str, ...]:
    """What the history says of the newest apply in staging."""
    return history.in_words(history_of(world)[0])


def history_of(world: World) -> tuple[HistoryEntry, ...]:
    place = Place(STAGING, world.repo(STAGING))
    return world.process(BOB).show_history(HistoryRequest((place,)))


def test_a_merge_by_another_client_on_another_base_is_planned_anew_and_told(world: World) -> None:
    number = stale(world)
    more = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n"
    world.push(world.tree(STAGING).put("env/templates/more.yaml", more), "Something else", STAGING)
    merged_by_another_client(world, number)
    world.settle()
    refs = {(ref.kind, ref.name) for ref in world.cluster.objects if ref.namespace == "jx-staging"}
    assert ("ConfigMap", "more") in refs
    assert ("Deployment", "jx-shop") not in refs
    assert newest(world)[-1] == (
        "merged by another client than jx, which held it to no plan: it was planned anew"
    )


def test_a_merge_by_another_client_meets_the_guards_of_the_base_that_it_came_to(world: World) -> None:
    number = stale(world)
    world.push(
        umbrella.apply_edit(world.tree(STAGING), SetRequirements({"apply.maxDeletions": 1})),
        "Delete less at once",
        STAGING,
    )
    told = len(history_of(world))
    merged_as = merged_by_another_client(world, number)
    world.settle()
    assert world.cluster.find(ObjectRef("apps", "Deployment", "jx-staging", "jx-shop"))
    check = world.status(merged_as, STAGING)
    assert check is not None
    assert check.state is CheckState.FAILURE
    assert "maxDeletions" in check.description or "delete" in check.description
    assert len(history_of(world)) == told, "nothing was applied"


def test_a_merge_that_jx_held_to_its_plan_has_nothing_to_tell(world: World) -> None:
    pull = world.process(ANN).add_app("shop", STAGING)
    assert pull is not None
    merged(world, pull.number, STAGING)
    world.settle()
    assert not [line for line in newest(world) if "merged" in line]


# Webhooks


def test_a_webhook_is_all_that_it_takes(world: World) -> None:
    controllers = world.controllers()
    controllers.work()
    revision = add(world, "redis")
    assert world.deliver(world.process(BOT).receiver) == 202
    controllers.work_off(world.clock.now())
    assert world.cluster.find(REDIS)
    assert state_of(world, revision) is CheckState.SUCCESS


def test_a_lost_webhook_is_found_by_the_timer(world: World) -> None:
    controllers = world.controllers()
    controllers.work()
    add(world, "redis")
    controllers.work_off(world.clock.now())
    assert world.cluster.find(REDIS) is None
    controllers.look_at_everything()
    controllers.work_off(world.clock.now())
    assert world.cluster.find(REDIS)


def test_doubled_webhooks_are_one_apply(world: World) -> None:
    controllers = world.controllers()
    revision = add(world, "redis")
    receiver = world.process(BOT).receiver
    assert [world.deliver(receiver) for _ in range(5)] == [202] * 5
    controllers.work()
    assert entries(world).count(revision) == 1


def test_a_delivery_that_is_sent_again_is_answered_and_dropped(world: World) -> None:
    receiver = world.process(BOT).receiver
    assert [world.deliver(receiver), world.deliver(receiver, again=True)] == [202, 200]


def test_a_late_webhook_finds_nothing_to_do(world: World) -> None:
    controllers = world.controllers()
    add(world, "redis")
    controllers.work()
    before = end_state(world)
    world.deliver(world.process(BOT).receiver)
    controllers.work()
    assert end_state(world) == before


def test_a_webhook_of_a_stranger_does_nothing(world: World) -> None:
    controllers = world.controllers()
    controllers.work()
    add(world, "redis")
    world.hooks[world.repo().full_name] = "another key"
    assert world.deliver(world.process(BOT).receiver) == 401
    controllers.work_off(world.clock.now())
    assert world.cluster.find(REDIS) is None


def test_two_merges_before_anybody_looks_are_one_apply_of_the_newer(world: World) -> None:
    first, second = add(world, "redis"), add(world, "shop")
    world.settle()
    assert world.cluster.find(REDIS)
    assert world.cluster.find(SHOP)
    assert (entries(world).count(first), entries(world).count(second)) == (0, 1)


# Others at the same time


@pytest.fixture(scope="module")
def waiting() -> World:
    """A merge that nobody has looked at."""
    world = installed()
    world.process(ANN).add_app("redis")
    merged(world, 1)
    return world


@pytest.mark.parametrize("patience", [timedelta(0), timedelta(seconds=60)], ids=["once", "for a minute"])
def test_a_second_controller_that_works_at_any_moment_of_the_first_changes_nothing(
    waiting: World, patience: timedelta
) -> None:
    alone, dry = waiting.copy(), Faults()
    alone.controllers(dry).work()
    expected = end_state(alone)
    last = max(n for n, call in enumerate(dry.calls, start=1) if is_change(*call))
    points = [n for n, (port, _) in enumerate(dry.calls[:last], start=1) if port not in PURE]
    wrong = []
    for at in points[:: 2 if patience else 1]:
        world = waiting.copy()
        faults = Faults(at)

        def meddle(world: World = world) -> None:
            world.controllers().work(patience=patience)

        faults.meddle = meddle
        world.controllers(faults).work()
        found = differences(expected, end_state(world))
        wrong += [f"at call {at}, {'.'.join(dry.calls[at - 1])}: {one}" for one in found]
    print(f"two controllers: {len(points)} moments")
    assert len(points) > 30
    assert not wrong, "\n".join(wrong)


class During:
    """A cluster in which something happens while somebody waits for health, a second after the other."""

    def __init__(self, world: World, happens: Callable[[], object]) -> None:
        self._world, self._happens = world, happens
        self.seconds = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.cluster, name)

    def changes(self, refs: Any, *, within: timedelta) -> Iterator[LiveObject | None]:
        for live in self._world.cluster.changes(refs, within=within):
            if live is None:
                self._world.clock.move(timedelta(seconds=1))
                self.seconds += 1
                if self.seconds == 3:
                    self._happens()
            yield live


def test_a_newer_commit_does_not_wait_for_the_health_of_a_broken_older_one(world: World) -> None:
    world.cluster.break_workload(REDIS)
    first = add(world, "redis")
    process = world.process(BOT)
    newer: list[Revision] = []
    during = During(world, lambda: newer.append(add(world, "shop")))
    process.cluster = during
    Controllers(process).work()
    older, younger = world.ledger()[-2:]
    assert younger.committed - older.committed < timedelta(minutes=2)
    assert world.cluster.find(SHOP)
    assert entries(world)[-2:] == [first, newer[0]]
    assert state_of(world, newer[0]) is CheckState.FAILURE  # redis is still broken
    assert not [one.name for one in world.activities.list_all() if one.status is ActivityStatus.RUNNING]


# Servers that are down for a while


@pytest.mark.parametrize("server", ["git", "forge", "charts", "activities", "cluster"])
def test_a_server_that_is_down_during_a_merge_is_caught_up_when_it_is_back(world: World, server: str) -> None:
    revision = add(world, "redis")
    controllers = world.controllers()
    world.down[server].is_down = True
    controllers.work(patience=timedelta(minutes=5))
    world.down[server].is_down = False
    controllers.work()
    assert state_of(world, revision) is CheckState.SUCCESS
    assert world.cluster.find(REDIS)
    assert entries(world).count(revision) == 1
    records = [one for one in world.activities.list_all() if one.revision == revision]
    if server != "activities":
        assert [one.status for one in records] == [ActivityStatus.SUCCEEDED]


def test_a_forge_that_is_down_does_not_keep_a_merge_from_being_applied(world: World) -> None:
    add(world, "redis")
    world.down["forge"].is_down = True
    world.controllers().work(patience=timedelta(minutes=1))
    assert world.cluster.find(REDIS)


def test_one_environment_that_fails_keeps_no_other_from_being_applied(world: World) -> None:
    world.push(world.tree().put("env/templates/a.yaml", "{{ fail `no` }}\n"), "Break dev")
    world.process(ANN).add_app("shop", STAGING)
    revision = merged(world, 1, STAGING)
    world.settle()
    check = world.status(revision, STAGING)
    assert check is not None
    assert check.state is CheckState.SUCCESS
    dev = world.status(world.head(DEV))
    assert dev is not None
    assert dev.state is CheckState.FAILURE
