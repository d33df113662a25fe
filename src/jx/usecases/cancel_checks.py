"""Cancel checks: end the runs of a pull request that somebody with rights does not want any more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from jx.domain.events import Event
from jx.domain.names import Repo
from jx.ports.pipelines import Pipelines
from jx.ports.reporter import Reporter


@dataclass(frozen=True, slots=True)
class CancelChecks:
    """Level-triggered: only what had begun when it was said; a run that was asked for afterwards goes on."""

    pipelines: Pipelines
    reporter: Reporter

    def __call__(self, repo: Repo, number: int, said: Iterable[datetime]) -> int:
        """How many runs were told to end. `said`: when people asked for it."""
        latest = max(said, default=None)
        if latest is None:
            return 0
        count = 0
        for run in self.pipelines.list_all():
            is_meant = run.pipeline == f"{repo.full_name}/PR-{number}" and run.state.is_open
            if (
                is_meant
                and run.created is not None
                and run.created <= latest
                and self.pipelines.cancel(run.name)
            ):
                self.reporter.tell(Event(f"run {run.name} is cancelled, as a comment on #{number} asks"))
                count += 1
        return count
