"""Show logs: of the run that is meant, from its pods, or from where they are kept when those are gone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from jx.domain.errors import NotFound, Unavailable
from jx.domain.runs.run_choice import RunChoice, choose_run
from jx.domain.runs.runs import LogLine, Run
from jx.ports.clock import Clock
from jx.ports.pipelines import LogStore, Pipelines

_LOOK_EVERY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class ShowLogsRequest:
    """Whose logs; `wait` for a run that is not there yet, up to that time."""

    choice: RunChoice
    follow: bool = True
    wait: timedelta = field(default_factory=timedelta)


@dataclass(frozen=True, slots=True)
class ShownLogs:
    """The lines, as they come. `run` is None where its pods are gone."""

    lines: Iterator[LogLine]
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class ShowLogs:
    """Reads only."""

    pipelines: Pipelines
    store: LogStore
    clock: Clock

    def __call__(self, request: ShowLogsRequest) -> ShownLogs:
        """The logs of the newest run that is meant; NotFound."""
        end = self.clock.elapsed() + request.wait
        while True:
            try:
                return self._find(request)
            except NotFound:
                if self.clock.elapsed() >= end or self.clock.wait(_LOOK_EVERY):
                    raise

    def _find(self, request: ShowLogsRequest) -> ShownLogs:
        try:
            runs = self.pipelines.list_all()
        except Unavailable:
            return ShownLogs(self.store.read(request.choice))
        try:
            run = choose_run(runs, request.choice)
        except NotFound as error:
            try:
                return ShownLogs(self.store.read(request.choice))
            except NotFound:
                raise error from None
        return ShownLogs(self._lines(run, follow=request.follow), run)

    def _lines(self, run: Run, *, follow: bool) -> Iterator[LogLine]:
        """What its pods have, and then what is kept of those that are gone: somebody may have deleted a pod of a run."""
        told = set()
        for line in self.pipelines.logs(run, follow=follow):
            told.add(line.stage)
            yield line
        silent = {stage.name for stage in run.stages if stage.pod} - told
        if not silent:
            return
        choice = RunChoice(run.pipeline, build=run.build, context=run.context)
        with contextlib.suppress(NotFound):
            yield from (line for line in self.store.read(choice) if line.stage in silent)
