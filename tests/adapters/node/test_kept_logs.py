"""Logs of runs outlive their pods, whatever became of the node meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.node import running_world
from tests.support.node_folder import make_folder
from tests.support.steps import ended, log, sh, steps_pod, until
from tests.support.workloads import Obj

from jx.adapters.files.kept_logs import KeptLogs
from jx.adapters.local.kubernetes.api import Api
from jx.adapters.local.node.node import KEPT_LOGS
from jx.domain.runs.run_choice import RunChoice


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path)


def run_pod() -> Obj:
    """The pod of a run's task."""
    pod = steps_pod(sh("echo hello"))
    labels = {"tekton.dev/pipelineRun": "shop-1", "build": "1", "tekton.dev/pipelineTask": "build"}
    pod["metadata"] |= {"labels": labels}
    pod["metadata"]["annotations"]["jenkins.io/pipeline"] = "acme/shop/main"
    return pod


def kept(folder: Path) -> list[str]:
    """What is kept of the run."""
    store = KeptLogs(folder / KEPT_LOGS)
    return [f"{line.stage} {line.step}: {line.text}" for line in store.read(RunChoice("acme/shop/main"))]


def is_empty(folder: Path) -> bool:
    return list((folder / "pods").iterdir()) == []


def delete_while_down(folder: Path) -> None:
    """Somebody deletes the pod by force while no node is there to see it."""
    api = Api.open(folder)
    try:
        api.delete(api.resource("", "Pod"), "default", "run", grace_seconds=0)
    finally:
        api.close()


def nothing(folder: Path) -> None:
    """The node is only started anew."""


@pytest.mark.parametrize("meanwhile", [nothing, delete_while_down])
def test_logs_are_kept_of_what_a_former_life_of_the_node_ran(
    folder: Path, meanwhile: Callable[[Path], None]
) -> None:
    with running_world(folder) as world:
        world.apply(run_pod())
        ended(world)
        until(lambda: log(world) == b"hello\n")
    meanwhile(folder)
    with running_world(folder) as world:
        if meanwhile is nothing:
            world.delete("Pod", "run")
        until(lambda: is_empty(folder))
    assert kept(folder) == ["build 1: hello"]
