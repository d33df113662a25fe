"""End a hold: automatic applies of an environment go on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jx.domain.applying import Anchor, Hold
from jx.domain.errors import NotFound
from jx.domain.events import Event
from jx.domain.names import EnvironmentName
from jx.ports.anchor import Anchors
from jx.ports.reporter import Reporter
from jx.usecases.write_anchor import WriteAnchor


@dataclass(frozen=True, slots=True)
class EndHold:
    """Takes the holds that there are off an environment's anchor; one that is set in the same moment stays."""

    anchors: Anchors
    reporter: Reporter

    def __call__(self, environment: EnvironmentName) -> tuple[Hold, ...]:
        """The holds that were ended; empty where there was none. NotFound where the cluster has never seen the environment."""
        anchor = self.anchors.find(environment)
        if anchor is None:
            raise NotFound(f"this cluster has never seen environment {environment}", hint="jx get env")

        def drop(current: Anchor) -> Anchor:
            return replace(current, holds=tuple(hold for hold in current.holds if hold not in anchor.holds))

        WriteAnchor(self.anchors)(anchor, drop)
        for hold in anchor.holds:
            self.reporter.tell(Event(f"Ended the hold of {hold.by}: {hold.reason}"))
        return anchor.holds
