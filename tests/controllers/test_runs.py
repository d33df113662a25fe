"""What runs tell: each change is recorded, and only an end is a reason to look at a repository."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from jx.adapters.local.memory_pipelines import MemoryPipelines
from jx.controllers.runs import KEY, RunSignals
from jx.domain.runs.runs import Run, RunState

RUN = Run(name="acme-dev-1", pipeline="acme/dev/master", build="1", state=RunState.PENDING)


class Changing(MemoryPipelines):
    """An engine in which a run has just changed."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def changes(self, *, within: timedelta) -> Iterator[Run | None]:
        yield None
        yield self._run


def heard(state: RunState) -> list[str]:
    return list(RunSignals(Changing(replace(RUN, state=state))).listen(within=timedelta()))


@pytest.mark.parametrize("state", [RunState.PENDING, RunState.RUNNING])
def test_a_run_that_goes_on_is_recorded(state: RunState) -> None:
    assert heard(state) == [KEY]


@pytest.mark.parametrize("state", [one for one in RunState if not one.is_open])
def test_a_run_that_has_ended_is_recorded_and_its_repository_looked_at(state: RunState) -> None:
    assert heard(state) == [KEY, "repo:acme/dev"]
