"""Drift: now and then, whether environments are still as they were left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jx.controllers.environments import PlatformReader, key_of
from jx.domain.errors import Held, Locked, Refused
from jx.ports.clock import Clock
from jx.usecases.following.watch_drift import WatchDrift


@dataclass
class DriftController:
    """Looks at each environment once in a while, whoever else looks at its key meanwhile."""

    platform: PlatformReader
    watch: WatchDrift
    clock: Clock
    holder: str
    every: timedelta = timedelta(minutes=1)
    _looked: dict[str, datetime] = field(default_factory=dict)

    def list_keys(self) -> Iterable[str]:
        return [key_of(one) for one in self.platform.environments() if one.repo and not one.is_remote]

    def look(self, key: str) -> None:
        looked, now = self._looked.get(key), self.clock.now()
        if looked is not None and now - looked < self.every:
            return
        environment = self.platform.find(key)
        if environment is None:
            return
        self._looked[key] = now
        try:
            self.watch(environment, holder=self.holder)
        except (Held, Locked):
            return  # somebody is at it
        except Refused as error:
            raise Refused(
                f"drift of {environment.name} is not healed: {error.message}", hint=error.hint
            ) from error
