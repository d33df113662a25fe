"""Pods of steps: one after the other, each once, behind a veil, with limits; and what they do to make that hard."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.node import RealWorld, running_world
from tests.support.node_folder import make_folder
from tests.support.steps import end_of, ended, log, phase, said, sh, steps_pod, tries, until
from tests.support.workloads import Obj

from jx.adapters.local.node import strays, veils
from jx.adapters.local.node.outputs import Output
from jx.adapters.local.node.processes import identity_of
from jx.adapters.local.node.veils import Kind, Veil, works

RESULTS = {"name": "tekton-internal-results", "mountPath": "/tekton/results"}
RESULTS_VOLUME = {"name": "tekton-internal-results", "emptyDir": {}}
EVERY: tuple[Kind, ...] = ("bwrap", "unshare", "none")
KINDS = [kind for kind in EVERY if kind == "none" or works(kind)]


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("steps"))


@pytest.fixture(scope="module")
def shared(shared_folder: Path) -> Iterator[RealWorld]:
    """One world for all tests; each leaves it without pods."""
    with running_world(shared_folder) as world:
        yield world


@pytest.fixture
def world(shared: RealWorld) -> Iterator[RealWorld]:
    yield shared
    shared.delete_pods()


@pytest.fixture(params=KINDS)
def veiled(request: pytest.FixtureRequest, world: RealWorld, shared_folder: Path) -> RealWorld:
    """The world with each veil that there is on this machine."""
    world.cluster.node.use_veil(Veil(request.param, (shared_folder.resolve(),)))
    return world


def test_steps_run_one_after_the_other_in_a_folder_that_is_theirs(veiled: RealWorld) -> None:
    mount = {"name": "work", "mountPath": "/workspace/source"}
    place = {"workingDir": "/workspace/source", "volumeMounts": [mount]}
    first = sh("echo one > a; pwd", **place)
    second = sh("cat a; ls ~ | wc -l; echo $HOME $(JX_ROOTFS)/workspace/source", **place)
    veiled.apply(steps_pod(first, second, pod={"volumes": [{"name": "work", "emptyDir": {}}]}))
    assert phase(veiled) == "Succeeded"
    place_of_first = log(veiled, 1).decode().strip()
    seen, files, rest = log(veiled, 2).decode().splitlines()
    home, _, rooted = rest.partition(" ")
    assert (seen, files) == ("one", "0")
    assert not Path(home).exists()
    assert rooted.endswith("/workspace/source")
    assert not Path(place_of_first).exists()


def test_after_a_failed_step_no_other_begins(veiled: RealWorld) -> None:
    veiled.apply(steps_pod(sh("exit 3"), sh("echo never")))
    pod = ended(veiled)
    assert pod["status"]["phase"] == "Failed"
    assert [end_of(pod, 1)["exitCode"], end_of(pod, 2)["exitCode"]] == [3, 1]
    assert said(pod, 2) == {"Reason": "Skipped"}
    assert b"never" not in log(veiled, 2)


def test_a_failure_that_is_allowed_is_told_and_the_next_step_begins(world: RealWorld) -> None:
    world.apply(steps_pod(sh("exit 3", onError="continue"), sh("echo on")))
    pod = ended(world)
    assert pod["status"]["phase"] == "Succeeded"
    assert said(pod, 1) == {"ExitCode": "3", "Reason": "Continued"}
    assert log(world, 2) == b"on\n"


def test_results_come_with_the_end_of_the_step(veiled: RealWorld) -> None:
    step = sh("printf 1.2.3 > $(JX_ROOTFS)/tekton/results/version", volumeMounts=[RESULTS])
    veiled.apply(steps_pod(step, pod={"volumes": [RESULTS_VOLUME]}))
    assert said(ended(veiled), 1) == {"version": "1.2.3"}


def test_a_step_has_the_environment_of_its_spec_and_nothing_of_ours(
    veiled: RealWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOT_FOR_STEPS", "x")
    veiled.apply(steps_pod({"command": ["env"], "env": [{"name": "MODE", "value": "fast"}]}))
    ended(veiled)
    names = {line.partition("=")[0] for line in log(veiled).decode().splitlines()}
    assert "MODE" in names
    assert "NOT_FOR_STEPS" not in names


def test_a_script_says_of_what_it_is_one(world: RealWorld) -> None:
    world.apply(steps_pod(sh("#!/usr/bin/env python3\nprint(6 * 7)")))
    ended(world)
    assert log(world) == b"42\n"


def test_a_step_cannot_see_what_is_hidden_nor_change_its_log(veiled: RealWorld, shared_folder: Path) -> None:
    folder = shared_folder
    needs_veil(veiled)
    secret = folder / "secret"
    secret.write_text("s3cr3t")
    lift = f"umount {folder.resolve()}; cat {secret}"
    own = "ls $HOME/../logs $HOME/../processes"
    script = f"cat {secret}; ls {folder}; {own}; {lift}; unshare -Ur --mount sh -c '{lift}'"
    veiled.apply(steps_pod(tries(script)))
    ended(veiled)
    text = log(veiled).decode()
    assert "s3cr3t" not in text
    assert "images.json" not in text
    assert "step-1.log" not in text


def needs_veil(world: RealWorld) -> None:
    if world.cluster.node.veil.kind == "none":
        pytest.skip("without a veil nothing is hidden")


def test_links_that_a_step_makes_show_the_next_step_nothing_more(
    veiled: RealWorld, shared_folder: Path
) -> None:
    needs_veil(veiled)
    inner = shared_folder.resolve() / "inner"
    inner.mkdir(exist_ok=True)
    (inner / "secret").write_text("s3cr3t")
    own = "$(dirname $HOME)"
    plant = f"mkdir -p {own}/volumes; ln -s {inner} {own}/volumes/more"
    veiled.apply(steps_pod(tries(plant), tries(f"cat {own}/volumes/more/secret {inner}/secret")))
    ended(veiled)
    assert b"s3cr3t" not in log(veiled, 2)


def test_the_node_writes_nowhere_that_a_step_leads_it_to(veiled: RealWorld, tmp_path: Path) -> None:
    needs_veil(veiled)
    (tmp_path / "mine").write_text("mine")
    plants = [
        f"rm -rf {place}; ln -s {tmp_path} {place}"
        for place in (
            *(
                "$(dirname $HOME)/scripts",
                "$(dirname $HOME)/serviceaccount",
                "$(dirname $HOME)/volumes/config",
            ),
            *("$JX_ROOTFS/etc", "$(JX_ROOTFS)/workspace/source/deep"),
        )
    ]
    volumes = [
        {"name": "config", "configMap": {"name": "kube-root-ca.crt"}},
        {"name": "work", "emptyDir": {}},
    ]
    mounts = [
        {"name": "config", "mountPath": "/etc/deep/config"},
        {"name": "work", "mountPath": "/workspace/source"},
    ]
    first = tries("; ".join(plants), volumeMounts=mounts)
    second = sh("pwd", volumeMounts=mounts, workingDir="/workspace/source/deep/er")
    veiled.apply(steps_pod(first, second, pod={"volumes": volumes}))
    ended(veiled)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mine"]


def test_a_step_sees_only_the_volumes_that_it_mounts_and_changes_none_that_is_given(
    veiled: RealWorld,
) -> None:
    needs_veil(veiled)
    veiled.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"k": "s3cr3t"}}
    )
    mount = {"name": "secret", "mountPath": "/secret"}
    first = tries("cat $(JX_ROOTFS)/secret/k; echo x > $(JX_ROOTFS)/secret/k", volumeMounts=[mount])
    second = tries("cat $(dirname $HOME)/volumes/*/* $(dirname $HOME)/root/*/secret/k")
    veiled.apply(
        steps_pod(first, second, pod={"volumes": [{"name": "secret", "secret": {"secretName": "a"}}]})
    )
    ended(veiled)
    assert log(veiled, 1).startswith(b"s3cr3t")
    assert b"Read-only" in log(veiled, 1)
    assert b"s3cr3t" not in log(veiled, 2)


def test_a_step_changes_neither_jx_nor_what_is_guarded(
    veiled: RealWorld, shared_folder: Path, tmp_path: Path
) -> None:
    needs_veil(veiled)
    veil = veiled.cluster.node.veil
    veiled.cluster.node.use_veil(replace(veil, guarded=(tmp_path.resolve(),)))
    (tmp_path / "config").touch()
    ours = Path(veils.__file__)
    before = ours.stat()
    lift = f"mount -o remount,bind,rw {tmp_path}; umount {tmp_path}; echo x >> {tmp_path}/config"
    again = f"unshare -Ur -m sh -c '{lift}'"
    script = f"touch {ours}; echo x >> {tmp_path}/config; touch {tmp_path}/new; {lift}; {again}"
    veiled.apply(steps_pod(tries(script)))
    ended(veiled)
    assert ours.stat().st_mtime == before.st_mtime
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("config", "")]


def test_a_volume_that_is_not_here_is_no_empty_folder(world: RealWorld) -> None:
    mount = {"name": "host", "mountPath": "/host"}
    volumes = [{"name": "host", "hostPath": {"path": "/etc"}}]
    world.apply(steps_pod(sh("ls $(JX_ROOTFS)/host", volumeMounts=[mount]), pod={"volumes": volumes}))
    assert said(ended(world), 1) == {"Reason": "CreateContainerConfigError"}
    assert b"volume host is a hostPath, and steps of this machine have none" in log(world)


@pytest.mark.parametrize("way", ["one", "many"])
def test_results_that_are_too_large_fail_the_step_and_its_end_stays_small(world: RealWorld, way: str) -> None:
    files = {
        "one": "head -c 5000 /dev/zero | tr '\\0' a > all",
        "many": "seq 2000 | while read n; do echo $n > r$n; done",
    }
    step = sh(f"cd $(JX_ROOTFS)/tekton/results; {files[way]}", volumeMounts=[RESULTS])
    world.apply(steps_pod(step, pod={"volumes": [RESULTS_VOLUME]}))
    pod = ended(world)
    assert (end_of(pod, 1)["exitCode"], said(pod, 1)) == (1, {"Reason": "ResultsTooLarge"})
    assert b"more than 4096 bytes" in log(world)


def test_folders_that_lie_deeper_than_python_goes_are_measured_and_go(world: RealWorld) -> None:
    deep = "import os; os.chdir(os.environ['HOME']); [(os.mkdir('d'), os.chdir('d')) for _ in range(1500)]"
    limits = {"resources": {"limits": {"ephemeral-storage": "1Gi"}}}
    world.apply(steps_pod(sh(f"#!/usr/bin/env python3\n{deep}\nimport time; time.sleep(1)", **limits)))
    pod = ended(world)
    assert pod["status"]["phase"] == "Succeeded"
    folder = world.cluster.node.open("default", "run", "step-1", previous=False)
    assert folder is not None
    home = folder.parents[1] / "home"
    until(lambda: not home.exists())


def test_what_a_step_leaves_in_shared_memory_ends_with_it(veiled: RealWorld) -> None:
    needs_veil(veiled)
    name = f"left-{os.getpid()}"
    veiled.apply(steps_pod(sh(f"echo x > /dev/shm/{name}; ls /dev/shm")))
    ended(veiled)
    assert log(veiled).decode() == f"{name}\n"
    assert not Path("/dev/shm", name).exists()


@pytest.mark.skipif(not shutil.which("choom"), reason="this machine has no choom")
def test_where_memory_is_short_steps_end_before_the_platform(veiled: RealWorld) -> None:
    veiled.apply(steps_pod(sh("cat /proc/self/oom_score_adj")))
    ended(veiled)
    assert log(veiled) == b"500\n"


def test_what_a_step_leaves_running_ends_with_it(veiled: RealWorld) -> None:
    leave = "(setsid sh -c 'echo $$ > $HOME/pid; exec sleep 1000' >/dev/null 2>&1 &); sleep 0.2; cat ~/pid"
    veiled.apply(steps_pod(sh(leave), sh("ps ax | grep -c '[s]leep 1000' || true")))
    pod = ended(veiled)
    assert pod["status"]["phase"] == "Succeeded"
    marker = f"JX_STEPS_OF={pod['metadata']['uid']}"
    assert strays.kill_marked(marker) == 0


def test_a_step_that_ignores_sigterm_is_ended_after_its_grace(veiled: RealWorld) -> None:
    veiled.apply(steps_pod(sh("trap '' TERM; while :; do sleep 0.05; done", timeoutSeconds=0.3)))
    pod = ended(veiled)
    assert (pod["status"]["phase"], said(pod, 1)) == ("Failed", {"Reason": "TimeoutExceeded"})
    assert end_of(pod, 1)["exitCode"] == 137


def test_a_step_may_use_its_grace(veiled: RealWorld) -> None:
    script = "trap 'echo tidy; exit 0' TERM; echo begun; while :; do sleep 0.05; done"
    veiled.apply(steps_pod(sh(script), grace=30))
    until(lambda: log(veiled) == b"begun\n")
    veiled.patch("Pod", "run", {"metadata": {"annotations": {"local.jenkins-x.io/cancel": "no more"}}})
    pod = ended(veiled)
    assert said(pod, 1) == {"Reason": "Cancelled"}
    assert b"tidy" in log(veiled)


def test_steps_are_cancelled_and_their_logs_stay(veiled: RealWorld) -> None:
    veiled.apply(steps_pod(sh("echo begun; sleep 1000"), sh("echo never")))
    until(lambda: log(veiled) == b"begun\n")
    note = {"metadata": {"annotations": {"local.jenkins-x.io/cancel": "somebody said so"}}}
    veiled.patch("Pod", "run", note)
    pod = ended(veiled)
    assert pod["status"]["phase"] == "Failed"
    assert said(pod, 1) == {"Reason": "Cancelled"}
    assert log(veiled).startswith(b"begun\n")
    assert b"somebody said so" in log(veiled)


def test_a_gigabyte_is_counted_and_its_beginning_and_end_are_kept(
    world: RealWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Output.__init__, "__kwdefaults__", {"limit": 1000})
    world.apply(steps_pod(sh("echo first; head -c 1000000000 /dev/zero; echo; echo last")))
    assert phase(world) == "Succeeded"
    text = log(world)
    assert text.startswith(b"first\n")
    assert text.endswith(b"last\n")
    assert b"bytes are left out here: the log is limited to 1000 bytes" in text
    assert len(text) < 100_000


def test_binary_is_kept_as_it_is(world: RealWorld) -> None:
    world.apply(steps_pod(sh("printf '\\000\\377\\033[2J'")))
    ended(world)
    assert log(world) == b"\x00\xff\x1b[2J"


def test_a_step_that_fills_the_disk_is_ended(world: RealWorld) -> None:
    limits = {"resources": {"limits": {"ephemeral-storage": "2Mi"}}}
    world.apply(steps_pod(sh("head -c 8000000 /dev/zero > ~/a; sleep 1000", **limits)))
    pod = ended(world)
    assert said(pod, 1) == {"Reason": "DiskFull"}
    assert b"more of the disk" in log(world)


def test_a_step_that_needs_too_much_memory_is_ended(world: RealWorld) -> None:
    limits = {"resources": {"limits": {"memory": "64Mi"}}}
    take = "m = mmap.mmap(-1, 200 << 20)\nm.write(b'x' * (200 << 20))\ntime.sleep(1000)"
    hungry = f"#!/usr/bin/env python3\nimport mmap, time\n{take}"
    world.apply(steps_pod(sh(hungry, **limits)))
    pod = ended(world)
    assert pod["status"]["phase"] == "Failed"
    assert end_of(pod, 1)["exitCode"] != 0


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({}, b"names neither command nor script"),
        ({"image": "test/server:9"}, b"there is no image test/server:9 here"),
        ({"command": ["/no/such/program"]}, b""),
        (
            {
                "command": ["true"],
                "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "none", "key": "a"}}}],
            },
            b"not found",
        ),
    ],
    ids=["nothing to run", "no such tag", "no such program", "no such secret"],
)
def test_a_step_that_cannot_run_fails_its_pod_and_says_why(world: RealWorld, step: Obj, words: bytes) -> None:
    world.apply(steps_pod(step, sh("echo never")))
    pod = ended(world)
    assert pod["status"]["phase"] == "Failed"
    assert words in log(world)
    assert end_of(pod, 1)["exitCode"] != 0


def test_a_node_that_died_fails_what_it_ran_and_begins_nothing_twice(folder: Path, tmp_path: Path) -> None:
    beginnings = tmp_path / "beginnings"
    with running_world(folder) as world:
        runs = sh(f"echo x >> {beginnings}; echo $$; sleep 1000")
        world.apply(steps_pod(sh("echo done"), runs, sh("echo never")))
        until(lambda: bool(log(world, 2).strip()))
        (process,) = [one for pod in world.cluster.node._pods.values() for one in pod.processes()]
        before = world.until_status("Pod", "run", lambda status: "terminated" in str(status))
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)  # what the disk holds while it still runs: as after a kill
    with running_world(copy) as world:
        pod = ended(world)
        assert pod["status"]["phase"] == "Failed"
        assert [end_of(pod, step)["exitCode"] for step in (1, 2, 3)] == [0, 137, 137]
        assert said(pod, 2) == {"Reason": "NodeRestarted"}
        begun = before["status"]["containerStatuses"][1]["state"]["running"]["startedAt"]
        assert end_of(pod, 2)["startedAt"] == begun
        assert log(world, 1) == b"done\n"
    assert beginnings.read_text() == "x\n"
    assert identity_of(process.pid) is None


def test_a_node_that_was_stopped_starts_again_with_what_it_had(folder: Path, tmp_path: Path) -> None:
    beginnings = tmp_path / "beginnings"
    with running_world(folder) as world:
        world.apply(steps_pod(sh("echo done"), sh(f"echo x >> {beginnings}; sleep 1000")))
        until(beginnings.exists)
        world.until_status("Pod", "run", lambda status: "terminated" in str(status))
    with running_world(folder) as world:
        pod = ended(world)
        assert [end_of(pod, step)["exitCode"] for step in (1, 2)] == [0, 137]
    with running_world(folder) as world:
        assert phase(world) == "Failed"
    assert beginnings.read_text() == "x\n"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_a_step_started_outlives_the_node(folder: Path, kind: Kind) -> None:
    with running_world(folder) as world:
        world.cluster.node.use_veil(Veil(kind, (folder.resolve(),)))
        world.apply(steps_pod(sh("(setsid sleep 1000 >/dev/null 2>&1 &); echo begun; sleep 1000")))
        until(lambda: log(world) == b"begun\n")
        marker = f"JX_STEPS_OF={world.get('Pod', 'run')['metadata']['uid']}"
    assert strays.kill_marked(marker) == 0


def test_the_token_of_a_pod_of_steps_ends_with_its_steps(world: RealWorld, tmp_path: Path) -> None:
    stolen = tmp_path / "token"
    world.apply(
        steps_pod(sh(f"cp $JX_SERVICE_ACCOUNT_DIR/token {stolen}.new; mv {stolen}.new {stolen}; sleep 1000"))
    )
    until(stolen.exists)
    token = stolen.read_text()
    user = world.api.accounts.user_of(token)
    assert user is not None
    assert user.name == "system:serviceaccount:default:default"
    world.patch("Pod", "run", {"metadata": {"annotations": {"local.jenkins-x.io/cancel": "enough"}}})
    ended(world)
    assert world.api.accounts.user_of(token) is None


def test_pods_that_name_the_same_claim_share_it_until_it_is_deleted(world: RealWorld) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "shared"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    world.apply(claim)
    mounts = {
        "workingDir": "/workspace/source",
        "volumeMounts": [{"name": "source", "mountPath": "/workspace/source"}],
    }
    volumes = {"volumes": [{"name": "source", "persistentVolumeClaim": {"claimName": "shared"}}]}
    world.apply(steps_pod(sh("echo hello > a; realpath .", **mounts), name="one", pod=volumes))
    ended(world, "one")
    world.apply(steps_pod(sh("cat a", **mounts), name="two", pod=volumes))
    ended(world, "two")
    assert log(world, 1, "two") == b"hello\n"
    kept = Path(log(world, 1, "one").decode().strip())
    assert os.listdir(kept) == ["a"]
    for name in ("one", "two"):
        world.delete("Pod", name)
    world.delete("PersistentVolumeClaim", "shared")
    until(lambda: not kept.exists())
