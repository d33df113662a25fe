"""Old records go where the platform says how many stay; never what is open, the newest, or what has its run still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jx.adapters.local.memory_pipelines import MemoryPipelines
from jx.adapters.local.memory_records import MemoryActivities, MemoryReporter
from jx.domain.errors import Invalid
from jx.domain.layouts.requirements import read_requirements
from jx.domain.layouts.sections import Mistakes
from jx.domain.runs.activities import Activity, ActivityStatus
from jx.domain.runs.runs import NewRun, RunState
from jx.domain.trees import Tree
from jx.usecases.runs.clear_records import ClearRecords

AT = datetime(2026, 1, 1, tzinfo=UTC)


def recorded(*states: ActivityStatus, pipeline: str = "acme/shop/main") -> list[Activity]:
    """Records, oldest first."""
    name = pipeline.replace("/", "-")
    return [
        Activity(f"{name}-{number}", pipeline, str(number), state, started=AT + timedelta(minutes=number))
        for number, state in enumerate(states, 1)
    ]


def left(keep: int | None, records: list[Activity], pipelines: MemoryPipelines | None = None) -> list[str]:
    activities = MemoryActivities()
    for one in records:
        activities.save(one)
    clear = ClearRecords(activities, MemoryReporter(), pipelines)
    removed = clear(keep=keep)
    assert clear(keep=keep) == 0
    assert removed == len(records) - len(activities.list_all())
    return [one.name for one in activities.list_all()]


DONE, OPEN, SKIPPED = ActivityStatus.SUCCEEDED, ActivityStatus.RUNNING, ActivityStatus.NOT_EXECUTED


def test_the_newest_of_each_pipeline_stay() -> None:
    records = recorded(DONE, DONE, SKIPPED, DONE) + recorded(DONE, pipeline="acme/shop/PR-1")
    assert left(2, records) == ["acme-shop-PR-1-1", "acme-shop-main-3", "acme-shop-main-4"]


def test_all_stay_where_nothing_is_said() -> None:
    assert len(left(None, recorded(*[DONE] * 30))) == 30


def test_what_is_open_stays_however_old() -> None:
    assert left(1, recorded(OPEN, DONE, DONE)) == ["acme-shop-main-1", "acme-shop-main-3"]


def test_the_record_of_a_run_that_is_still_there_stays() -> None:
    pipelines = MemoryPipelines()
    pipelines.start(NewRun("first", "acme/shop/main", 1, {}))
    pipelines.tell("first", RunState.SUCCEEDED)
    assert left(1, recorded(DONE, DONE, DONE), pipelines) == ["acme-shop-main-1", "acme-shop-main-3"]


@pytest.mark.parametrize("text", ["keepRuns: 0", "keepActivities: many", "keepRun: 3"])
def test_a_number_that_is_none_is_told_with_its_line(text: str) -> None:
    mistakes = Mistakes()
    read_requirements(Tree().put("jx-requirements.yml", f"pipelines:\n  {text}\n"), mistakes)
    with pytest.raises(Invalid) as caught:
        mistakes.check("mistakes")
    assert [problem.line for problem in caught.value.problems] == [2]
