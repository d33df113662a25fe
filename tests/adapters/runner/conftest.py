"""A cluster in which PipelineRuns are run, one for all tests of a module, its runs told apart by name."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from tests.support.runner import RunnerWorld, running_runner_world

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerWorld]:
    folder = tmp_path_factory.mktemp("cluster")
    folder.chmod(0o700)
    with running_runner_world(folder) as world, world.runner():
        yield world


@pytest.fixture
def world(shared: RunnerWorld) -> RunnerWorld:
    return shared


@pytest.fixture
def name() -> str:
    """The name of a run that no other test has."""
    return f"run-{next(_numbers)}"
