"""The runner dies before or after each of its calls, and another one goes on: every step runs once, and the end is the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.fuses import Crash, Fuse
from tests.support.runner import RunnerWorld, outcome, running_runner_world, task
from tests.support.workloads import Obj

from jx.adapters.local.runner.places import Places
from jx.adapters.local.runner.runs import Runs
from jx.adapters.local.runner.seen import KINDS, Known

_PAUSE = 0.02
_LOOKS = 3000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerWorld]:
    folder = tmp_path_factory.mktemp("cluster")
    folder.chmod(0o700)
    with running_runner_world(folder) as world:
        yield world


def a_run(world: RunnerWorld, name: str, notes: Path) -> None:
    """A task that is tried twice, with a claim, and a last task: each notes that it ran."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    again = "$(workspaces.source.path)/again"
    twice = f"echo retried >> {notes}; test -e {again} || {{ touch {again}; exit 1; }}"
    world.start(
        name,
        tasks=[task("retried", twice, retries=1)],
        finally_=[task("last", f"echo last >> {notes}")],
        workspaces_=[{"name": "source"}],
        workspaces=[{"name": "source", "volumeClaimTemplate": {"spec": claim}}],
    )


def look_until(world: RunnerWorld, name: str, client: Any, is_it: Callable[[], bool]) -> Obj:
    """A runner that is alone with its run, and reads everything anew before each look, until something is true."""
    pause = threading.Event()
    runs = Runs(client, "default", Known(), Places(4))
    for _ in range(_LOOKS):
        for kind in KINDS:
            for each in world.client.list_pages(kind, "default")[0]:
                runs.known.put(each)
        runs.look(name)
        if is_it():
            runs.look(name)
            return world.run(name)
        pause.wait(_PAUSE)
    raise AssertionError(f"{name} does not end: {world.run(name)}")


def look_until_the_end(world: RunnerWorld, name: str, client: Any) -> Obj:
    return look_until(world, name, client, lambda: outcome(world.run(name))[0] in ("True", "False"))


def test_a_runner_that_dies_at_any_call_is_followed_by_one_that_ends_the_same(
    world: RunnerWorld, tmp_path: Path
) -> None:
    deaths = 0
    for at in range(60):  # at the very first call before it, otherwise after one, which is before the next
        name = f"dies-{at}"
        notes = tmp_path / name
        a_run(world, name, notes)
        fuse = Fuse(max(at, 1), after=at > 0)
        try:
            run = look_until_the_end(world, name, fuse.wrap(world.client))
        except Crash:
            deaths += 1
            run = look_until_the_end(world, name, world.client)
        assert outcome(run) == ("True", "Succeeded"), (at, run["status"])
        assert notes.read_text().split() == ["retried", "retried", "last"], at
        assert [one for one in world.all("PersistentVolumeClaim") if name in str(one)] == []
        world.api.delete(world.api.resource("tekton.dev", "PipelineRun"), "default", name)
        if fuse.calls < at:
            break
    assert deaths > 8


def test_a_run_that_is_cancelled_ends_so_though_its_runner_dies_at_any_call(
    world: RunnerWorld, tmp_path: Path
) -> None:
    deaths = 0
    for at in range(1, 30):
        name = f"cancelled-{at}"
        notes = tmp_path / name
        first = task("first", f"echo begun >> {notes}; exec sleep 1000")
        world.start(name, tasks=[first], finally_=[task("last", f"echo last >> {notes}")])
        look_until(world, name, world.client, notes.exists)
        world.wish(name, "CancelledRunFinally")
        fuse = Fuse(at, after=True)
        try:
            run = look_until_the_end(world, name, fuse.wrap(world.client))
        except Crash:
            deaths += 1
            run = look_until_the_end(world, name, world.client)
        assert outcome(run) == ("False", "Cancelled"), (at, run["status"])
        assert outcome(world.task_run(f"{name}-first")) == ("False", "TaskRunCancelled"), at
        assert notes.read_text().split() == ["begun", "last"], at
        world.api.delete(world.api.resource("tekton.dev", "PipelineRun"), "default", name)
        if fuse.calls < at:
            break
    assert deaths > 4


def test_a_runner_that_is_started_anew_takes_over_what_runs(world: RunnerWorld, tmp_path: Path) -> None:
    notes, go_on = tmp_path / "notes", tmp_path / "go-on"
    wait = f"echo ran >> {notes}; while ! test -e {go_on}; do sleep 0.02; done"
    with world.runner():
        world.start("taken-over", tasks=[task("first", wait), task("second", "true", runAfter=["first"])])
        world.log_until(notes.exists)
    go_on.touch()
    world.until_status("Pod", "taken-over-first-pod", lambda status: status.get("phase") == "Succeeded")
    with world.runner():
        assert outcome(world.ended("taken-over")) == ("True", "Succeeded")
    assert notes.read_text() == "ran\n"


def test_who_was_made_first_goes_first_also_after_a_restart(world: RunnerWorld, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    world.parallel = 1
    names = [f"queued-{9 - number}" for number in range(6)]
    with world.runner():
        world.start("holds-the-place", tasks=[task("first", f"while ! test -e {notes}; do sleep 0.02; done")])
        world.until(lambda: world.find("Pod", "holds-the-place-first-pod"))
    for build, name in enumerate(names):
        body = task("first", f"echo {name} >> {notes}")
        run = world.start(name, tasks=[body])
        resource = world.api.resource("tekton.dev", "PipelineRun")
        world.api.merge(
            resource, "default", name, {"metadata": {"labels": {"build": str(build + 1)}}}, manager="test"
        )
        assert run["metadata"]["name"] == name
    with world.runner():
        world.until(lambda: outcome(world.run(names[-1]))[0] == "Unknown")
        notes.touch()
        for name in names:
            assert outcome(world.ended(name)) == ("True", "Succeeded")
    assert notes.read_text().split() == names
