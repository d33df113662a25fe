"""End a hold: automatic applies of an environment go on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jx.domain.applying import Hold
from jx.domain.errors import NotFound
from jx.domain.events import Event
from jx.domain.names import EnvironmentName
from jx.ports.anchor import Anchors
from jx.ports.reporter import Reporter
from jx.usecases.write_anchor import WriteAnchor


@dataclass(frozen=True, slots=True)
class EndHold:
    """Takes all holds off an environment's anchor."""

    anchors: Anchors
    reporter: Reporter

    def __call__(self, environment: EnvironmentName) -> tuple[Hold, ...]:
        """The holds that were ended; empty where there was none. NotFound where the cluster has never seen the environment."""
        anchor = self.anchors.find(environment)
        if anchor is None:
            raise NotFound(f"this cluster has never seen environment {environment}", hint="jx get env")
        WriteAnchor(self.anchors)(anchor, lambda current: replace(current, holds=()))
        for hold in anchor.holds:
            self.reporter.tell(Event(f"Ended the hold of {hold.by}: {hold.reason}"))
        return anchor.holds
