"""Pipelines: what runs them, and the numbers of their builds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Protocol

from jx.domain.runs.run_choice import RunChoice
from jx.domain.runs.runs import LogLine, NewRun, Run


class Pipelines(Protocol):
    """An engine that runs pipelines: Tekton, or what stands in for it. Calls raise Unavailable and Forbidden."""

    def start(self, run: NewRun) -> Run:
        """Start a run; a run of that name that is there already is given back as it is, and nothing is started. An engine may
        call it by a name that it takes better; both names find it. Invalid and Refused where the engine will not have it."""
        ...

    def find(self, name: str) -> Run | None:
        """The run of that name."""
        ...

    def list_all(self) -> tuple[Run, ...]:
        """All runs that are there, those that others started too, oldest first."""
        ...

    def changes(self, *, within: timedelta) -> Iterator[Run | None]:
        """All runs, then each one as it changes, until `within` has passed; None for a while of silence."""
        ...

    def cancel(self, name: str) -> bool:
        """Have a run end soon; False where it has ended already. NotFound."""
        ...

    def remove(self, name: str) -> None:
        """Remove a run with its pods; one that is not there is no error."""
        ...

    def logs(self, run: Run, *, follow: bool = False) -> Iterator[LogLine]:
        """What its steps printed, in their order; with `follow` as it comes, until the run has ended. What is gone is left
        out."""
        ...


class BuildNumbers(Protocol):
    """Counters of builds. Calls raise Unavailable and Forbidden."""

    def next(self, pipeline: str, *, above: int = 0) -> int:
        """A number that was never given for this pipeline before, and is greater than all that were, and than `above`."""
        ...


class LogStore(Protocol):
    """Logs of runs whose pods are gone."""

    def read(self, choice: RunChoice) -> Iterator[LogLine]:
        """What the newest of the runs that are meant printed; NotFound, at the call, where nothing of it is kept."""
        ...
