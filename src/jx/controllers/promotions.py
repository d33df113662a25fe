"""Promotions: a key names a repository; releases that wait for something there are looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jx.controllers.environments import PlatformReader, is_key, key_of
from jx.domain.changes.promotions import AppPromotions
from jx.domain.errors import JxError
from jx.ports.forge import Ability
from jx.usecases.promoting.advance_promotion import AdvancePromotion


@dataclass
class PromotionsController:
    """Advances what is under way; a promotion that cannot go on keeps no other one waiting."""

    platform: PlatformReader
    advance: AdvancePromotion

    def list_keys(self) -> Iterable[str]:
        return [key_of(one) for one in self.platform.environments() if one.repo]

    def look(self, key: str) -> None:
        if not is_key(key) or Ability.PULLS not in self.advance.propose_change.forge.abilities:
            return
        waiting = [known for known in self.advance.promotions.list_all() if known.open]
        if not waiting or self.platform.find(key) is None:
            return
        failed: JxError | None = None
        for known in waiting:
            if not _concerns(known, key, self.platform):
                continue
            try:
                self.advance(self.platform.at, known.app)
            except JxError as error:
                failed = failed or error
        if failed is not None:
            raise failed


def _concerns(known: AppPromotions, key: str, platform: PlatformReader) -> bool:
    """Whether one waits for something in the environment of that key, or in one that is not there any more."""
    names = {one.name: key_of(one) for one in platform.environments() if one.repo}
    due = [leg.environment for one in known.open if (leg := one.due) is not None]
    return any(names.get(environment, key) == key for environment in due)
