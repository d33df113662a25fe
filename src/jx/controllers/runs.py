"""Runs: what an engine says of them is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from jx.controllers.environments import PlatformReader
from jx.domain.platforms import verifying
from jx.domain.runs import verification_runs
from jx.domain.runs.runs import RunState
from jx.ports.pipelines import Pipelines
from jx.usecases.runs.clear_records import ClearRecords
from jx.usecases.runs.record_runs import RecordRuns

KEY = "runs"
"""The one key of all runs: a look is at all of them."""
RECORDS = "records"
"""That of all records."""


@dataclass
class RunsController:
    """Records runs whenever anything happened to one, or to a repository that may have some."""

    platform: PlatformReader
    record: RecordRuns

    def list_keys(self) -> Iterable[str]:
        return [KEY]

    def look(self, key: str) -> None:
        if key != KEY:
            return
        # As last read: a repository that is gone keeps nobody from recording how its runs ended.
        repos = {repo.full_name: repo for repo in self.platform.known_repos()}
        self.record(repos, keep=self.platform.requirements().keep_runs)


@dataclass
class RecordsController:
    """Clears records away that are more than the platform keeps."""

    platform: PlatformReader
    clear: ClearRecords

    def list_keys(self) -> Iterable[str]:
        return [RECORDS]

    def look(self, key: str) -> None:
        if key == RECORDS:
            self.clear(keep=self.platform.requirements().keep_activities)


@dataclass
class RunSignals:
    """Whatever happens to a run is a signal to record it; its end is one to look at its repository, where something may have
    waited for that."""

    pipelines: Pipelines

    def listen(self, *, within: timedelta) -> Iterator[str]:
        """Keys from now on."""
        told: set[tuple[str, RunState]] = set()
        for run in self.pipelines.changes(within=within):
            if run is not None:
                if number := verification_runs.number_of(run):
                    if (run.name, run.state) not in told:
                        yield verifying.key_of(number)
                    told.add((run.name, run.state))
                    continue
                yield KEY
                if not run.state.is_open:
                    yield f"repo:{run.repo_name}"
