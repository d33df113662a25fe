"""A comment ends the runs of its pull request that had begun, and no others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.journeys import ANN, World, installed

from jx.adapters.local.memory_pipelines import MemoryPipelines
from jx.domain.runs.runs import NewRun
from jx.usecases.runs.cancel_checks import CancelChecks

NAME = "team/environment-acme-dev"


@pytest.fixture
def world() -> World:
    """One with a pull request, #1."""
    world = installed()
    world.process(ANN).add_app("redis")
    return world


def said(world: World) -> list[str]:
    return [one.body for one in world.pull().comments if one.key == "jx-answer-cancel"]


def test_runs_of_that_pull_request_that_had_begun_are_told_to_end_once(world: World) -> None:
    pipelines, repo = MemoryPipelines(), world.repo()
    one, other, main = (
        pipelines.start(NewRun(name, f"{NAME}/{name}", 4, {})) for name in ("PR-1", "PR-12", "master")
    )
    assert one.created is not None
    cancel = CancelChecks(world.forge, world.reporter, pipelines)
    assert cancel(repo, 1, []) == 0
    assert said(world) == []
    assert cancel(repo, 1, [one.created - timedelta(seconds=1)]) == 0
    assert said(world) == ["There was no run to end.\n"]
    assert [cancel(repo, 1, [one.created + timedelta(hours=1)]) for _ in range(2)] == [1, 0]
    assert said(world) == ["Ended: run #4.\n"]
    open_ones = {run.name for run in pipelines.list_all() if run.state.is_open}
    assert open_ones == {other.name, main.name}


def test_where_nothing_runs_pipelines_that_is_the_answer(world: World) -> None:
    assert CancelChecks(world.forge, world.reporter)(world.repo(), 1, [world.clock.now()]) == 0
    assert said(world) == ["Nothing runs pipelines here, so there is no run to end.\n"]
