"""Record what was not run: a pipeline that cannot be run as it is written, or that has nothing to do. Never silent."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.changes.changes import Check, CheckState
from jx.domain.errors import Invalid, JxError, NotFound
from jx.domain.events import Event, Level
from jx.domain.runs.activities import Activity, ActivityStatus, ActivityStep
from jx.domain.runs.application_runs import STATUS, RunOrder
from jx.ports.activities import Activities
from jx.ports.clock import Clock
from jx.ports.forge import Ability, Forge
from jx.ports.reporter import Reporter

_FILE, _SKIPPED = "pipeline file", "skipped"
_SHOWN = 12
_LONGEST = 140
_STATES = {
    ActivityStatus.FAILED: CheckState.FAILURE,
    ActivityStatus.NOT_EXECUTED: CheckState.SUCCESS,
    ActivityStatus.PENDING: CheckState.PENDING,
}


@dataclass(frozen=True, slots=True)
class RecordUnrun:
    """A record without a number and a commit status, in the place of those of a run. Once for a commit of a pipeline."""

    activities: Activities
    forge: Forge
    clock: Clock
    reporter: Reporter

    def mistake(self, order: RunOrder, error: Invalid | NotFound) -> None:
        """The pipeline cannot be run."""
        problems = error.problems if isinstance(error, Invalid) else ()
        words = "; ".join([error.message, *map(str, problems[:3])])
        self._record(order, ActivityStatus.FAILED, _FILE, words)

    def skip(self, order: RunOrder, words: str, *, blocks: bool = False) -> None:
        """There is nothing to run; `blocks`: the commit's status stays open, so that nobody takes it for tested."""
        self._record(order, ActivityStatus.NOT_EXECUTED, _SKIPPED, words, blocks=blocks)

    def _record(
        self, order: RunOrder, status: ActivityStatus, step: str, words: str, *, blocks: bool = False
    ) -> None:
        name = f"{order.pipeline.replace('/', '-')}-{order.revision[:_SHOWN]}"
        if any(one.name == name for one in self.activities.list_all()):
            return
        state = CheckState.PENDING if blocks else _STATES[status]
        now = self.clock.now()
        try:
            if Ability.STATUSES in self.forge.abilities:
                self.forge.set_status(
                    order.request.repo, order.revision, Check(STATUS, state, words[:_LONGEST])
                )
        except JxError as error:
            self.reporter.tell(Event(f"not told: {error.message}", Level.WARNING))
        self.activities.save(
            Activity(
                name=name,
                pipeline=order.pipeline,
                build="",
                status=status,
                revision=order.revision,
                author=order.author.name,
                message=order.message,
                git_url=order.request.repo.url,
                pull_url=order.pull_url,
                started=now,
                completed=now,
                steps=(ActivityStep(step, status, now, now, words),),
            )
        )
        self.reporter.tell(Event(f"{order.pipeline} at {order.revision[:_SHOWN]} is not run: {words}"))
