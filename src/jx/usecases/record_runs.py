"""Record runs: what the engine says of them becomes records and commit statuses; old ones are cleared away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jx.domain.activities import Activity
from jx.domain.changes import Check, CheckState
from jx.domain.errors import JxError
from jx.domain.events import Event, Level
from jx.domain.names import Repo, Revision
from jx.domain.runs import VERIFY, Run, RunState, find_failure, find_obsolete, to_activity
from jx.ports.activities import Activities
from jx.ports.forge import Ability, Forge
from jx.ports.pipelines import Pipelines
from jx.ports.reporter import Reporter

KEPT_RUNS = 20
"""Of each pipeline and context; what goes is the run with its pods. Its record stays."""


@dataclass(frozen=True, slots=True)
class RecordRuns:
    """Level-triggered. Best effort: a run does not depend on being recorded, and what could not be told is told with the next
    look."""

    pipelines: Pipelines
    activities: Activities
    forge: Forge
    reporter: Reporter
    keep: int = KEPT_RUNS
    _told: dict[str, Activity] = field(default_factory=dict, repr=False, compare=False)
    """Records that are known to be written; it only spares asking again."""

    def __call__(self, repos: Mapping[str, Repo]) -> None:
        """Record all runs. `repos`, by `owner/name`, are those whose forge can be told."""
        runs = tuple(run for run in self.pipelines.list_all() if run.context != VERIFY)
        news = [(run, record) for run in runs if self._told.get((record := to_activity(run)).name) != record]
        if news:
            known = {one.name: one for one in self.activities.list_all()}
            for run, record in news:
                repo = None if _is_overtaken(run, runs) else repos.get(run.repo_name)
                self._record(run, record, known.get(record.name), repo)
        for run in find_obsolete(runs, keep=self.keep):
            if self._told.get(to_activity(run).name) == to_activity(run):
                self.pipelines.remove(run.name)

    def _record(self, run: Run, record: Activity, known: Activity | None, repo: Repo | None) -> None:
        try:
            if known != record:
                self._tell_forge(run, repo)
                self.activities.save(record)
        except JxError as error:
            self.reporter.tell(Event(f"not recorded: {error.message}", Level.WARNING))
            return
        self._told[record.name] = record

    def _tell_forge(self, run: Run, repo: Repo | None) -> None:
        if repo is None or not run.revision or Ability.STATUSES not in self.forge.abilities:
            return
        self.forge.set_status(repo, Revision(run.revision), check_of(run))


def _is_overtaken(run: Run, runs: tuple[Run, ...]) -> bool:
    """Whether a newer run of the same commit says how it stands; `runs`, oldest first."""
    same = [
        one
        for one in runs
        if (one.pipeline, one.context, one.revision) == (run.pipeline, run.context, run.revision)
    ]
    return bool(same) and same[-1].name != run.name


def check_of(run: Run) -> Check:
    """The commit status of a run."""
    context = f"jx/{run.context or 'pipeline'}"
    match run.state:
        case RunState.SUCCEEDED:
            return Check(context, CheckState.SUCCESS, f"run #{run.build} succeeded")
        case RunState.FAILED:
            return Check(context, CheckState.FAILURE, find_failure(run)[:140])
        case RunState.CANCELLED | RunState.SKIPPED:
            return Check(context, CheckState.ERROR, f"run #{run.build} was cancelled")
        case RunState.RUNNING:
            return Check(context, CheckState.PENDING, f"run #{run.build} goes on")
        case RunState.PENDING:
            return Check(context, CheckState.PENDING, f"run #{run.build} waits")
