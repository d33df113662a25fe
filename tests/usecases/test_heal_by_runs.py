"""With an engine, drift is healed by a run of the environment's pipeline: one for each drift, and no other for the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.support.engine import Engine
from tests.support.journeys import BOT, DEV, OLGA, World, installed

from jx.domain.objects.manifests import ObjectRef
from jx.domain.runs.runs import RunState
from jx.ports.repos import Draft
from jx.usecases.following.find_drift import FindDrift
from jx.usecases.following.watch_drift import WatchDrift

RECEIVER = ObjectRef("apps", "Deployment", "jx", "jx-webhooks")


@pytest.fixture
def engine() -> Engine:
    """A platform that heals drift, all of it applied by runs."""
    engine = Engine(installed())
    world, repo = engine.world, engine.world.repo(DEV)
    head = world.repos.head(repo, "master")
    assert head
    tree = world.repos.read(repo, head)
    settings = tree.text("jx-requirements.yml").replace("apply:\n", "apply:\n  drift: heal\n", 1)
    draft = Draft(tree.put("jx-requirements.yml", settings), "Heal drift", OLGA)
    world.repos.write(repo, "master", base=head, draft=draft)
    run_all(engine)
    return engine


def run_all(engine: Engine) -> None:
    engine.settle()
    engine.work()
    engine.settle()


def scale(world: World, replicas: int = 9) -> None:
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": RECEIVER.name, "namespace": RECEIVER.namespace},
    }
    world.cluster.put(body | {"spec": {"replicas": replicas}}, manager="kubectl-scale")


def replicas(world: World) -> Any:
    found = world.cluster.find(RECEIVER)
    assert found
    return found.body["spec"]["replicas"]


def watch(engine: Engine) -> None:
    """The controllers look once more, a while later."""
    engine.world.clock.move(timedelta(minutes=1))
    process = engine.world.process(BOT)
    find = FindDrift(process.cluster, process.anchors, process.repos)
    heal = engine.use_case(process)
    look = WatchDrift(find, heal, process.repos, process.clock, process.reporter)
    look(engine.world.environments[DEV], holder=process.holder)


def heals(engine: Engine) -> list[str]:
    """The runs that were started to heal."""
    return [run.name for run in engine.pipelines.started if run.message.startswith("Heal drift: ")]


def test_drift_is_healed_by_one_run_and_never_by_the_controllers(engine: Engine) -> None:
    world = engine.world
    scale(world)
    for _ in range(3):
        watch(engine)
    assert (len(heals(engine)), replicas(world)) == (1, 9)
    engine.work()
    assert replicas(world) == 1
    watch(engine)
    assert world.anchor().drift is None
    assert "drift is healed" in [one.trailers.get("Jx-Reason") for one in world.ledger()]


def test_what_drifts_once_more_later_has_a_run_of_its_own(engine: Engine) -> None:
    world = engine.world
    for number in (1, 2):
        scale(world)
        watch(engine)
        run_all(engine)
        watch(engine)
        assert (len(heals(engine)), replicas(world)) == (number, 1)


def test_what_comes_back_as_soon_as_it_is_healed_is_told_and_starts_no_loop(engine: Engine) -> None:
    world = engine.world
    for _ in range(4):
        scale(world)
        watch(engine)
        run_all(engine)
    assert (len(heals(engine)), replicas(world)) == (1, 9)
    assert "it came back" in world.reporter.text


def test_a_run_that_could_not_heal_is_not_started_again_for_the_same_drift(engine: Engine) -> None:
    world = engine.world
    scale(world)
    watch(engine)
    (name,) = heals(engine)
    engine.pipelines.tell(name, RunState.FAILED, completed=world.clock.now(), words="admission says no")
    for _ in range(3):
        watch(engine)
        run_all(engine)
    assert (heals(engine), replicas(world)) == ([name], 9)
    assert "admission says no" in world.reporter.text
    scale(world, 8)
    world.cluster.remove(ObjectRef("", "ServiceAccount", "jx", "jx-webhooks"))
    watch(engine)
    run_all(engine)
    assert (len(heals(engine)), replicas(world)) == (2, 1), "another drift was not healed"


def test_while_another_run_goes_on_none_is_started_to_heal(engine: Engine) -> None:
    world, environment = engine.world, engine.world.environments[DEV]
    anchor = world.anchor()
    assert anchor.applied
    assert anchor.applied.source.revision
    scale(world)
    engine.use_case(world.process(BOT)).start(environment, anchor.applied.source.revision, attempt=9)
    watch(engine)
    assert not heals(engine)
