"""Await a promotion: until it has ended, telling each state that its legs come to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from jx.domain.changes.promotions import Leg, Promotion, Result
from jx.domain.errors import Failed, Retryable
from jx.domain.events import Event
from jx.domain.names import AppKey, EnvironmentName
from jx.ports.clock import Clock
from jx.ports.promotions import Promotions
from jx.ports.reporter import Reporter
from jx.usecases.promoting.advance_promotion import words_of


@dataclass(frozen=True, slots=True)
class AwaitPromotionRequest:
    """Which promotion, how long, and how often to look."""

    app: AppKey
    number: int
    timeout: timedelta
    look_every: timedelta = timedelta(seconds=1)
    seen: Promotion | None = None
    """What the person has been told of it already."""


@dataclass(frozen=True, slots=True)
class AwaitPromotion:
    """Only looks; the controllers do the work, and go on when nobody waits any more."""

    promotions: Promotions
    clock: Clock
    reporter: Reporter

    def __call__(self, request: AwaitPromotionRequest) -> Promotion:
        """The promotion once all its legs are applied. Failed where one failed, it was superseded, or the time is over."""
        deadline = self.clock.now() + request.timeout
        told = {leg.environment: words_of(seen, leg) for leg in seen.legs} if (seen := request.seen) else {}
        while True:
            promotion = self._find(request)
            if promotion is not None:
                self._tell(promotion, told)
                if not promotion.is_open:
                    return _check(promotion)
            if self.clock.now() >= deadline:
                raise _timed_out(promotion, request)
            if self.clock.wait(request.look_every):
                raise Failed("stopped waiting", hint="the controllers go on without you: jx get activities")

    def _find(self, request: AwaitPromotionRequest) -> Promotion | None:
        """None while the cluster does not answer."""
        try:
            known = self.promotions.find(request.app)
        except Retryable:
            return None
        found = known.get(request.number) if known else None
        if found is None:
            raise Failed(f"the promotion of {request.app} is not on record any more")
        return found

    def _tell(self, promotion: Promotion, told: dict[EnvironmentName, str]) -> None:
        for leg in promotion.legs:
            words = words_of(promotion, leg)
            if told.get(leg.environment) != words:
                told[leg.environment] = words
                self.reporter.tell(Event(words))


def _check(promotion: Promotion) -> Promotion:
    match promotion.result:
        case Result.DONE:
            return promotion
        case _:
            ended = next(leg for leg in promotion.legs if leg.message and leg.is_ended)
            raise Failed(ended.message if "Promotion failed" in ended.message else words_of(promotion, ended))


def _timed_out(promotion: Promotion | None, request: AwaitPromotionRequest) -> Failed:
    waited = f"Waited {int(request.timeout.total_seconds())} s"
    hint = "the controllers go on without you: jx get activities"
    leg: Leg | None = promotion.due if promotion else None
    if leg is None or promotion is None:
        return Failed(f"the cluster does not tell what became of {request.app}. {waited}", hint=hint)
    if leg.url and leg.merged is None:
        why = f" ({leg.message})" if leg.message else ""
        return Failed(f"Timed out waiting for pull request {leg.url} to merge{why}. {waited}", hint=hint)
    return Failed(f"Timed out waiting for {words_of(promotion, leg)}. {waited}", hint=hint)
