"""`jx install`: what its flags mean, what is refused, and that it ends well however it was interrupted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.platform import Machine, machine_at

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-install")]

EMBEDDED = "the embedded store (encrypted files, Vault's API)"
RUNNER = "tekton (the embedded runner)"
TABLE = [
    (
        "--ng",
        {
            "pipelines": RUNNER,
            "managed by": "GitOps",
            "secrets": EMBEDDED,
        },
    ),
    (
        "",
        {
            "pipelines": RUNNER,
            "managed by": "GitOps",
            "secrets": EMBEDDED,
        },
    ),
    (
        "--gitops --vault --no-tiller --tekton",
        {
            "pipelines": RUNNER,
            "managed by": "GitOps",
            "secrets": EMBEDDED,
        },
    ),
    ("--ng --vault=false", {"pipelines": RUNNER, "secrets": "no store"}),
    ("--ng --tekton=false", {"pipelines": "none (the controllers apply)", "secrets": EMBEDDED}),
    ("--ng --vault false", {"pipelines": RUNNER, "secrets": "no store"}),
    ("--ng --default-environment-prefix acme", {"repository": "environment-acme-production"}),
    ("--ng --no-default-environments", {"repository": "environment-local-dev"}),
    ("--gitops --vault", {"pipelines": "jenkins", "managed by": "GitOps"}),
    ("--ng --provider gke", {"provider": "gke"}),
]


@pytest.mark.parametrize(("flags", "rows"), TABLE, ids=[flags for flags, _ in TABLE])
def test_a_dry_run_prints_the_plan_and_touches_nothing(
    machine: Machine, flags: str, rows: dict[str, str]
) -> None:
    shown = machine.jx("install", *flags.split(), "--dry-run").ok().out
    told = dict(line.split("   ", 1) for line in shown.splitlines() if "   " in line)
    found = {key: value.strip() for key, value in told.items()}
    assert rows.items() <= found.items()
    assert not machine.jx_home.exists()


def test_no_engine_flag_means_ng_and_is_said_aloud(machine: Machine) -> None:
    assert "no engine named: taking --ng" in machine.jx("install", "--dry-run").ok().out


REFUSED = [
    ("install --ng --static-jenkins", 2, "Incompatible options '--ng' and '--static-jenkins'"),
    ("install --prow --tekton=false", 2, "Incompatible options '--prow' and '--tekton=false'"),
    ("install --ng --vault=maybe", 2, "'maybe' is neither true nor false"),
    ("install --ng --no-tiller=false", 2, "--ng needs no Tiller"),
    ("install --knative-build", 2, "Knative Build has ended"),
    ("install --provider gkee", 2, "there is no provider 'gkee'"),
    ("install --ng --namespace Bad_", 2, "--namespace: 'Bad_' is not a valid name"),
    ("install --ng --git-api-token s3cr3t", 2, "everybody on this machine can read"),
    ("install \u2014ng", 2, "type --ng"),
    ("install --gitops --vault", 3, "not built yet: a Jenkins server"),
    ("install --ng --provider gke", 2, "no git repository is named for dev, staging, production"),
    ("install --ng --remote-environments", 3, "not built yet: environments in other clusters"),
    ("create cluster gke --ng", 3, "not built yet: creating a cluster on gke"),
    ("create cluster eks --ng --region eu-west-1", 3, "not built yet: creating a cluster on eks"),
    ("create cluster moon", 2, "there is no provider 'moon'"),
]


@pytest.mark.parametrize(("words", "code", "said"), REFUSED, ids=[words for words, _, _ in REFUSED])
def test_what_contradicts_itself_or_is_not_built_is_refused_before_anything_is_touched(
    machine: Machine, words: str, code: int, said: str
) -> None:
    ran = machine.jx(*words.split()).ended(code)
    assert said in ran.err
    assert "s3cr3t" not in ran.told
    assert not machine.jx_home.exists()


def test_creating_a_cluster_elsewhere_prints_its_plan_with_its_own_flags(machine: Machine) -> None:
    shown = (
        machine.jx("create", "cluster", "gke", "--ng", "--zone", "europe-west1-b", "-n", "acme", "--dry-run")
        .ok()
        .out
    )
    assert "acme on gke" in shown
    assert "europe-west1-b" in shown
    assert "not built yet: creating a cluster on gke" in shown


@pytest.mark.parametrize("milliseconds", [150, 700, 1300, 2000])
def test_an_install_killed_at_any_moment_is_finished_by_the_next(machine: Machine, milliseconds: int) -> None:
    process = machine.start("install", "--ng")
    try:
        process.wait(milliseconds / 1000)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    machine.jx().ok()
    machine.jx("install", "--ng").ok()
    shown = json.loads(machine.jx("get", "env", "-o", "json").ok().out)
    assert [(one["name"], one["status"]) for one in shown] == [
        ("dev", "applied"), ("staging", "applied"), ("production", "applied"),
    ]  # fmt: skip
    assert not any(one["hold"] for one in shown)


def test_a_second_install_repairs_what_is_missing_and_nothing_else(machine: Machine) -> None:
    machine.jx("install", "--ng").ok()
    before = json.loads(machine.jx("get", "env", "-o", "json").out)
    machine.kill("kubernetes")
    again = machine.jx("install", "--ng").ok()
    assert "Jenkins X was installed; all is right." in again.out
    assert "Made" not in again.told
    after = json.loads(machine.jx("get", "env", "-o", "json").out)
    assert [one["head"] for one in before] == [one["head"] for one in after]


@contextmanager
def listening(port: int) -> Iterator[None]:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        yield


def test_a_taken_port_is_named_before_anything_starts(machine: Machine) -> None:
    machine.jx("local", "start").ok()
    machine.jx("local", "stop").ok()
    record = json.loads((machine.platform() / "platform.json").read_text())
    for name, part in (
        ("forge_port", "forge"),
        ("kubernetes_port", "kubernetes"),
        ("ingress_port", "kubernetes"),
        ("vault_port", "vault"),
    ):
        with listening(record[name]):
            ran = machine.jx("install", "--ng").ended(3)
        assert f"port {record[name]} of {part} is taken by another program" in ran.err
        assert machine.jx("local", "status").ended(1).out.count("down") == 3
    machine.jx("local", "start").ok()


@contextmanager
def small_disk(kilobytes: int) -> Iterator[Path]:
    """A file system of that size; skips where this user may not mount one."""
    folder = Path(tempfile.mkdtemp(prefix="jx-disk-"))
    size = f"size={kilobytes}k"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("may not mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("kilobytes", [200, 1000, 1800, 3000])
def test_a_full_disk_is_said_and_an_install_with_more_room_ends_well(kilobytes: int) -> None:
    with small_disk(kilobytes) as folder, machine_at(folder) as machine:
        ran = machine.jx("install", "--ng")
        assert ran.code in {1, 10}, ran
        ran.ended(ran.code)
        assert "disk" in ran.err, ran
        more = ["mount", "-o", "remount,size=300m", str(folder)]
        subprocess.run(more, check=True)
        machine.jx("install", "--ng").ok()
