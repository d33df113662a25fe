"""Promotions in memory."""

from __future__ import annotations

from jx.domain.changes.promotion_records import parse_promotions, promotions_to_data
from jx.domain.changes.promotions import AppPromotions
from jx.domain.errors import Stale
from jx.domain.names import AppKey


class MemoryPromotions:
    """ports.promotions.Promotions in memory. What comes out went through the same records as in a cluster."""

    def __init__(self) -> None:
        self._stored: dict[AppKey, AppPromotions] = {}
        self._writes = 0

    def find(self, app: AppKey) -> AppPromotions | None:
        return self._stored.get(app)

    def list_all(self) -> tuple[AppPromotions, ...]:
        return tuple(self._stored[app] for app in sorted(self._stored))

    def save(self, known: AppPromotions) -> AppPromotions:
        stored = self._stored.get(known.app)
        if known.version != (stored.version if stored else ""):
            raise Stale(f"the promotions of {known.app} were changed by somebody else")
        self._writes += 1
        saved = parse_promotions(promotions_to_data(known), version=str(self._writes))
        self._stored[known.app] = saved
        return saved

    def remove(self, app: AppKey) -> None:
        self._stored.pop(app, None)
