"""The contract of `ports.promotions.Promotions`, held to every adapter of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.embedded import CLUSTERS, GROUP, api_of, embedded_api, fresh_name, real_api

from jx.adapters.kubernetes.promotions import KubernetesPromotions
from jx.adapters.local.memory_promotions import MemoryPromotions
from jx.domain.changes.promotions import AppPromotions, Leg, LegState, Promotion
from jx.domain.charts.charts import ChartRef
from jx.domain.errors import Stale
from jx.domain.names import AppKey, EnvironmentName, Person
from jx.ports.promotions import Promotions

__all__ = ["embedded_api", "real_api"]

AT = datetime(2026, 11, 1, 12, 30, 15, 250000, tzinfo=UTC)
pytestmark = GROUP


@pytest.fixture(params=["memory", *CLUSTERS])
def promotions(request: pytest.FixtureRequest) -> Promotions:
    return MemoryPromotions() if request.param == "memory" else KubernetesPromotions(api_of(request))


@pytest.fixture
def app() -> AppKey:
    return AppKey(fresh_name("shop"))


def known(app: AppKey) -> AppPromotions:
    done = Leg(
        EnvironmentName("staging"),
        LegState.APPLIED,
        "shop",
        4,
        "https://git.example/acme/env/pulls/4",
        "a" * 40,
        "",
        proposed=AT,
        merged=AT + timedelta(minutes=1),
        ended=AT + timedelta(minutes=2),
        application_url="https://shop.example",
    )
    gone = Leg(EnvironmentName("production"), LegState.SUPERSEDED, message="ä", must_close=True)
    promotion = Promotion(
        3,
        app,
        ChartRef("shop", "https://charts.example", "2.0.0+1"),
        Person("Ann Lee", "ann@example.com", "ann"),
        AT,
        (done, gone),
        auto_merge=False,
        alias="store",
        reason="rollback",
        pipeline="acme/shop/master",
        build="7",
    )
    return AppPromotions(app, (promotion, replace(promotion, number=4, legs=(gone,))), count=4)


def test_an_app_that_was_never_promoted_has_no_record(promotions: Promotions, app: AppKey) -> None:
    assert promotions.find(app) is None


def test_all_of_a_record_comes_back(promotions: Promotions, app: AppKey) -> None:
    saved = promotions.save(known(app))
    assert saved.version
    assert saved == replace(known(app), version=saved.version)
    assert promotions.find(app) == saved
    assert saved in promotions.list_all()


def test_the_saved_record_can_be_saved_again(promotions: Promotions, app: AppKey) -> None:
    first = promotions.save(known(app))
    second = promotions.save(replace(first, count=5))
    assert second.version != first.version
    assert promotions.find(app) == second


def test_of_two_who_read_the_same_only_the_first_writes(promotions: Promotions, app: AppKey) -> None:
    read = promotions.save(known(app))
    winner = promotions.save(replace(read, count=8))
    with pytest.raises(Stale):
        promotions.save(replace(read, count=9))
    assert promotions.find(app) == winner


def test_of_two_who_saw_nothing_only_the_first_writes(promotions: Promotions, app: AppKey) -> None:
    winner = promotions.save(known(app))
    with pytest.raises(Stale):
        promotions.save(known(app))
    assert promotions.find(app) == winner


def test_a_record_that_was_removed_meanwhile_is_stale(promotions: Promotions, app: AppKey) -> None:
    read = promotions.save(known(app))
    promotions.remove(app)
    promotions.remove(app)
    assert promotions.find(app) is None
    with pytest.raises(Stale):
        promotions.save(read)
