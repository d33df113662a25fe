"""The activity that tells of a promotion, in the form that Jenkins X 2 gave it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from jx.domain.changes.promotions import Leg, LegState, Promotion, Result
from jx.domain.runs.activities import Activity, ActivityStatus, PromotePart, PromoteStep

_STATUS = {
    Result.OPEN: ActivityStatus.RUNNING,
    Result.DONE: ActivityStatus.SUCCEEDED,
    Result.FAILED: ActivityStatus.FAILED,
    Result.SUPERSEDED: ActivityStatus.ABORTED,
}
_LEG = {
    LegState.PENDING: ActivityStatus.PENDING,
    LegState.PROPOSED: ActivityStatus.RUNNING,
    LegState.MERGED: ActivityStatus.RUNNING,
    LegState.APPLIED: ActivityStatus.SUCCEEDED,
    LegState.FAILED: ActivityStatus.FAILED,
    LegState.SUPERSEDED: ActivityStatus.ABORTED,
}


def tell(promotion: Promotion, owner: str, known: Iterable[Activity]) -> Activity:
    """The activity of the run that asked for it, with its promotion; else one of its own, below `<owner>/<app>/promote`."""
    promotes = tuple(_step(leg) for leg in promotion.legs if leg.state is not LegState.PENDING or leg.message)
    if promotion.pipeline:
        pipeline, build = promotion.pipeline, promotion.build or "1"
        name = f"{pipeline.replace('/', '-')}-{build}"
        found = next((one for one in known if one.name == name), None)
        if found is not None:
            return replace(found, promotes=promotes, version=found.version or promotion.version)
    else:
        pipeline, build = f"{owner}/{promotion.app}/promote", str(promotion.number)
        name = f"{owner}-{promotion.app}-promote-{build}"
    ended = [leg.ended for leg in promotion.legs if leg.ended]
    return Activity(
        name=name,
        pipeline=pipeline,
        build=build,
        status=_STATUS[promotion.result],
        author=promotion.requester.login or promotion.requester.name,
        message=f"Version: {promotion.version}",
        started=promotion.created,
        completed=max(ended) if ended and not promotion.is_open else None,
        promotes=promotes,
        version=promotion.version,
    )


def _step(leg: Leg) -> PromoteStep:
    status = _LEG[leg.state]
    pull = update = None
    if leg.url:
        is_done = leg.merged is not None
        pull = PromotePart(
            ActivityStatus.SUCCEEDED if is_done else status,
            started=leg.proposed,
            completed=leg.merged if is_done else leg.ended,
            description="" if is_done else leg.message,
            url=leg.url,
            merge_commit=leg.merged_as,
        )
    if leg.merged is not None or not leg.url:
        update = PromotePart(status, started=leg.merged, completed=leg.ended, description=leg.message)
    started = leg.proposed or leg.merged
    return PromoteStep(leg.environment, status, pull, update, started, leg.ended, leg.application_url)
