"""End a hold: automatic applies of an environment go on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jx.domain.applying.applying import Anchor, Applied, ApplyResult, Hold
from jx.domain.environments.holds import RESCUE
from jx.domain.errors import NotFound
from jx.domain.events import Event
from jx.domain.ledger import ledger
from jx.domain.names import EnvironmentName
from jx.ports.anchor import Anchors
from jx.ports.clock import Clock
from jx.ports.cluster import Cluster
from jx.ports.forge import Forge
from jx.ports.reporter import Reporter
from jx.usecases.applying.write_anchor import WriteAnchor
from jx.usecases.name_person import name_person


@dataclass(frozen=True, slots=True)
class EndHold:
    """Takes the holds that there are off an environment's anchor; one that is set in the same moment stays."""

    anchors: Anchors
    forge: Forge
    cluster: Cluster
    clock: Clock
    reporter: Reporter

    def __call__(self, environment: EnvironmentName, *, reason: str = "") -> tuple[Hold, ...]:
        """The holds that were ended; empty where there was none. NotFound where the cluster has never seen the environment."""
        anchor = self.anchors.find(environment)
        if anchor is None:
            raise NotFound(f"this cluster has never seen environment {environment}", hint="jx get env")
        if not anchor.holds:
            return ()
        words = "; ".join(f"{hold.reason} (of {hold.by})" for hold in anchor.holds)
        words = f"{reason}; it was: {words}" if reason else words
        by, now = name_person(self.forge, self.cluster), self.clock.now()
        note = ledger.make_note(environment, ledger.Happening.RESUME, words, by=by, at=now)

        def drop(current: Anchor) -> Anchor:
            kept = tuple(hold for hold in current.holds if hold not in anchor.holds)
            changed = replace(current, holds=kept, applied=_doubted(current.applied, anchor.holds))
            return ledger.noted(changed, note)

        WriteAnchor(self.anchors)(anchor, drop)
        for hold in anchor.holds:
            why = f"; {reason}" if reason else ""
            self.reporter.tell(Event(f"Ended the hold of {hold.by}: {hold.reason}{why}"))
        return anchor.holds


def _doubted(applied: Applied | None, ended: tuple[Hold, ...]) -> Applied | None:
    """What was applied last, as the record has it. A rescue that set its hold and was then interrupted left no record of what it
    did to the cluster: what was recorded before it has to be applied once more."""
    rescues = (hold for hold in ended if hold.kind == RESCUE and hold.applied_tree)
    if applied and any(hold.applied_tree != applied.source.tree_digest for hold in rescues):
        words = "an apply by hand was interrupted after it"
        return replace(applied, result=ApplyResult.FAILED, is_verified=False, message=words)
    return applied
