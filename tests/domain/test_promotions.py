"""What a promotion does next, and what becomes of an older one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.domain.applying.applying import Anchor, Applied, ApplyResult, Source
from jx.domain.changes import promotions
from jx.domain.changes.promotions import Aim, AppPromotions, Leg, LegState, Promotion, Result, Want
from jx.domain.charts.charts import ChartRef
from jx.domain.environments.environments import Environment, Kind, Strategy
from jx.domain.errors import NotFound, Refused, Usage
from jx.domain.names import AppKey, EnvironmentName, Person
from jx.domain.objects.manifests import ChartPin

AT = datetime(2026, 11, 1, tzinfo=UTC)
ANN = Person("Ann", "ann@example.com", "ann")
SHOP = AppKey("shop")
NAMES = ("test", "staging", "production")


def release(version: str, *environments: str) -> Promotion:
    legs = tuple(Leg(EnvironmentName(name)) for name in environments)
    return Promotion(0, SHOP, ChartRef("shop", "", version), ANN, AT, legs)


def environment(name: str, strategy: Strategy, order: int, kind: Kind = Kind.PERMANENT) -> Environment:
    return Environment(EnvironmentName(name), f"jx-{name}", None, kind=kind, strategy=strategy, order=order)


ENVIRONMENTS = (
    environment("production", Strategy.MANUAL, 200),
    environment("dev", Strategy.NEVER, 0, Kind.DEVELOPMENT),
    environment("staging", Strategy.AUTO, 100),
    environment("test", Strategy.AUTO, 50),
    environment("archive", Strategy.NEVER, 300),
    environment("shop-pr-1", Strategy.AUTO, 1, Kind.PREVIEW),
)


def names(aim: Aim) -> list[str]:
    return [str(one.name) for one in promotions.select_targets(ENVIRONMENTS, aim)]


def test_targets_come_in_the_order_of_environments_however_they_are_named() -> None:
    assert names(Aim(("production", "staging", "production"))) == ["staging", "production"]


def test_all_auto_leaves_out_what_a_person_decides_and_previews() -> None:
    assert names(Aim(all_auto=True)) == ["test", "staging"]


def test_a_namespace_names_its_environment() -> None:
    assert names(Aim(namespace="jx-production")) == ["production"]
    with pytest.raises(NotFound):
        names(Aim(namespace="jx-nowhere"))


def test_what_takes_no_releases_is_refused_and_nothing_named_is_a_mistake() -> None:
    for name in ("dev", "archive"):
        with pytest.raises(Refused):
            names(Aim((name,)))
    with pytest.raises(Usage):
        names(Aim())
    with pytest.raises(Usage):
        names(Aim(("staging",), all_auto=True))


def test_a_leg_is_not_begun_before_the_one_before_it_is_applied() -> None:
    promotion = release("1.0.0", "staging", "production")
    first, second = promotion.legs
    for state, want in (
        (LegState.PENDING, Want.PROPOSE),
        (LegState.PROPOSED, Want.LOOK_AT_CHANGE),
        (LegState.MERGED, Want.LOOK_AT_ENVIRONMENT),
    ):
        leg = replace(first, state=state)
        assert promotions.wants(promotion.with_leg(leg), AT) == (want, leg)
    applied = promotion.with_leg(replace(first, state=LegState.APPLIED))
    assert promotions.wants(applied, AT) == (Want.PROPOSE, second)
    assert promotions.wants(promotion.with_leg(replace(first, state=LegState.FAILED)), AT) is None


def test_an_open_pull_request_of_what_is_over_is_closed_before_anything_else() -> None:
    old = release("1.0.0", "staging")
    open_leg = replace(old.legs[0], state=LegState.PROPOSED, number=7)
    known, _ = promotions.begin(AppPromotions(SHOP), old.with_leg(open_leg), is_there=False)
    known, new = promotions.begin(known, release("2.0.0", "staging"), is_there=False)
    assert [promotions.wants(one, AT) for one in known.open] == [
        (Want.CLOSE, known.promotions[0].legs[0]),
        (Want.PROPOSE, new.legs[0]),
    ]
    assert known.promotions[0].legs[0].message == "superseded by shop 2.0.0, which ann asked for"


def anchor(version: str, *, result: ApplyResult = ApplyResult.APPLIED) -> Anchor:
    source = Source(None, None, "sha256:t", ANN)
    pins = (ChartPin("shop", "shop", version),)
    applied = Applied(source, "sha256:p", result, AT, "controller", pins)
    return Anchor(EnvironmentName("staging"), None, "c", "jx", "jx", applied=applied)


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (None, LegState.MERGED),
        (anchor("0.9.0"), LegState.MERGED),
        (anchor("1.0.0", result=ApplyResult.FAILED), LegState.MERGED),
        (replace(anchor("1.0.0"), is_begun=True), LegState.MERGED),
        (anchor("1.0.0"), LegState.APPLIED),
    ],
)
def test_an_environment_runs_a_release_when_all_of_it_is_applied(
    seen: Anchor | None, state: LegState
) -> None:
    leg = Leg(EnvironmentName("staging"), LegState.MERGED, "shop")
    assert promotions.see_environment(leg, seen, ChartRef("shop", "", "1.0.0")).state is state


def test_what_is_not_healthy_is_waited_for_and_not_for_ever() -> None:
    leg = Leg(EnvironmentName("staging"), LegState.MERGED, "shop", merged=AT)
    assert promotions.see_health(leg, (), AT, AT).state is LegState.APPLIED
    bad = ("Deployment/shop: 0 of 1 ready",)
    waiting = promotions.see_health(leg, bad, AT, AT)
    assert (waiting.state, "0 of 1 ready" in waiting.message) == (LegState.MERGED, True)
    assert promotions.see_health(leg, bad, AT, AT + promotions.HEALTH).state is LegState.FAILED


_STATES = st.sampled_from(list(LegState))


@given(
    st.lists(
        st.tuples(st.sampled_from(("1", "2", "3")), st.sets(st.sampled_from(NAMES), min_size=1), _STATES)
    )
)
def test_no_environment_ever_waits_for_two_releases(story: list[tuple[str, set[str], LegState]]) -> None:
    known = AppPromotions(SHOP)
    for version, targets, state in story:
        new = release(version, *(name for name in NAMES if name in targets))
        known, begun = promotions.begin(known, new, is_there=False)
        if begun.due is not None and not begun.due.must_close:
            known = known.put(begun.with_leg(replace(begun.due, state=state)))
        waiting = [
            leg.environment
            for one in known.open
            for leg in one.legs
            if not leg.is_ended and one.result is Result.OPEN
        ]
        assert len(waiting) == len(set(waiting))


def test_ended_promotions_are_forgotten_one_day_and_open_ones_never() -> None:
    known, first = promotions.begin(AppPromotions(SHOP), release("0", "production"), is_there=False)
    for number in range(50):
        known, begun = promotions.begin(known, release(str(number + 1), "staging"), is_there=False)
        known = known.put(
            begun.with_leg(replace(begun.legs[0], state=LegState.APPLIED, ended=AT + timedelta(1)))
        )
    assert len(known.promotions) < 30
    assert known.count == 51
    assert known.get(first.number) == first
