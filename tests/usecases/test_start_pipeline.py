"""People start an environment's pipeline once more, stop runs, and read logs, of runs that are gone too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests.support.engine import SETUP, Engine
from tests.support.journeys import ANN, World, installed

from jx.domain.errors import NotFound, Refused, Usage
from jx.domain.names import Repo
from jx.domain.pipelines.syntax import PipelineKind
from jx.domain.runs.run_choice import RunChoice, not_found
from jx.domain.runs.runs import LogLine, RunStage, RunState
from jx.domain.trees import Tree
from jx.ports.repos import Draft
from jx.usecases.pipelines.resolve_pipeline import ResolvePipeline
from jx.usecases.runs.run_application import RunApplication, RunWishes
from jx.usecases.runs.show_logs import ShowLogs, ShowLogsRequest
from jx.usecases.runs.start_pipeline import StartPipeline, StopPipeline

DEV = "team/environment-acme-dev/master"


class Store:
    """Keeps the log of one run."""

    def read(self, choice: RunChoice) -> Iterator[LogLine]:
        if choice.build != "1":
            raise not_found((), choice)
        return iter([LogLine("build", "say", "kept")])


@pytest.fixture
def engine() -> Engine:
    return Engine(installed())


def start(engine: Engine) -> StartPipeline:
    process = engine.world.process(ANN)
    resolve = ResolvePipeline(process.repos)
    application = RunApplication(
        process.repos, engine.pipelines, engine.numbers, process.activities, resolve, SETUP
    )
    return StartPipeline(process.propose_change, engine.pipelines, engine.use_case(process), application)


def world_of(engine: Engine) -> World:
    return engine.world


@pytest.mark.parametrize("word", ["dev", DEV])
def test_a_run_for_the_head_is_started_with_a_number_of_its_own(engine: Engine, word: str) -> None:
    world = world_of(engine)
    run = start(engine)(world.at, word)
    assert (run.pipeline, run.revision) == (DEV, world.head())
    engine.end(run)
    again = start(engine)(world.at, word)
    assert again.name != run.name
    assert int(again.build) > int(run.build)


def test_no_second_run_is_started_while_one_goes_on(engine: Engine) -> None:
    world = world_of(engine)
    run = start(engine)(world.at, "dev")
    with pytest.raises(Refused, match=f"run #{run.build} of dev goes on"):
        start(engine)(world.at, "dev")


def test_what_is_no_environments_pipeline_cannot_be_started(engine: Engine) -> None:
    with pytest.raises(NotFound) as caught:
        start(engine)(world_of(engine).at, "acme/shop/main")
    assert DEV in caught.value.hint
    assert "there is no repository acme/shop" in caught.value.message
    with pytest.raises(NotFound, match="shop is no environment's pipeline"):
        start(engine)(world_of(engine).at, "shop")


FILE = """
buildPack: none
pipelineConfig:
  pipelines:
    release:
      pipeline:
        options: {podLabels: {team: brie}}
        stages: [{name: build, agent: {image: go}, steps: [{command: make}]}]
    feature: {pipeline: {agent: {image: go}, stages: [{name: try, steps: [{command: make try}]}]}}
"""


def an_application(world: World) -> Repo:
    repo = world.repos.create(world.at.repo.sibling("acme/shop"))
    world.repos.write(
        repo, "main", base=None, draft=Draft(Tree().put("jenkins-x.yml", FILE), "feat: begin", ANN)
    )
    return repo


def test_an_application_is_run_as_its_file_says_with_no_rights_but_to_be_cloned(engine: Engine) -> None:
    world = world_of(engine)
    repo = an_application(world)
    runs = [start(engine)(world.at, "acme/shop/main") for _ in range(2)]
    assert [run.build for run in runs] == ["1", "2"]
    assert {(run.pipeline, run.revision) for run in runs} == {
        ("acme/shop/main", world.repos.head(repo, "main"))
    }
    made = engine.pipelines.started[-1]
    assert made.spec["taskRunTemplate"]["serviceAccountName"] == "default"
    assert (made.labels["team"], made.message) == ("brie", "feat: begin")
    clone, make = made.spec["pipelineSpec"]["tasks"][0]["taskSpec"]["steps"]
    assert "secretKeyRef" in str(clone["env"])
    assert "secretKeyRef" not in str(make)


def test_people_choose_which_pipeline_of_an_application_runs_and_how(engine: Engine) -> None:
    world = world_of(engine)
    an_application(world)
    wishes = RunWishes(
        PipelineKind.FEATURE, env={"LEVEL": "debug"}, labels={"why": "trial"}, account="builder"
    )
    start(engine)(world.at, "acme/shop/main", wishes)
    made = engine.pipelines.started[-1]
    (task,) = made.spec["pipelineSpec"]["tasks"]
    assert task["name"] == "try"
    assert {"name": "LEVEL", "value": "debug"} in task["taskSpec"]["steps"][-1]["env"]
    assert (made.labels["why"], made.spec["taskRunTemplate"]["serviceAccountName"]) == ("trial", "builder")
    with pytest.raises(NotFound, match="has no branch gone"):
        start(engine)(world.at, "acme/shop/gone")
    with pytest.raises(Usage, match="environment's pipeline"):
        start(engine)(world.at, "dev", wishes)


def test_a_run_that_goes_on_is_stopped_and_one_that_has_ended_is_not(engine: Engine) -> None:
    run = start(engine)(world_of(engine).at, "dev")
    stopped = StopPipeline(engine.pipelines)(RunChoice(DEV))
    assert stopped.name == run.name
    found = engine.pipelines.find(run.name)
    assert found is not None
    assert found.state is RunState.CANCELLED
    with pytest.raises(Refused, match="has ended"):
        StopPipeline(engine.pipelines)(RunChoice(DEV))


def test_logs_come_from_the_pods_or_from_where_they_are_kept(engine: Engine) -> None:
    run = start(engine)(world_of(engine).at, "dev")
    engine.pipelines.print(run.name, LogLine("environment", "clone", "cloned"))
    show = ShowLogs(engine.pipelines, Store(), engine.world.clock)
    shown = show(ShowLogsRequest(RunChoice(DEV)))
    assert [line.text for line in shown.lines] == ["cloned"]
    engine.pipelines.remove(run.name)
    kept = show(ShowLogsRequest(RunChoice(DEV, build="1")))
    assert (kept.run, [line.text for line in kept.lines]) == (None, ["kept"])


def test_what_is_kept_of_a_pod_that_somebody_deleted_is_shown_with_the_rest(engine: Engine) -> None:
    run = start(engine)(world_of(engine).at, "dev")
    engine.pipelines.print(run.name, LogLine("environment", "clone", "cloned"))
    stages = tuple(RunStage(name, RunState.SUCCEEDED, pod=f"{name}-pod") for name in ("build", "environment"))
    engine.pipelines.tell(run.name, RunState.SUCCEEDED, stages=stages)
    show = ShowLogs(engine.pipelines, Store(), engine.world.clock)
    lines = [(line.stage, line.text) for line in show(ShowLogsRequest(RunChoice(DEV))).lines]
    assert lines == [("environment", "cloned"), ("build", "kept")]


def test_a_run_that_is_not_there_is_waited_for_as_long_as_was_said(engine: Engine) -> None:
    show = ShowLogs(engine.pipelines, Store(), engine.world.clock)
    before = engine.world.clock.elapsed()
    with pytest.raises(NotFound):
        show(ShowLogsRequest(RunChoice(DEV, build="9"), wait=timedelta(seconds=5)))
    assert engine.world.clock.elapsed() - before >= timedelta(seconds=5)
