"""Set a hold: automatic applies of an environment stop, for a reason that everybody sees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from jx.domain.applying.applying import Anchor, Hold
from jx.domain.environments import holds
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
class SetHold:
    """Puts a person's hold on an environment's anchor, where controllers, tables and pull requests find it."""

    anchors: Anchors
    forge: Forge
    cluster: Cluster
    clock: Clock
    reporter: Reporter

    def __call__(self, environment: EnvironmentName, *, reason: str, until: datetime | None = None) -> Hold:
        """The hold. One's own earlier one is replaced, others stay. NotFound where the cluster has never seen the environment."""
        anchor = self.anchors.find(environment)
        if anchor is None:
            raise NotFound(f"this cluster has never seen environment {environment}", hint="jx get env")
        person, now = name_person(self.forge, self.cluster), self.clock.now()
        hold = Hold(person.name or person.login, reason, now, kind=holds.PERSON, until=until)
        words = f"{reason} (until {until:%Y-%m-%d %H:%M} UTC)" if until else reason
        note = ledger.make_note(environment, ledger.Happening.HOLD, words, by=person, at=now)

        def put(current: Anchor) -> Anchor:
            others = (one for one in current.holds if (one.kind, one.by) != (hold.kind, hold.by))
            return ledger.noted(replace(current, holds=(*others, hold)), note)

        WriteAnchor(self.anchors)(anchor, put)
        self.reporter.tell(Event(f"Environment {environment} is {holds.in_words(hold)}"))
        return hold
