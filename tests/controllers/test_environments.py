"""Keys that name repositories: which environment is followed, what is tried again, and what waits for a person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.faults import Faults
from tests.support.journeys import (
    ANN,
    BOB,
    BOT,
    CHARTS,
    DEV,
    OLGA,
    PRODUCTION,
    STAGING,
    Controllers,
    World,
    installed,
    key_for,
    merged,
)

from jx.adapters.local.memory_catalog import make_chart
from jx.controllers.environments import PlatformReader
from jx.domain.changes.changes import CheckState
from jx.domain.charts.apps import App
from jx.domain.charts.charts import Chart, ChartRef
from jx.domain.environments.edits import PutApp
from jx.domain.environments.guards import Allowed, ForeignObjects, Guard
from jx.domain.errors import Conflict, Invalid, NotFound, Retryable, Unavailable
from jx.domain.layouts import umbrella
from jx.domain.names import AppKey, Repo, Revision
from jx.domain.objects.manifests import ObjectRef
from jx.ports.repos import Draft
from jx.usecases.propose_change import PlatformAt
from jx.usecases.proposing.remove_app import RemoveAppRequest

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: b\n"
REDIS = ObjectRef("apps", "StatefulSet", "jx", "jenkins-x-redis")


@pytest.fixture
def world() -> World:
    return installed()


def controllers(world: World, faults: Faults | None = None) -> Controllers:
    return world.controllers(faults)


def merge_app(world: World, name: str = "redis") -> Revision:
    pull = world.process(ANN).add_app(name)
    assert pull is not None
    return merged(world, pull.number)


def state_of(world: World, revision: Revision) -> CheckState | None:
    check = world.status(revision)
    return check.state if check else None


def break_files(world: World) -> Revision:
    """Somebody pushes a mistake to the dev repository."""
    return world.push(world.tree().put("env/Chart.yaml", "dependencies: [\n"), "Break the list of apps")


# Which environments there are


def test_every_environment_of_this_cluster_has_a_key(world: World) -> None:
    assert list(controllers(world).controller.list_keys()) == [
        f"repo:team/environment-acme-{name}" for name in (DEV, STAGING, PRODUCTION)
    ]


def test_a_repository_of_nobody_is_no_work(world: World) -> None:
    writes = len(world.cluster.writes())
    controllers(world).controller.look("repo:team/somebody-elses")
    assert len(world.cluster.writes()) == writes


def test_before_anything_is_installed_there_is_nothing_to_look_at() -> None:
    world = World()
    repo = world.repos.create(Repo("https://git.example.com/team/environment-acme-dev.git"))
    reader = PlatformReader(world.process(BOT).repos, PlatformAt(repo))
    assert reader.environments() == ()
    assert reader.find("repo:team/environment-acme-dev") is None


def test_the_platform_is_read_again_only_when_its_head_has_moved(world: World) -> None:
    faults = Faults()
    reader = PlatformReader(world.process(BOT, faults).repos, world.at)
    for _ in range(5):
        reader.environments()
    assert faults.calls.count(("git", "read")) == 1
    world.push(world.tree().remove("env/templates/production-env.yaml"), "Do without production")
    assert [one.name for one in reader.environments()] == [DEV, STAGING]


def test_a_mistake_in_the_dev_repository_is_told_there_and_stops_no_other_environment(world: World) -> None:
    revision = break_files(world)
    world.push(world.tree(STAGING).put("env/templates/a.yaml", CONFIG), "Add a", STAGING)
    running = controllers(world)
    running.work()
    assert world.cluster.find(ObjectRef("", "ConfigMap", "jx-staging", "a"))
    assert state_of(world, revision) is CheckState.FAILURE
    assert [type(error) for error in running.errors] == [Invalid]


def test_a_repository_whose_history_was_never_right_says_what_is_wrong(world: World) -> None:
    repo = world.repos.create(Repo("https://git.example.com/team/other.git"))
    process = world.process(BOT)
    broken = world.tree().put("env/Chart.yaml", "dependencies: [\n")
    world.repos.write(repo, "master", base=None, draft=Draft(broken, "Begin", OLGA))
    with pytest.raises(Invalid, match="mistakes"):
        PlatformReader(process.repos, PlatformAt(repo)).environments()


# What is tried again


def test_wrong_files_are_told_once_and_looked_at_again_when_the_branch_moves(world: World) -> None:
    good = world.tree()
    break_files(world)
    running = controllers(world)
    running.work()
    records = world.activities.list_all()
    running.work()
    assert world.activities.list_all() == records
    mended = world.push(good, "Mend it")
    running.work()
    assert state_of(world, mended) is CheckState.SUCCESS


def test_a_plan_that_a_guard_refuses_waits_for_a_person(world: World) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "a",
            "namespace": "jx",
            "labels": {"app.kubernetes.io/managed-by": "Helm"},
            "annotations": {
                "meta.helm.sh/release-name": "other",
                "meta.helm.sh/release-namespace": "jx",
            },
        },
    }
    world.cluster.put(theirs, manager="helm")
    revision = world.push(world.tree().put("env/templates/a.yaml", CONFIG), "Add a")
    running = controllers(world)
    running.work()
    assert [type(error) for error in running.errors] == [ForeignObjects]
    assert state_of(world, revision) is CheckState.FAILURE
    world.process(BOB).apply_by_hand(
        world.tree(), allowed=Allowed(frozenset({Guard.FOREIGN_OBJECTS, Guard.CONFLICTS}))
    )
    running.work()
    assert world.anchor().applied


def test_a_chart_that_is_published_late_is_found_without_another_push(world: World) -> None:
    late = App(AppKey("late"), ChartRef("late", CHARTS, "1.0.0"))
    revision = world.push(umbrella.apply_edit(world.tree(), PutApp(late, {})), "Add a chart too early")
    running = controllers(world)
    running.work(patience=timedelta(minutes=1))
    assert state_of(world, revision) is CheckState.FAILURE
    assert {type(error) for error in running.errors} == {NotFound}
    world.catalog.add(make_chart("late", "1.0.0", {"templates/a.yaml": CONFIG}, repository=CHARTS))
    running.work()
    assert state_of(world, revision) is CheckState.SUCCESS


def test_an_object_that_fails_is_tried_again_until_it_does_not(world: World) -> None:
    world.cluster.fail(Conflict("somebody else owns it"), times=2, only=lambda ref: ref == REDIS)
    revision = merge_app(world)
    running = controllers(world)
    running.work()
    assert [type(error) for error in running.errors] == [Retryable, Retryable]
    assert state_of(world, revision) is CheckState.SUCCESS
    results = [entry.trailers["Jx-Result"] for entry in world.ledger()]
    assert results == ["applied", "failed", "applied"]


def test_the_last_app_that_could_not_be_removed_at_once_is_removed_later(world: World) -> None:
    world.process(ANN).add_app("shop", STAGING)
    merged(world, 1, STAGING)
    world.settle()
    world.process(ANN).remove_app(RemoveAppRequest(world.at, "shop", STAGING))
    merged(world, 2, STAGING)
    world.cluster.fail(Unavailable("the API server is busy"), only=lambda ref: ref.kind == "Service")
    controllers(world).work()
    left = {(ref.kind, ref.name) for ref in world.cluster.objects if ref.namespace == "jx-staging"}
    assert left == set()


def test_an_environment_on_hold_is_no_error_and_goes_on_when_the_hold_is_ended(world: World) -> None:
    before = world.tree()
    revision = merge_app(world)
    running = controllers(world)
    running.work()
    world.process(BOB).apply_by_hand(before)
    running.work()
    assert not running.errors
    assert world.cluster.find(REDIS) is None
    world.process(BOB).end_hold(DEV)
    running.work()
    assert world.cluster.find(REDIS)
    assert world.anchor().applied.source.revision == revision  # type: ignore[union-attr]


# Pull requests


def test_a_pull_request_that_cannot_be_checked_now_keeps_no_other_waiting(world: World) -> None:
    ann = world.process(ANN)
    ann.add_app("redis")
    ann.add_app("shop")

    class Down:
        """A catalog whose one chart is out of reach."""

        def __getattr__(self, name: str) -> object:
            return getattr(world.catalog, name)

        def fetch(self, ref: ChartRef) -> Chart:
            if ref.name == "shop":
                raise Unavailable("that repository is down")
            return world.catalog.fetch(ref)

    running = controllers(world)
    running.process.catalog = Down()
    running = Controllers(running.process)
    with pytest.raises(Unavailable):
        running.controller.look(key_for(world))
    plans = [
        next(check for check in world.pull(number).checks if check.context == "jx/plan") for number in (1, 2)
    ]
    assert [plan.state for plan in plans] == [CheckState.SUCCESS, CheckState.PENDING]
    assert plans[1].description == "it is tried again: that repository is down"


def test_the_check_of_a_pull_request_is_made_anew_when_its_base_moves(world: World) -> None:
    world.process(ANN).add_app("redis")
    running = controllers(world)
    running.work()
    first = world.pull().checks
    merge_app(world, "shop")
    running.work()
    second = world.pull(1).checks
    assert first != second
    assert len(world.pull(1).comments) == 1
