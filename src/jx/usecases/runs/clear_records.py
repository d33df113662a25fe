"""Clear records: of what ran long ago, where the platform says how many are kept."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.events import Event
from jx.domain.runs.activities import find_outdated
from jx.domain.runs.runs import to_activity
from jx.ports.activities import Activities
from jx.ports.pipelines import Pipelines
from jx.ports.reporter import Reporter


@dataclass(frozen=True, slots=True)
class ClearRecords:
    """Level-triggered. What is recorded nowhere else, who applied what, is in the ledgers, which nobody clears."""

    activities: Activities
    reporter: Reporter
    pipelines: Pipelines | None = None
    """None where nothing runs pipelines."""

    def __call__(self, *, keep: int | None) -> int:
        """How many were removed; None keeps all."""
        if keep is None:
            return 0
        runs = self.pipelines.list_all() if self.pipelines else ()
        outdated = find_outdated(
            self.activities.list_all(), keep=keep, of_runs={to_activity(run).name for run in runs}
        )
        for one in outdated:
            self.activities.remove(one.name)
        if outdated:
            count = len(outdated)
            self.reporter.tell(Event(f"removed {count} old record{'' if count == 1 else 's'} of pipelines"))
        return len(outdated)
