"""With an engine, a merge is applied by exactly one run of the environment's pipeline, and never by the controllers."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from tests.support.engine import Engine
from tests.support.faults import Fault, Faults
from tests.support.fuses import Crash
from tests.support.interruptions import is_change
from tests.support.journeys import ANN, BOB, BOT, DEV, World, installed, key_for, merged

from jx.domain.changes.changes import Check, CheckState
from jx.domain.errors import Invalid
from jx.domain.names import Revision
from jx.domain.objects.manifests import ObjectRef
from jx.domain.runs.activities import ActivityStatus
from jx.domain.runs.runs import NewRun, RunStage, RunState, RunStep

REDIS = ObjectRef("apps", "StatefulSet", "jx", "jenkins-x-redis")


@pytest.fixture
def engine() -> Engine:
    return Engine(installed())


def merge_app(world: World, app: str = "redis") -> Revision:
    pull = world.process(ANN).add_app(app)
    assert pull is not None
    return merged(world, pull.number)


def applies(world: World, revision: Revision) -> int:
    """How often the ledger says that a commit was applied."""
    return [one.trailers.get("Jx-Source-Commit", "") for one in world.ledger()].count(revision)


def starts(engine: Engine, revision: Revision) -> int:
    return [run.revision for run in engine.pipelines.started].count(revision)


def test_a_merge_is_one_run_which_applies_it_once(engine: Engine) -> None:
    world = engine.world
    revision = merge_app(world)
    engine.settle()
    assert starts(engine, revision) == 1
    assert world.cluster.find(REDIS) is None, "the controllers applied by themselves"
    engine.work()
    engine.settle()
    assert world.cluster.find(REDIS)
    assert (starts(engine, revision), applies(world, revision)) == (1, 1)


def test_doubled_webhooks_and_restarts_of_the_controllers_are_one_apply(engine: Engine) -> None:
    world = engine.world
    revision = merge_app(world)
    receiver = world.process(BOT).receiver
    for _ in range(3):
        controllers = engine.controllers()
        assert [world.deliver(receiver) for _ in range(5)] == [202] * 5
        controllers.work_off(world.clock.now())
    engine.work()
    for _ in range(3):
        world.deliver(receiver)
        engine.settle()
    assert (starts(engine, revision), applies(world, revision)) == (1, 1)


def test_controllers_that_die_at_any_call_and_are_started_anew_start_one_run(engine: Engine) -> None:
    world = engine.world
    revision = merge_app(world)
    dry = Faults()
    trial = Engine(world.copy())
    trial.controllers(dry).work(patience=timedelta(seconds=1))
    calls = [n for n, call in enumerate(dry.calls, 1) if is_change(*call)]
    assert len(calls) >= 4
    # A crash before a call is one after the last that changed anything, or before the first.
    points = [(calls[0], Fault.CRASH_BEFORE), *((n, Fault.CRASH_AFTER) for n in calls)]
    for at, fault in points:
        one = Engine(world.copy())
        with contextlib.suppress(Crash):
            one.controllers(Faults(at, fault)).work(patience=timedelta(seconds=1))
        one.settle()
        one.work()
        one.settle()
        assert (starts(one, revision), applies(one.world, revision)) == (1, 1), dry.calls[at - 1]


def test_two_controllers_at_once_start_one_run(engine: Engine) -> None:
    world = engine.world
    revision = merge_app(world)
    dry = Faults()
    Engine(world.copy()).controllers(dry).work(patience=timedelta(seconds=1))
    for at in range(1, len(dry.calls) + 1, 3):
        one = Engine(world.copy())
        faults = Faults(at)
        faults.meddle = one.settle
        one.controllers(faults).work(patience=timedelta(seconds=1))
        one.work()
        one.settle()
        assert (starts(one, revision), applies(one.world, revision)) == (1, 1), dry.calls[at - 1]
        numbers = [run.build for run in one.pipelines.started]
        assert len(numbers) == len(set(numbers))


def test_a_run_has_what_its_steps_need_and_no_secret_in_it(engine: Engine) -> None:
    merge_app(engine.world)
    engine.settle()
    (run,) = engine.pipelines.started
    (task,) = run.spec["pipelineSpec"]["tasks"]
    assert run.spec["taskRunTemplate"]["serviceAccountName"] == "jx-controllers"
    assert run.labels["jenkins.io/pipelineKind"] == "release"
    assert "jx step env apply" in str(task["taskSpec"]["steps"])
    env = {one["name"]: one for one in task["taskSpec"]["stepTemplate"]["env"]}
    assert env["JX_ENVIRONMENT"]["value"] == "dev"
    assert env["JX_GIT_TOKEN"]["valueFrom"]["secretKeyRef"] == {"name": "jx-git", "key": "token"}
    assert run.pipeline == "team/environment-acme-dev/master"


def test_a_newer_merge_waits_for_the_run_that_goes_on_and_overtakes_one_that_waits(engine: Engine) -> None:
    world = engine.world
    merge_app(world)
    engine.settle()
    first = engine.begin(engine.pipelines.list_all()[0])
    merge_app(world, "shop")
    engine.settle()
    assert len(engine.pipelines.started) == 1
    engine.apply(first)
    engine.end(first)
    engine.settle()
    second = engine.pipelines.list_all()[-1]
    assert second.state is RunState.PENDING
    newest = world.push(world.tree().put("README.md", "x\n"), "Say more")
    engine.settle()
    assert engine.pipelines.list_all()[1].state is RunState.CANCELLED
    engine.work()
    engine.settle()
    assert world.anchor().applied.source.revision == newest  # type: ignore[union-attr]
    assert len(engine.pipelines.started) == 3


def test_ten_pushes_in_a_second_are_one_run_of_the_newest(engine: Engine) -> None:
    world = engine.world
    pushes = [world.push(world.tree().put("README.md", f"{n}\n"), f"Say {n}") for n in range(10)]
    receiver = world.process(BOT).receiver
    controllers = engine.controllers()
    for _ in pushes:
        world.deliver(receiver)
    controllers.work_off(world.clock.now())
    engine.work()
    engine.settle()
    assert [run.revision for run in engine.pipelines.started] == [pushes[-1]]
    assert applies(world, pushes[-1]) == 1
    words = f"overtaken by {pushes[-1][:12]}, which holds it"
    for revision in pushes[:-1]:
        assert world.status(revision) == Check("jx/apply", CheckState.ERROR, words)


def test_the_commit_of_a_run_that_made_room_is_told_who_came_after_it(engine: Engine) -> None:
    world = engine.world
    first = world.push(world.tree().put("README.md", "1\n"), "Say 1")
    engine.settle()
    second = world.push(world.tree().put("README.md", "2\n"), "Say 2")
    engine.settle()
    words = f"overtaken by {second[:12]} (run #{engine.pipelines.started[-1].build})"
    assert world.status(first) == Check("jx/apply", CheckState.ERROR, words)


def test_a_run_that_somebody_stopped_is_told_as_that(engine: Engine) -> None:
    world = engine.world
    first = world.push(world.tree().put("README.md", "1\n"), "Say 1")
    engine.settle()
    (run,) = engine.pipelines.list_all()
    engine.begin(run)
    engine.end(run, RunState.CANCELLED)
    engine.settle()
    assert world.status(first) == Check("jx/apply", CheckState.ERROR, f"run #{run.build} was cancelled")


def test_runs_that_others_started_are_recorded_too(engine: Engine) -> None:
    engine.pipelines.start(NewRun("build-abc12", "build-abc12", 1, {"pipelineSpec": {}}))
    engine.settle()
    (record,) = [one for one in engine.world.activities.list_all() if one.pipeline == "build-abc12"]
    assert record.status is ActivityStatus.PENDING


def test_a_run_that_failed_is_not_started_again_by_itself(engine: Engine) -> None:
    world = engine.world
    revision = merge_app(world)
    engine.settle()
    engine.end(engine.pipelines.list_all()[0], RunState.FAILED, "no chart")
    engine.settle()
    engine.settle()
    assert starts(engine, revision) == 1
    check = world.status(revision)
    assert check is not None
    assert (check.state, check.description) == (CheckState.FAILURE, "no chart")


def test_a_held_environment_has_no_run_until_the_hold_ends_and_then_one_more(engine: Engine) -> None:
    world = engine.world
    before = world.tree()
    revision = merge_app(world)
    engine.settle()
    engine.work()
    world.process(BOB).apply_by_hand(before)
    engine.settle()
    assert starts(engine, revision) == 1
    world.process(BOB).end_hold(DEV)
    engine.settle()
    engine.work()
    engine.settle()
    assert (starts(engine, revision), applies(world, revision)) == (2, 2)


def test_runs_are_recorded_with_their_state_and_the_forge_is_told(engine: Engine) -> None:
    world = engine.world
    revision = merge_app(world)
    engine.settle()
    check = world.status(revision)
    assert check is not None
    assert check.state is CheckState.PENDING
    engine.work()
    engine.settle()
    (record,) = [one for one in world.activities.list_all() if one.revision == revision]
    assert record.status is ActivityStatus.SUCCEEDED
    assert record.author
    check = world.status(revision)
    assert check is not None
    assert check.state is CheckState.SUCCESS


def test_a_run_is_recorded_while_the_forge_is_down_which_is_told_later(engine: Engine) -> None:
    world = engine.world
    revision = merge_app(world)
    engine.settle()
    engine.work()
    world.down["forge"].is_down = True
    controllers = engine.controllers()
    controllers.controller.look("runs")
    (record,) = [one for one in world.activities.list_all() if one.revision == revision]
    assert record.status is ActivityStatus.SUCCEEDED
    assert (record.steps[-1].name, record.steps[-1].description) == ("tell the forge", "the server is down")
    world.down["forge"].is_down = False
    engine.settle()  # by controllers that were started anew
    check = world.status(revision)
    assert check is not None
    assert check.state is CheckState.SUCCESS
    (record,) = [one for one in world.activities.list_all() if one.revision == revision]
    assert "tell the forge" not in [step.name for step in record.steps]


def test_how_a_run_ended_is_recorded_though_its_repository_is_gone(engine: Engine) -> None:
    world = engine.world
    revision = merge_app(world)
    controllers = engine.controllers()
    controllers.work(patience=timedelta(seconds=30))
    world.down["git"].is_down = True
    engine.end(engine.pipelines.list_all()[0], RunState.FAILED, "there is no such repository")
    controllers.controller.look("runs")
    (record,) = [one for one in world.activities.list_all() if one.revision == revision]
    assert record.status is ActivityStatus.FAILED


def test_a_pipeline_that_cannot_be_run_is_told_once_and_looked_at_again_when_the_branch_moves(
    engine: Engine,
) -> None:
    world = engine.world
    good = world.tree()
    broken = world.push(good.put("jenkins-x.yml", "pipelineConfig: {pipelines: {releese: {}}}\n"), "Break it")
    controllers = engine.controllers()
    controllers.work(patience=timedelta(minutes=1))
    engine.settle()
    assert [type(error) for error in controllers.errors] == [Invalid]
    check = world.status(broken)
    assert check is not None
    assert check.state is CheckState.FAILURE
    assert "releese" in check.description
    (record,) = [one for one in world.activities.list_all() if one.revision == broken]
    assert record.status is ActivityStatus.FAILED
    mended = world.push(good.put("README.md", "x\n"), "Mend it")
    controllers.work(patience=timedelta(minutes=1))
    assert starts(engine, mended) == 1


def test_old_runs_go_and_their_records_stay(engine: Engine) -> None:
    world, engine.keep = engine.world, 3
    for number in range(6):
        world.push(world.tree().put("README.md", f"{number}\n"), f"Say {number}")
        engine.settle()
        engine.work()
    engine.settle()
    assert [run.message for run in engine.pipelines.list_all()] == ["Say 3", "Say 4", "Say 5"]
    assert len([one for one in world.activities.list_all() if "Say" in one.message]) == 6


def look(engine: Engine) -> None:
    """The controllers look at dev, once."""
    engine.controllers().environments.look(key_for(engine.world))


def fail(engine: Engine, step: str, code: int) -> None:
    """The newest run ends with a step that failed so."""
    failed = RunStep(step, RunState.FAILED, words=f"exit code {code}", code=code)
    stage = RunStage("environment", RunState.FAILED, steps=(failed,))
    name = engine.pipelines.started[-1].name
    engine.pipelines.tell(name, RunState.FAILED, completed=engine.world.clock.now(), stages=(stage,))


@pytest.mark.parametrize(("step", "code"), [("env-apply", 10), ("env-apply", 137), ("git-clone", 128)])
def test_what_failed_by_something_that_passes_is_tried_again_after_a_longer_while_each_time(
    engine: Engine, step: str, code: int
) -> None:
    world = engine.world
    revision = merge_app(world)
    engine.settle()
    for number, seconds in enumerate((10, 20, 40), 1):
        fail(engine, step, code)
        look(engine)
        assert starts(engine, revision) == number, "it was tried again at once"
        world.clock.move(timedelta(seconds=seconds))
        look(engine)
        assert starts(engine, revision) == number + 1
    engine.work()
    engine.settle()
    assert applies(world, revision) == 1


def test_what_failed_by_its_own_fault_is_started_again_by_a_person_alone(engine: Engine) -> None:
    world, environment = engine.world, engine.world.environments[DEV]
    revision = merge_app(world)
    engine.settle()
    fail(engine, "env-apply", 1)
    world.clock.move(timedelta(hours=1))
    engine.settle()
    assert starts(engine, revision) == 1
    use_case = engine.use_case(world.process(BOT))
    assert use_case.start_again(environment)
    assert use_case.start_again(environment) is None, "one goes on"
    engine.work()
    assert use_case.start_again(environment) is None, "it is applied"
    assert starts(engine, revision) == 2
