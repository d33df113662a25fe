"""An API server that fails in every way in mid-apply: the cluster is as it was or further on the way, it is said what is done,
what is not and what to do, and the next apply finishes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from tests.support.embedded import GROUP, embedded_api
from tests.support.faulty_api import Answer, FaultyApi, Trouble
from tests.support.foreign import DEPLOYMENTS
from tests.support.kubernetes import QuickClock
from tests.support.places import Place, make_place

from jx.adapters.kubernetes import transport
from jx.adapters.kubernetes.api import CONFIG_MAPS, Api
from jx.domain.applying.applying import ApplyResult
from jx.domain.applying.locking import LEASE
from jx.domain.errors import Retryable, Unavailable
from jx.domain.objects.manifests import ObjectRef

__all__ = ["embedded_api"]

pytestmark = GROUP


@dataclass
class Faulty:
    """A place whose API is reached through a proxy that lets requests go wrong."""

    place: Place
    api: FaultyApi
    clock: QuickClock
    """Of the transport: its waits end at once, and are remembered."""

    def finish(self) -> None:
        """Nothing goes wrong any more: the next apply does what is left, and the one after it nothing."""
        self.api.heal()
        assert self.place.apply().is_good
        assert not self.place.apply().plan.has_changes


@pytest.fixture
def faulty(embedded_api: Api) -> Iterator[Faulty]:
    place, clock = make_place(embedded_api), QuickClock()
    with FaultyApi(embedded_api.access) as proxy:
        api = Api.connect(proxy.access, clock)
        place.reach(api)
        place.world.commit(place.tree(web="1.0.0"))
        yield Faulty(place, proxy, clock)
        api.close()


SENDS = ("PATCH", "fieldManager=jx&")
"""What only an apply sends: its objects."""


# The server says no for now


def test_a_server_that_asks_to_wait_is_given_its_time_and_everything_is_applied(faulty: Faulty) -> None:
    busy = Answer(429, "too many requests, please try again later", "TooManyRequests", {"Retry-After": "3"})
    faulty.api.on(*SENDS, busy, times=2)
    report = faulty.place.apply()
    assert report.result is ApplyResult.APPLIED
    assert faulty.clock.waited == [3.0, 3.0]


def test_a_server_that_stays_busy_is_left_alone_and_the_rest_is_not_tried(faulty: Faulty) -> None:
    busy = Answer(429, "too many requests, please try again later", "TooManyRequests", {"Retry-After": "3"})
    faulty.api.on("PATCH", "/secrets/web", busy, times=99)
    report = faulty.place.apply()
    assert report.result is ApplyResult.FAILED
    assert "asks to be left alone" in report.message
    assert "1 failed, 1 not tried" in report.message
    assert [one.can_retry for one in report.outcomes if one.error] == [True]
    faulty.finish()


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_passing_failure_is_passed_over(faulty: Faulty, status: int) -> None:
    faulty.api.on(*SENDS, Answer(status, "etcd leader changed", "ServiceUnavailable"), after=1)
    assert faulty.place.apply().result is ApplyResult.APPLIED


def test_an_inner_error_is_told_with_its_object_and_what_follows_is_not_tried(faulty: Faulty) -> None:
    faulty.api.on("PATCH", "/services/web", Answer(500, "etcdserver: request timed out", "InternalError"))
    report = faulty.place.apply()
    assert report.result is ApplyResult.FAILED
    assert f"Service/web (namespace {faulty.place.name}): " in report.message
    assert "etcdserver: request timed out" in report.message
    assert "1 failed, 1 not tried" in report.message
    assert [one.can_retry for one in report.outcomes if one.error] == [True]
    faulty.finish()


def test_a_change_by_somebody_else_in_between_is_told_and_nothing_is_pruned(faulty: Faulty) -> None:
    faulty.place.apply()
    faulty.place.world.commit(faulty.place.tree(web="1.1.0"))
    stale = Answer(
        409, "the object has been modified; please apply your changes to the latest version", "Conflict"
    )
    faulty.api.on("PATCH", "/deployments/web", stale)
    report = faulty.place.apply()
    assert "the object has been modified" in report.message
    assert not [one for one in faulty.api.writes() if one[0] == "DELETE" and "/configmaps/old" in one[1]]
    faulty.finish()
    assert [one for one in faulty.api.writes() if one[0] == "DELETE" and "/configmaps/old" in one[1]]


def test_a_race_for_the_anchor_is_lost_and_won_again(faulty: Faulty) -> None:
    faulty.place.apply()
    faulty.place.world.commit(faulty.place.tree(web="1.1.0"))
    faulty.api.on("PUT", "/jx-anchors/configmaps/environment-", Answer(409, "modified", "Conflict"), times=2)
    assert faulty.place.apply().result is ApplyResult.APPLIED
    faulty.finish()


# The server is not there, or its answers are not


def test_a_server_that_goes_away_between_writes_leaves_the_old_or_the_new_and_it_is_said_how_far_it_went(
    faulty: Faulty, embedded_api: Api
) -> None:
    faulty.place.apply()
    faulty.place.world.commit(faulty.place.tree(web="1.1.0"))
    before = len(faulty.api.writes())
    faulty.place.apply()
    writes = len(faulty.api.writes()) - before
    assert writes > 8
    counts = set()
    for number, at in enumerate(range(0, writes, 2)):
        version, image = ("1.1.0", "web:2") if number % 2 else ("1.2.0", "web:3")
        faulty.place.world.commit(faulty.place.tree(web=version), f"At write {at}")
        faulty.api.go_down_after(at)
        try:
            report = faulty.place.apply()
        except Retryable as error:
            told, is_said = error.message, "before that: " in error.message
        else:
            told, is_said = report.message, True
        faulty.api.heal()
        found = embedded_api.get(DEPLOYMENTS, faulty.place.name, "web")
        is_new = found["spec"]["template"]["spec"]["containers"][0]["image"] == image
        assert is_said or not is_new, told
        counts.add("updated" in told)
        faulty.clock.move(LEASE)
        faulty.place.world.clock.move(LEASE)
        assert faulty.place.apply().is_good
    assert counts == {True, False}
    faulty.finish()


def test_a_connection_that_breaks_before_or_after_the_server_has_acted_is_tried_again(faulty: Faulty) -> None:
    faulty.api.on(*SENDS, Trouble.DROP, after=0)
    faulty.api.on(*SENDS, Trouble.LOSE, after=1)
    faulty.api.on(*SENDS, Trouble.CUT, after=2)
    assert faulty.place.apply().result is ApplyResult.APPLIED
    faulty.finish()


def test_a_server_that_is_slower_than_the_limit_is_told_and_its_late_work_does_no_harm(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(transport, "_ANSWER_SECONDS", 0.5)
        faulty.api.on("PATCH", "/deployments/web", Trouble.HANG)
        report = faulty.place.apply()
    assert "timed out" in report.message
    assert "Deployment.apps/web" in report.message
    assert "1 failed" in report.message
    faulty.api.release()
    faulty.finish()


def test_a_watch_that_is_cut_in_mid_sentence_loses_nothing(faulty: Faulty, embedded_api: Api) -> None:
    faulty.place.apply()
    ref = ObjectRef("", "ConfigMap", faulty.place.name, "old")
    faulty.api.on("GET", "watch=1", Trouble.CUT, times=2)
    seen = faulty.place.cluster.changes(((ref, "v1"),), within=timedelta(seconds=60))
    for wish in ("first", "second", "third"):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old"}, "data": {"wish": wish}}
        embedded_api.apply(CONFIG_MAPS, faulty.place.name, body, query={"fieldManager": "somebody"})
        assert any(live is not None and live.body["data"].get("wish") == wish for live in seen)


def test_a_server_that_is_gone_before_anything_was_sent_changes_nothing_and_is_named(faulty: Faulty) -> None:
    faulty.api.on("GET", "/apis/apps/v1/", Trouble.DROP, times=99)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as caught:
        faulty.place.apply()
    assert caught.value.hint
    assert not [one for one in faulty.api.writes() if "/leases" not in one[1]]
    faulty.finish()
