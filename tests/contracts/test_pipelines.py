"""The contract of `ports.pipelines`, held to every adapter: in memory, and Tekton's objects with the embedded runner behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pytest
from tests.support.embedded import CLUSTERS, GROUP, api_of, embedded_api, fresh_name, real_api
from tests.support.runner import RunnerWorld, running_runner_world, task

from jx.adapters.kubernetes.anchors import ensure_namespace
from jx.adapters.kubernetes.build_numbers import KubernetesBuildNumbers
from jx.adapters.local.memory_pipelines import MemoryBuildNumbers, MemoryPipelines
from jx.adapters.tekton.pipelines import TektonPipelines
from jx.domain.errors import NotFound
from jx.domain.runs.runs import LogLine, NewRun, Run, RunStage, RunState, RunStep
from jx.ports.pipelines import BuildNumbers, Pipelines

__all__ = ["embedded_api", "real_api"]

pytestmark = GROUP
PATIENCE = timedelta(seconds=60)


@dataclass
class Engine:
    """Pipelines, and how what was started comes to its end there."""

    pipelines: Pipelines
    end: Callable[[str], None]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerWorld]:
    folder = tmp_path_factory.mktemp("cluster")
    folder.chmod(0o700)
    with running_runner_world(folder) as world, world.runner():
        yield world


@pytest.fixture(params=["memory", "embedded"])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "memory":
        memory = MemoryPipelines()

        def end(name: str) -> None:
            step = RunStep("say", RunState.SUCCEEDED, container="step-say")
            stages = (RunStage("first", RunState.SUCCEEDED, steps=(step,), pod="p"),)
            memory.print(
                name,
                LogLine("first", "say", "hello"),
                LogLine("first", "say", ""),
                LogLine("first", "say", "bye"),
            )
            memory.tell(name, RunState.SUCCEEDED, stages=stages)

        return Engine(memory, end)
    world: RunnerWorld = request.getfixturevalue("world")
    return Engine(TektonPipelines(world.client, namespace="default"), lambda name: None)


def a_run(name: str = "", *, script: str = "printf 'hello\\n\\nbye'", build: int = 1) -> NewRun:
    body = task("first", script)
    body["taskSpec"]["steps"][0]["name"] = "say"
    return NewRun(
        name=name or fresh_name("acme-shop-main"),
        pipeline="acme/shop/main",
        build=build,
        spec={"pipelineSpec": {"tasks": [body]}},
        context="apply",
        revision="a" * 40,
        author="Ann Lee",
        message="feat: a",
        git_url="https://git.example.com/acme/shop.git",
        pull_url="https://git.example.com/acme/shop/pulls/3",
    )


def ended(engine: Engine, name: str) -> Run:
    engine.end(name)
    for run in engine.pipelines.changes(within=PATIENCE):
        if run and run.name == name and not run.state.is_open:
            return run
    raise AssertionError(f"{name} does not end: {engine.pipelines.find(name)}")


def test_a_run_is_what_it_was_started_as(engine: Engine) -> None:
    new = a_run()
    run = engine.pipelines.start(new)
    told = (run.name, run.pipeline, run.build, run.context, run.revision, run.author, run.message)
    assert told == (new.name, "acme/shop/main", "1", "apply", "a" * 40, "Ann Lee", "feat: a")
    assert (run.git_url, run.pull_url) == (new.git_url, new.pull_url)
    assert run.state is RunState.PENDING
    assert run.repo_name == "acme/shop"
    found = engine.pipelines.find(new.name)
    assert found is not None
    assert found.name == new.name


def test_starting_twice_is_starting_once(engine: Engine) -> None:
    new = a_run()
    engine.pipelines.start(new)
    ended(engine, new.name)
    again = engine.pipelines.start(new)
    assert again.state is RunState.SUCCEEDED
    assert [run.name for run in engine.pipelines.list_all()].count(new.name) == 1


def test_a_run_is_found_by_what_it_was_asked_for_however_the_engine_calls_it(engine: Engine) -> None:
    asked = f"{fresh_name('acme')}/shop#3@{'a' * 40}+1"
    run, other = (engine.pipelines.start(a_run(name)) for name in (asked, asked + "1"))
    found = [engine.pipelines.find(name) for name in (asked, run.name)]
    assert [one.name for one in found if one] == [run.name, run.name]
    assert engine.pipelines.start(a_run(asked)).name == run.name
    assert other.name != run.name


def test_a_run_that_has_ended_tells_its_stages_steps_and_logs(engine: Engine) -> None:
    new = a_run()
    engine.pipelines.start(new)
    run = ended(engine, new.name)
    assert run.state is RunState.SUCCEEDED
    (stage,) = run.stages
    assert (stage.name, stage.state) == ("first", RunState.SUCCEEDED)
    assert [(step.name, step.state) for step in stage.steps] == [("say", RunState.SUCCEEDED)]
    lines = list(engine.pipelines.logs(run))
    assert lines == [LogLine("first", "say", text) for text in ("hello", "", "bye")]
    assert list(engine.pipelines.logs(run, follow=True)) == lines


def test_runs_are_listed_oldest_first(engine: Engine) -> None:
    names = [fresh_name("listed") for _ in range(3)]
    for build, name in enumerate(names, 1):
        engine.pipelines.start(a_run(name, build=build))
    assert [run.name for run in engine.pipelines.list_all() if run.name in names] == names


def test_a_run_that_goes_on_can_be_cancelled_once(engine: Engine) -> None:
    new = a_run(script="sleep 1000")
    engine.pipelines.start(new)
    assert engine.pipelines.cancel(new.name)
    for run in engine.pipelines.changes(within=PATIENCE):
        if run and run.name == new.name and not run.state.is_open:
            break
    assert run is not None
    assert run.state is RunState.CANCELLED
    assert not engine.pipelines.cancel(new.name)


def test_what_is_not_there_cannot_be_cancelled_but_removed(engine: Engine) -> None:
    with pytest.raises(NotFound):
        engine.pipelines.cancel("no-such-run")
    engine.pipelines.remove("no-such-run")
    assert engine.pipelines.find("no-such-run") is None


def test_a_removed_run_is_gone_with_its_logs(engine: Engine) -> None:
    new = a_run()
    engine.pipelines.start(new)
    ended(engine, new.name)
    engine.pipelines.remove(new.name)
    assert engine.pipelines.find(new.name) is None
    assert new.name not in [run.name for run in engine.pipelines.list_all()]


# Build numbers


@pytest.fixture(params=["memory", *CLUSTERS])
def numbers(request: pytest.FixtureRequest) -> BuildNumbers:
    if request.param == "memory":
        return MemoryBuildNumbers()
    api, namespace = api_of(request), fresh_name("jx")
    ensure_namespace(api, namespace)
    return KubernetesBuildNumbers(api, namespace=namespace)


def test_build_numbers_go_up_for_each_pipeline(numbers: BuildNumbers) -> None:
    assert [numbers.next("a/b/main"), numbers.next("a/b/main"), numbers.next("a/c/main")] == [1, 2, 1]
    assert numbers.next("a/b/main", above=10) == 11
    assert numbers.next("a/b/main", above=3) == 12


def test_a_build_number_is_never_given_twice(numbers: BuildNumbers) -> None:
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: numbers.next("a/b/main"), range(24)))
    assert sorted(given) == list(range(1, 25))
