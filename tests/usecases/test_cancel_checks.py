"""A comment ends the runs of its pull request that had begun, and no others."""

from __future__ import annotations

from datetime import timedelta

from tests.support.proposing import Heard

from jx.adapters.local.memory_pipelines import MemoryPipelines
from jx.domain.names import Repo
from jx.domain.runs import NewRun
from jx.usecases.cancel_checks import CancelChecks

REPO = Repo("https://git.example.com/team/dev.git")


def test_runs_of_that_pull_request_that_had_begun_are_told_to_end_once() -> None:
    pipelines = MemoryPipelines()
    one, other, main = (
        pipelines.start(NewRun(name, f"team/dev/{name}", 1, {})) for name in ("PR-1", "PR-12", "master")
    )
    assert one.created is not None
    cancel = CancelChecks(pipelines, Heard())
    assert cancel(REPO, 1, []) == 0
    assert cancel(REPO, 1, [one.created - timedelta(seconds=1)]) == 0
    assert [cancel(REPO, 1, [one.created + timedelta(hours=1)]) for _ in range(2)] == [1, 0]
    open_ones = {run.name for run in pipelines.list_all() if run.state.is_open}
    assert open_ones == {other.name, main.name}
