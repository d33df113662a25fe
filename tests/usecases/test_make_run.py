"""A run that is made takes its number from the platform's counter where that is asked for, and from nobody otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from jx.adapters.git.folders import GitFolders
from jx.adapters.local.memory_pipelines import MemoryBuildNumbers
from jx.adapters.local.memory_repos import MemoryRepos
from jx.ports.pipelines import BuildNumbers
from jx.usecases.pipelines.make_run import MakeRun, MakeRunRequest
from jx.usecases.pipelines.read_pipeline import PipelineRequest, ReadPipeline
from jx.usecases.pipelines.resolve_pipeline import ResolvePipeline

FILE = """
buildPack: none
pipelineConfig:
  pipelines:
    default: {agent: {image: go}, stages: [{name: ship, steps: [{command: make}]}]}
"""


@pytest.fixture
def request_of_shop(tmp_path: Path) -> MakeRunRequest:
    (tmp_path / "jenkins-x.yml").write_text(FILE)
    where = PipelineRequest(folder=str(tmp_path))
    return MakeRunRequest(where, url="https://git.example.com/cheese/shop.git", branch="main")


def reading() -> ReadPipeline:
    return ReadPipeline(GitFolders(), ResolvePipeline(MemoryRepos()))


def test_numbers_of_the_counter_are_those_of_the_branch(request_of_shop: MakeRunRequest) -> None:
    numbers = MemoryBuildNumbers()
    numbers.next("cheese/shop/main")
    make = MakeRun(reading(), lambda: numbers)
    labels = [make(replace(request_of_shop, takes_number=True))["metadata"]["labels"] for _ in range(2)]
    assert [each["build"] for each in labels] == ["2", "3"]
    pulls = replace(request_of_shop, branch="", pull_refs=f"main:{'a' * 40},7:{'b' * 40}", takes_number=True)
    assert make(pulls)["metadata"]["name"] == "cheese-shop-pr-7-1"


def test_without_the_counter_no_platform_is_asked(request_of_shop: MakeRunRequest) -> None:
    def none() -> BuildNumbers:
        raise AssertionError("nobody is to be asked")

    assert MakeRun(reading(), none)(request_of_shop)["metadata"]["labels"]["build"] == "1"
