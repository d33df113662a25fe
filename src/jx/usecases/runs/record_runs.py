"""Record runs: what the engine says of them becomes records and commit statuses; old ones are cleared away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from jx.domain.changes.changes import Check, CheckState
from jx.domain.errors import JxError
from jx.domain.events import Event, Level
from jx.domain.names import Repo, Revision
from jx.domain.runs.activities import UNTOLD, Activity, ActivityStatus, ActivityStep
from jx.domain.runs.runs import CHECK, VERIFY, Run, RunState, find_failure, find_obsolete, to_activity
from jx.ports.activities import Activities
from jx.ports.forge import Ability, Forge
from jx.ports.pipelines import Pipelines
from jx.ports.reporter import Reporter

KEPT_RUNS = 20
"""Of each pipeline and context; what goes is the run with its pods. Its record stays."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of a run: its record, and the status of its commit."""

    record: Activity
    check: Check


@dataclass(frozen=True, slots=True)
class RecordRuns:
    """Level-triggered. Best effort: a run does not depend on being recorded, and what could not be told is told with the next
    look."""

    pipelines: Pipelines
    activities: Activities
    forge: Forge
    reporter: Reporter
    keep: int = KEPT_RUNS
    _told: dict[str, Told] = field(default_factory=dict, repr=False, compare=False)
    """What is known to be told, by run; it only spares asking again."""

    def __call__(self, repos: Mapping[str, Repo], *, keep: int | None = None) -> None:
        """Record all runs. `repos`, by `owner/name`, are those whose forge can be told; `keep`, how many ended ones of a pipeline
        stay, where that is another number than usual."""
        runs = tuple(run for run in self.pipelines.list_all() if run.context != VERIFY)
        told = {run.name: Told(to_activity(run), check_of(run, _overtaker(run, runs))) for run in runs}
        news = [run for run in runs if self._told.get(run.name) != told[run.name]]
        if news:
            known = {one.name: one for one in self.activities.list_all()}
            for run in news:
                repo = None if _says_another(run, runs) else repos.get(run.repo_name)
                self._record(run, told[run.name], known.get(told[run.name].record.name), repo)
        for run in find_obsolete(runs, keep=self.keep if keep is None else keep):
            if self._told.get(run.name) == told[run.name]:
                self.pipelines.remove(run.name)
                del self._told[run.name]

    def _record(self, run: Run, news: Told, known: Activity | None, repo: Repo | None) -> None:
        before, record = self._told.get(run.name), news.record
        try:
            if known != record or (before is not None and before.check != news.check):
                self._tell_forge(run, repo, news.check)
        except JxError as error:  # the record says so, and is right again once the forge was told
            untold = ActivityStep(UNTOLD, ActivityStatus.PENDING, description=error.message)
            record = replace(record, steps=(*record.steps, untold))
        try:
            if known != record:
                self.activities.save(record)
        except JxError as error:
            self.reporter.tell(Event(f"not recorded: {error.message}", Level.WARNING))
            return
        if record == news.record:
            self._told[run.name] = news

    def _tell_forge(self, run: Run, repo: Repo | None, check: Check) -> None:
        if repo is None or not run.revision or Ability.STATUSES not in self.forge.abilities:
            return
        self.forge.set_status(repo, Revision(run.revision), check)


def _says_another(run: Run, runs: tuple[Run, ...]) -> bool:
    """Whether a newer run of the same commit says how it stands; `runs`, oldest first."""
    same = [one for one in _of_its_kind(run, runs) if one.revision == run.revision]
    return bool(same) and same[-1].name != run.name


def _overtaker(run: Run, runs: tuple[Run, ...]) -> Run | None:
    """The next run of another commit after this one, in whose favour it may have been cancelled."""
    kind = _of_its_kind(run, runs)
    later = kind[[one.name for one in kind].index(run.name) + 1 :]
    return next((one for one in later if one.revision != run.revision), None)


def _of_its_kind(run: Run, runs: tuple[Run, ...]) -> list[Run]:
    return [one for one in runs if (one.pipeline, one.context) == (run.pipeline, run.context)]


def check_of(run: Run, overtaker: Run | None = None) -> Check:
    """The commit status of a run; of one that was cancelled, who came after it."""
    context = f"jx/{run.context or 'pipeline'}"
    match run.state:
        case RunState.SUCCEEDED:
            return Check(context, CheckState.SUCCESS, f"run #{run.build} succeeded")
        case RunState.FAILED:
            return Check(context, CheckState.FAILURE, find_failure(run)[:140])
        case RunState.CANCELLED | RunState.SKIPPED:
            words = f"run #{run.build} was cancelled"
            if overtaker is not None and (not run.stages or run.context == CHECK):
                words = f"overtaken by {overtaker.revision[:12]} (run #{overtaker.build})"
            return Check(context, CheckState.ERROR, words)
        case RunState.RUNNING:
            return Check(context, CheckState.PENDING, f"run #{run.build} goes on")
        case RunState.PENDING:
            return Check(context, CheckState.PENDING, f"run #{run.build} waits")
