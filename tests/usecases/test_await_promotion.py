"""Waiting for a promotion: how it ends when the promotion does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jx.adapters.local.fixed_clock import FixedClock
from jx.adapters.local.memory_promotions import MemoryPromotions
from jx.adapters.local.memory_records import MemoryReporter
from jx.domain.changes.promotions import AppPromotions, Leg, LegState, Promotion
from jx.domain.charts.charts import ChartRef
from jx.domain.errors import Failed, Unavailable
from jx.domain.names import AppKey, EnvironmentName, Person
from jx.usecases.promoting.await_promotion import AwaitPromotion, AwaitPromotionRequest

SHOP = AppKey("shop")
AT = datetime(2026, 1, 1, tzinfo=UTC)
PROPOSED = Leg(
    EnvironmentName("staging"),
    LegState.PROPOSED,
    "shop",
    7,
    "https://git.example/pulls/7",
    message="check jx/plan is pending",
    proposed=AT,
)


def wait(leg: Leg, *, promotions: MemoryPromotions | None = None) -> MemoryReporter:
    stored = promotions or MemoryPromotions()
    promotion = Promotion(1, SHOP, ChartRef("shop", "", "1.0.0"), Person("Ann"), AT, (leg,))
    stored.save(AppPromotions(SHOP, (promotion,), 1))
    reporter = MemoryReporter()
    request = AwaitPromotionRequest(SHOP, 1, timedelta(seconds=3))
    AwaitPromotion(stored, FixedClock(), reporter)(request)
    return reporter


def test_time_that_is_over_names_the_pull_request_and_what_it_waits_for() -> None:
    with pytest.raises(Failed) as caught:
        wait(PROPOSED)
    assert caught.value.message == (
        "Timed out waiting for pull request https://git.example/pulls/7 to merge (check jx/plan is pending). "
        "Waited 3 s"
    )


def test_time_that_is_over_after_the_merge_names_the_environment() -> None:
    merged = replace(PROPOSED, state=LegState.MERGED, merged=AT, message="is not applied yet")
    with pytest.raises(Failed, match=r"Timed out waiting for shop 1\.0\.0 in staging: merged"):
        wait(merged)


@pytest.mark.parametrize(
    ("state", "message", "said"),
    [
        (
            LegState.FAILED,
            "Promotion failed as Pull Request x is closed without merging",
            "Promotion failed as Pull",
        ),
        (LegState.FAILED, "it is applied, but not healthy", "shop 1.0.0 in staging: failed (it is applied"),
        (
            LegState.SUPERSEDED,
            "superseded by shop 2",
            "shop 1.0.0 in staging: superseded (superseded by shop 2)",
        ),
    ],
)
def test_a_promotion_that_does_not_come_through_fails_with_its_reason(
    state: LegState, message: str, said: str
) -> None:
    with pytest.raises(Failed) as caught:
        wait(replace(PROPOSED, state=state, message=message))
    assert caught.value.message.startswith(said)


def test_a_cluster_that_does_not_answer_is_waited_for() -> None:
    class Deaf(MemoryPromotions):
        asked = 0

        def find(self, app: AppKey) -> AppPromotions | None:
            self.asked += 1
            if self.asked < 3:
                raise Unavailable("no answer")
            return super().find(app)

    reporter = wait(replace(PROPOSED, state=LegState.APPLIED, message=""), promotions=Deaf())
    assert [event.message for event in reporter.events] == ["shop 1.0.0 in staging: applied"]
