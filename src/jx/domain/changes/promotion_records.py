"""Promotion records: the promotions of an app as plain JSON data and back, for whatever stores them. `version` stays out: the
store has its own word for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jx.domain.changes.promotions import AppPromotions, Leg, LegState, Promotion
from jx.domain.charts.charts import ChartRef
from jx.domain.errors import Invalid
from jx.domain.names import AppKey, EnvironmentName, Person

FORMAT = 1


def promotions_to_data(known: AppPromotions) -> dict[str, Any]:
    """Everything but `version`, as JSON values."""
    return {
        "format": FORMAT,
        "app": known.app,
        "count": known.count,
        "promotions": [_promotion_to_data(one) for one in known.promotions],
    }


def parse_promotions(data: Any, *, version: str) -> AppPromotions:
    """What `promotions_to_data` wrote, or Invalid."""
    try:
        if data["format"] > FORMAT:
            raise Invalid(
                f"the promotions of {data['app']} were written by a newer jx (format {data['format']})",
                hint="use the jx that your platform runs, or a newer one",
            )
        promotions = tuple(_promotion(one) for one in data["promotions"])
        return AppPromotions(AppKey(data["app"]), promotions, data["count"], version)
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid(f"this is no record of promotions: {error!r}") from error


def _promotion_to_data(promotion: Promotion) -> dict[str, Any]:
    chart, person = promotion.chart, promotion.requester
    return {
        "number": promotion.number,
        "app": promotion.app,
        "chart": [chart.name, chart.repository, chart.version],
        "requester": [person.name, person.email, person.login],
        "created": promotion.created.isoformat(),
        "legs": [_leg_to_data(leg) for leg in promotion.legs],
        "autoMerge": promotion.auto_merge,
        "alias": promotion.alias,
        "reason": promotion.reason,
        "pipeline": promotion.pipeline,
        "build": promotion.build,
    }


def _promotion(data: Any) -> Promotion:
    return Promotion(
        number=data["number"],
        app=AppKey(data["app"]),
        chart=ChartRef(*data["chart"]),
        requester=Person(*data["requester"]),
        created=datetime.fromisoformat(data["created"]),
        legs=tuple(_leg(one) for one in data["legs"]),
        auto_merge=data["autoMerge"],
        alias=data["alias"],
        reason=data["reason"],
        pipeline=data["pipeline"],
        build=data["build"],
    )


def _leg_to_data(leg: Leg) -> dict[str, Any]:
    return {
        "environment": leg.environment,
        "state": leg.state.value,
        "key": leg.key,
        "number": leg.number,
        "url": leg.url,
        "mergedAs": leg.merged_as,
        "message": leg.message,
        "mustClose": leg.must_close,
        "proposed": _text(leg.proposed),
        "merged": _text(leg.merged),
        "ended": _text(leg.ended),
        "applicationUrl": leg.application_url,
    }


def _leg(data: Any) -> Leg:
    return Leg(
        environment=EnvironmentName(data["environment"]),
        state=LegState(data["state"]),
        key=data["key"],
        number=data["number"],
        url=data["url"],
        merged_as=data["mergedAs"],
        message=data["message"],
        must_close=data["mustClose"],
        proposed=_time(data["proposed"]),
        merged=_time(data["merged"]),
        ended=_time(data["ended"]),
        application_url=data.get("applicationUrl", ""),
    )


def _text(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
