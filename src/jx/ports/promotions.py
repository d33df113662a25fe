"""Promotions: what the cluster remembers of releases on their way."""

from __future__ import annotations

from typing import Protocol

from jx.domain.changes.promotions import AppPromotions
from jx.domain.names import AppKey


class Promotions(Protocol):
    """Records by app. Calls raise Unavailable and Forbidden; reading one that cannot be understood raises Invalid."""

    def find(self, app: AppKey) -> AppPromotions | None:
        """The promotions of an app, or None where none was ever begun."""
        ...

    def list_all(self) -> tuple[AppPromotions, ...]:
        """Those of all apps, by name."""
        ...

    def save(self, known: AppPromotions) -> AppPromotions:
        """Compare-and-swap on `known.version`; the record with its new version. Stale where somebody else wrote."""
        ...

    def remove(self, app: AppKey) -> None:
        """Forget an app's promotions; none there is done."""
        ...
