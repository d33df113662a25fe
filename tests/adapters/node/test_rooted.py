"""Pods with an image that brings files: their containers have roots of their own, with everything at its true path."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.node import RealWorld, running_world
from tests.support.steps import ended, until
from tests.support.workloads import Obj

from jx.adapters.local.node.veils import works

pytestmark = pytest.mark.skipif(not works("unshare"), reason="this machine allows no user namespaces")
SHARED = {"name": "shared", "mountPath": "/shared"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a cluster that knows one image with a program of its own."""
    found = tmp_path_factory.mktemp("rooted")
    found.chmod(0o700)
    program = found / "brought" / "greet"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho hello $1 > /shared/greeting\n")
    program.chmod(0o755)
    image = {
        "name": "brought/greet",
        "tags": ["latest"],
        "command": ["/brought/greet"],
        "files": {"/brought": str(program.parent)},
    }
    (found / "images.json").write_text(json.dumps({"images": [image]}))
    return found


@pytest.fixture(scope="module")
def guarded() -> Iterator[Path]:
    """A folder that its owner may write to, outside of what no two containers share."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        (Path(folder) / "explanation").touch()
        yield Path(folder)


@pytest.fixture(scope="module")
def shared(folder: Path, guarded: Path) -> Iterator[RealWorld]:
    with running_world(folder, hidden=(folder.resolve(),), guarded=(guarded,)) as world:
        yield world


@pytest.fixture
def world(shared: RealWorld) -> Iterator[RealWorld]:
    yield shared
    shared.delete_pods()


def greeted(*scripts: str, volumes: list[Obj] | None = None, **more: Any) -> Obj:
    """A pod that is greeted first, whose containers then run these scripts."""
    greet = {"name": "greet", "image": "brought/greet", "args": ["Ann"], "volumeMounts": [SHARED]}
    containers = [
        {
            "name": f"step-{number}",
            "image": "not/here",
            "command": ["/bin/sh", "-c", script],
            "volumeMounts": [dict(SHARED)],
            "terminationMessagePath": "/shared-message/end",
            **more,
        }
        for number, script in enumerate(scripts, 1)
    ]
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "initContainers": [greet],
        "containers": containers,
        "volumes": [{"name": "shared", "emptyDir": {}}, *(volumes or [])],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "run"}, "spec": spec}


def end(pod: Obj, number: int = 1) -> Obj:
    found: Obj = pod["status"]["containerStatuses"][number - 1]["state"]["terminated"]
    return found


def said(world: RealWorld, number: int = 1) -> str:
    path = world.cluster.node.open("default", "run", f"step-{number}", previous=False)
    return path.read_text() if path else ""


def test_volumes_and_what_an_image_brings_are_at_their_true_paths(world: RealWorld) -> None:
    world.apply(greeted("cat /shared/greeting; pwd", workingDir="/shared/deep/er"))
    assert ended(world)["status"]["phase"] == "Succeeded"
    assert said(world) == "hello Ann\n/shared/deep/er\n"


def test_all_containers_run_at_once_and_see_the_same_volumes(world: RealWorld) -> None:
    wait = "until test -e /shared/go; do sleep 0.05; done; echo went"
    world.apply(greeted(wait, "touch /shared/go"))
    assert ended(world)["status"]["phase"] == "Succeeded"
    assert said(world, 1) == "went\n"


def test_what_a_container_leaves_as_its_message_is_told_with_its_exit_code(world: RealWorld) -> None:
    world.apply(greeted("printf 'last words' > /shared-message/end; exit 3"))
    pod = ended(world)
    assert pod["status"]["phase"] == "Failed"
    assert (end(pod)["exitCode"], end(pod)["message"]) == (3, "last words")


def test_a_mount_that_is_read_only_cannot_be_written_to(world: RealWorld) -> None:
    world.apply(greeted("touch /shared/new && echo written", volumeMounts=[{**SHARED, "readOnly": True}]))
    assert ended(world)["status"]["phase"] == "Failed"
    assert "written" not in said(world)


def test_a_container_sees_neither_what_is_hidden_nor_what_another_has_in_its_tmp(
    world: RealWorld, folder: Path
) -> None:
    (folder / "secret").write_text("s3cr3t")
    world.apply(greeted(f"cat {folder}/secret; ls {folder}; touch /tmp/mine; ls /tmp; true"))
    ended(world)
    text = said(world)
    assert "s3cr3t" not in text
    assert "images.json" not in text
    assert text.splitlines()[-1] == "mine"
    assert not Path("/tmp/mine").exists()


def test_nothing_of_this_machine_is_made_for_a_mount(world: RealWorld) -> None:
    mount = {"name": "shared", "mountPath": "/etc/not-there-before"}
    world.apply(greeted("true", volumeMounts=[mount]))
    pod = ended(world)
    assert end(pod)["exitCode"] == 125
    assert "/etc/not-there-before" in said(world)
    assert not Path("/etc/not-there-before").exists()


def linked(to: Path) -> Obj:
    """A pod in whose volume a link leads elsewhere before its container begins."""
    pod = greeted("ls /shared/link/ /inner; touch /inner/new")
    script = f"ln -s ../../../../../../../..{to} /shared/link"
    link = {
        "name": "link",
        "image": "not/here",
        "command": ["/bin/sh", "-c", script],
        "volumeMounts": [SHARED],
    }
    pod["spec"]["initContainers"].append(link)
    return pod


@pytest.mark.parametrize(
    "mount", [{"mountPath": "/shared/link/in"}, {"mountPath": "/inner", "subPath": "link"}]
)
def test_no_link_in_a_volume_leads_a_mount_out_of_it(world: RealWorld, folder: Path, mount: Obj) -> None:
    outside = folder / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "secret").touch()
    pod = linked(outside)
    pod["spec"]["containers"][0]["volumeMounts"].append({"name": "shared", **mount})
    world.apply(pod)
    ended(world)
    assert "secret" not in said(world)
    assert [each.name for each in outside.iterdir()] == ["secret"]


def test_neither_jx_nor_what_is_guarded_can_be_changed(world: RealWorld, guarded: Path) -> None:
    touches = "; ".join(f"touch {path}/touched && echo changed" for path in (guarded, Path(sys.prefix)))
    world.apply(greeted(f"ls {guarded}; {touches}; true"))
    ended(world)
    text = said(world)
    assert "changed" not in text
    assert "explanation" in text.split()


def test_a_container_that_is_given_another_image_ends(world: RealWorld) -> None:
    world.apply(greeted("echo up; exec sleep 1000", "until test -e /shared/stop; do sleep 0.05; done"))

    def runs() -> bool:
        statuses = world.get("Pod", "run")["status"].get("containerStatuses") or [{}]
        return "running" in statuses[0].get("state", {}) and said(world) == "up\n"

    until(runs)
    pod = world.get("Pod", "run")
    pod["spec"]["containers"][0]["image"] = "brought/greet"
    resource = world.api.resource("", "Pod")
    patch = {"spec": {"containers": pod["spec"]["containers"]}}
    world.api.merge(resource, "default", "run", patch, manager="test")

    def stopped() -> Obj | None:
        status = world.get("Pod", "run")["status"]["containerStatuses"][0]
        found: Obj | None = status["state"].get("terminated")
        return found

    assert world.until(stopped, 60)["exitCode"] in (137, 143)


def test_a_pod_that_is_deleted_takes_its_processes_along(world: RealWorld) -> None:
    world.apply(greeted("echo up; trap '' TERM; while :; do sleep 0.05; done"))
    until(lambda: said(world) == "up\n")
    world.delete("Pod", "run")
    world.until(lambda: not world.all("Pod"), 60)
