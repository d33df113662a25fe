"""The watchdog: started before the first write, quiet when all is well, and the last verified state back when it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.fuses import Crash, Fuse
from tests.support.proving import Place
from tests.support.worlds import BOB, DEV, World, config_map, deployment, environment_tree, ref, secret

from jx.domain.applying.applying import ApplyResult
from jx.domain.environments.watchdogs import Phase
from jx.domain.errors import Held, Refused, Unavailable
from jx.domain.objects.manifests import ObjectRef
from jx.usecases.applying.start_watchdog import NoWatchdog

PLATFORM = "jx-platform"
CONTROLLERS = ref("Deployment", "jx-controllers")
GATE = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "all"},
    "webhooks": [],
}
QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "none"},
    "spec": {"hard": {"pods": "0"}},
}


@pytest.fixture
def place() -> Place:
    """Version 1.0.0 of the platform is applied and verified; 2.0.0 never gets ready."""
    world = World()
    login = secret("login", {"token": "hunter22"})
    good = deployment("jx-controllers", "jx:1.0.0")
    world.offer(PLATFORM, "1.0.0", good, login, config_map("settings", {"version": "1"}))
    bad = deployment("jx-controllers", "jx:2.0.0")
    world.offer(PLATFORM, "2.0.0", bad, login, config_map("settings", {"version": "2"}), QUOTA, GATE)
    world.offer(PLATFORM, "1.1.0", good, login, config_map("settings", {"version": "1.1"}))
    world.offer("shop", "1.0.0", config_map("shop", {}))
    place = Place(world)
    place.watchdogs.begin = place.begin
    place.apply("1.0.0", app=PLATFORM)
    assert place.prove()
    return place


def broken(place: Place) -> None:
    """Version 2.0.0 is merged and applied, and its controllers never run."""
    place.world.cluster.break_workload(CONTROLLERS)
    place.hears = False
    assert place.apply("2.0.0", app=PLATFORM).is_healthy is False
    place.world.cluster.mend_workload(CONTROLLERS)


def bodies(place: Place) -> dict[ObjectRef, Any]:
    """What is live, without what every write changes."""
    keys = ("spec", "data", "webhooks")
    found = place.world.cluster.objects.items()
    return {one: {key: body.get(key) for key in keys} for one, body in found}


def phase(place: Place) -> Phase:
    watch = place.watchdogs.find(DEV)
    assert watch
    return watch.phase


def test_an_upgrade_of_the_platform_is_watched_over_before_anything_is_written(place: Place) -> None:
    writes = len(place.world.cluster.writes())

    def begin(watch: Any) -> None:
        assert len(place.world.cluster.writes()) == writes
        assert not place.world.anchor.is_begun
        place.begin(watch)

    place.watchdogs.begin = begin
    place.apply("1.1.0", app=PLATFORM)
    assert phase(place) is Phase.WATCHING


def test_what_proves_itself_while_the_watchdog_starts_is_what_it_goes_back_to(place: Place) -> None:
    """The proof of the merge before may be a slow one. It says nothing of the next merge."""
    place.apply("1.1.0", app=PLATFORM)
    before = bodies(place)

    def begin(watch: Any) -> None:
        place.watchdogs.begin = place.begin
        assert place.prove()
        place.world.cluster.break_workload(CONTROLLERS)
        place.hears = False
        place.begin(watch)

    place.watchdogs.begin = begin
    assert place.apply("2.0.0", app=PLATFORM).is_healthy is False
    place.world.cluster.mend_workload(CONTROLLERS)
    assert place.watch_state()(DEV).phase is Phase.RETURNED
    assert bodies(place) == before


def test_an_app_that_ci_cd_does_not_need_is_not(place: Place) -> None:
    place.world.commit(environment_tree({PLATFORM: "1.0.0", "shop": "1.0.0"}))
    place.world.apply_head()
    assert not place.watchdogs.started


def test_a_watchdog_that_does_not_report_keeps_the_apply_from_changing_anything(place: Place) -> None:
    place.watchdogs.begin = lambda watch: None
    writes, before = len(place.world.cluster.writes()), place.world.anchor
    with pytest.raises(NoWatchdog, match="nothing was changed"):
        place.apply("2.0.0", app=PLATFORM)
    assert len(place.world.cluster.writes()) == writes
    assert replace(place.world.anchor, version="") == replace(before, version="")


def test_what_keeps_a_watchdog_from_starting_is_told_and_the_apply_may_be_tried_again(place: Place) -> None:
    def refuse(orders: Any) -> Any:
        raise Refused("exceeded quota: none")

    place.watchdogs.start = refuse  # type: ignore[method-assign]
    with pytest.raises(NoWatchdog, match="nothing was changed: exceeded quota"):
        place.apply("2.0.0", app=PLATFORM)


def test_without_a_verified_state_there_is_nothing_to_watch_for(place: Place) -> None:
    place.world.anchors.save(replace(place.world.anchor, verified=None))
    place.apply("1.1.0", app=PLATFORM)
    assert not place.watchdogs.started
    assert "no state is known to be good" in place.world.reporter.text


def test_a_deadline_of_nothing_means_no_watchdog(place: Place) -> None:
    place.apply("1.1.0", app=PLATFORM, watchdogSeconds=0)
    assert not place.watchdogs.started


def test_it_does_nothing_when_all_is_well(place: Place) -> None:
    place.apply("1.1.0", app=PLATFORM)
    assert place.prove()
    before, writes = bodies(place), len(place.world.cluster.writes())
    assert place.watch_state()(DEV).phase is Phase.STOOD_DOWN
    assert bodies(place) == before
    assert len(place.world.cluster.writes()) == writes
    assert not place.world.anchor.holds


def test_a_state_that_does_not_prove_itself_is_taken_back_whole(place: Place) -> None:
    before = bodies(place)
    broken(place)
    assert bodies(place) != before
    place.world.renderer = None
    watch = place.watch_state()(DEV)
    assert watch.phase is Phase.RETURNED
    assert "did not prove itself within 300 s" in watch.words
    assert bodies(place) == before


def test_what_can_refuse_the_rest_goes_before_the_lock_is_taken(place: Place) -> None:
    broken(place)
    asked: list[str] = []

    class Listening:
        def __init__(self, port: Any) -> None:
            self._port = port

        def __getattr__(self, name: str) -> Any:
            found = getattr(self._port, name)
            if name not in {"acquire", "send", "delete"}:
                return found

            def call(*args: Any, **kwargs: Any) -> Any:
                if not kwargs.get("dry_run"):
                    asked.append(str(args[0].ref) if name != "acquire" else "lock")
                return found(*args, **kwargs)

            return call

    place.watch_state(Listening)(DEV)
    assert asked[:3] == [
        "ValidatingWebhookConfiguration.admissionregistration.k8s.io/all",
        "ResourceQuota/none (namespace jx)",
        "lock",
    ]


def test_a_hold_keeps_the_bad_commit_away_and_the_record_tells_why(place: Place) -> None:
    broken(place)
    bad = place.world.repos.head(place.world.repo, "master")
    place.watch_state()(DEV)
    (hold,) = place.world.anchor.holds
    assert (hold.by, hold.skips) == ("watchdog", bad)
    assert "did not prove itself" in hold.reason
    applied = place.world.anchor.applied
    assert applied
    assert (applied.by, applied.result) == ("watchdog", ApplyResult.APPLIED)
    with pytest.raises(Held):
        place.world.apply_head()
    good = place.world.repos.log(place.world.repo, bad, limit=2)[1] if bad else None
    assert good
    place.world.commit(place.world.repos.read(place.world.repo, good.revision), "Go back")
    assert place.world.apply_head().is_good
    assert not place.world.anchor.holds
    told = [commit.trailers.get("Jx-Applied-By") for commit in place.world.ledger_commits()]
    assert "watchdog" in told


def test_the_return_does_not_claim_the_pull_request_of_the_state_that_comes_back(place: Place) -> None:
    good = place.snapshot
    source = replace(good.source, pull_request="https://git.example/pulls/3", approvers=("Bob Ray",))
    place.snapshots.save(replace(good, source=source))
    broken(place)
    place.watch_state()(DEV)
    applied = place.world.anchor.applied
    assert applied
    assert applied.source.subject.startswith("Go back to: ")
    assert (applied.source.author.name, applied.source.pull_request) == ("jx watchdog", "")
    assert applied.source.approvers == ()


def test_it_never_goes_back_twice(place: Place) -> None:
    broken(place)
    place.watch_state()(DEV)
    writes = len(place.world.cluster.writes())
    place.world.clock.move(timedelta(hours=1))
    assert place.watch_state()(DEV).phase is Phase.RETURNED
    assert len(place.world.cluster.writes()) == writes


def test_it_goes_to_no_other_state_than_the_verified_one(place: Place) -> None:
    broken(place)
    place.snapshots.save(replace(place.snapshot, plan_digest="sha256:of another"))
    place.snapshots.keep_only(DEV, "sha256:of another")
    watch = place.watch_state()(DEV)
    assert watch.phase is Phase.STUCK
    assert "jx step env apply --from-ledger verified" in watch.words


def test_a_person_who_rescues_meanwhile_is_not_overruled(place: Place) -> None:
    broken(place)
    place.world.clock.move(timedelta(seconds=1))
    tree = environment_tree({PLATFORM: "1.0.0"})
    place.world.use_case()(place.world.request_by_hand(tree, BOB, reason="I see to it"))
    after = bodies(place)
    assert place.watch_state()(DEV).phase is Phase.STOOD_DOWN
    assert bodies(place) == after


def test_it_outlives_an_api_server_that_is_down_for_a_while(place: Place) -> None:
    before = bodies(place)
    broken(place)
    calls = 0

    class Flaky:
        def __init__(self, port: Any) -> None:
            self._port = port

        def __getattr__(self, name: str) -> Any:
            found = getattr(self._port, name)
            if not callable(found) or name in {"wait", "now", "elapsed"}:
                return found

            def call(*args: Any, **kwargs: Any) -> Any:
                nonlocal calls
                calls += 1
                if 3 < calls < 8 or 320 < calls < 330:
                    raise Unavailable("the API server is down")
                return found(*args, **kwargs)

            return call

    assert place.watch_state(Flaky)(DEV).phase is Phase.RETURNED
    assert calls > 330
    assert bodies(place) == before


def test_it_may_be_killed_at_any_moment_of_its_return() -> None:
    counted, fuse = make_broken(), Fuse()
    want = ended(counted, fuse)
    for at in range(1, fuse.calls + 1):
        place = make_broken()
        with pytest.raises(Crash):
            ended(place, Fuse(at))
        place.world.clock.move(timedelta(minutes=2))
        assert ended(place, Fuse()) == want, f"killed at call {at}"
        assert [hold.by for hold in place.world.anchor.holds] == ["watchdog"]


def make_broken() -> Place:
    world = World()
    world.offer(PLATFORM, "1.0.0", deployment("jx-controllers", "jx:1.0.0"))
    world.offer(PLATFORM, "2.0.0", deployment("jx-controllers", "jx:2.0.0"), GATE)
    place = Place(world)
    place.watchdogs.begin = place.begin
    place.apply("1.0.0", app=PLATFORM)
    assert place.prove()
    broken(place)
    world.clock.move(timedelta(minutes=5))
    return place


def ended(place: Place, fuse: Fuse) -> tuple[Phase, dict[ObjectRef, Any]]:
    """Where the watchdog, restarted as the kubelet does, comes to its end."""
    return place.watch_state(fuse.wrap)(DEV).phase, bodies(place)
