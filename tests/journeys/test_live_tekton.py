"""A platform on a cluster with a live Tekton: merges are applied by its runs, and people follow theirs.

On the embedded cluster and on a real API server; the embedded node runs the pods of both. Played by `make test-cluster`.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import live_tekton, real_cluster
from tests.support.embedded import CLUSTERS
from tests.support.foreign import Foreign
from tests.support.platform import eventually, machine_at
from tests.support.side_by_side import REAL, played
from tests.support.tekton import ROOT

from jx.adapters.kubernetes.api import CONFIG_MAPS
from jx.adapters.local.node.veils import works
from jx.adapters.tekton.translating import PIPELINE_RUNS
from jx.domain.errors import NotFound

pytestmark = [
    real_cluster.NEEDS_REAL,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("live-tekton"),
    pytest.mark.skipif(not works("unshare"), reason="this machine allows no user namespaces"),
]
GREETING = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: greeting}\ndata: {words: hello}\n"
FILE = """\
buildPack: none
pipelineConfig:
  pipelines:
    release:
      pipeline:
        agent: {image: tools}
        stages:
          - {name: make, steps: [{name: write, command: 'echo made > made.txt'}, {name: tell, command: 'echo this is $APP_NAME'}]}
          - {name: use, steps: [{name: read, command: 'cat made.txt'}]}
"""


@pytest.fixture(scope="module", params=CLUSTERS)
def side(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def platform(side: str) -> Iterator[Foreign]:
    """A platform that was installed where Tekton is. Its git server is a folder that runs have to see, so none of `/tmp`."""
    with tempfile.TemporaryDirectory(prefix="live-tekton-", dir=(ROOT / ".cache").resolve()) as name:
        folder, own = Path(name), Path(name, "kubernetes")
        own.mkdir(mode=0o700)
        kubeconfig = real_cluster.kubeconfig() if side == REAL else own / "admin.kubeconfig"
        assert kubeconfig
        chosen = live_tekton.real(kubeconfig, own) if side == REAL else live_tekton.embedded(own)
        with chosen, machine_at(folder) as machine:
            found = Foreign(machine, kubeconfig, "shop")
            try:
                found.jx(*found.install_words, "-b").ok()
                yield found
            finally:
                found.api.close()


@pytest.fixture(autouse=True)
def count(request: pytest.FixtureRequest, side: str) -> None:
    played(request, side)


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=Ann Lee", "-c", "user.email=ann@example.com"]
    argv = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def push(folder: Path, path: str, content: str, message: str) -> str:
    """Commit a file of a clone and push it; the commit."""
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(content)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", message)
    git(folder, "push", "-q", "origin", "HEAD")
    return git(folder, "rev-parse", "HEAD")


def activities(platform: Foreign, pipeline: str) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = json.loads(
        platform.jx("get", "activities", "-f", pipeline, "-o", "json").ok().out
    )
    return shown


def is_there(platform: Foreign, namespace: str, name: str) -> bool:
    try:
        platform.api.get(CONFIG_MAPS, namespace, name)
    except NotFound:
        return False
    return True


def test_a_merge_is_applied_by_one_run_of_tekton_whose_step_applies(platform: Foreign) -> None:
    commit = push(
        platform.clone("staging", "staging"), "env/templates/greeting.yaml", GREETING, "feat: greet"
    )
    eventually(lambda: is_there(platform, "jx-staging", "greeting"), seconds=180)
    pipeline = "acme/environment-shop-staging/master"

    def records() -> list[dict[str, Any]]:
        return [one for one in activities(platform, pipeline) if one["revision"] == commit]

    eventually(lambda: any(one["status"] == "Succeeded" for one in records()), seconds=120)
    (record,) = records()
    assert [step["name"] for step in record["steps"]] == ["environment", "git-clone", "env-apply"]
    assert {step["status"] for step in record["steps"]} == {"Succeeded"}
    assert (record["author"], record["message"]) == ("Ann Lee", "feat: greet")
    log = platform.jx("get", "build", "logs", pipeline, "--no-tail").ok().out
    assert f"{commit} feat: greet" in log
    assert "ConfigMap/greeting (namespace jx-staging): create" in log
    runs = platform.api.list_pages(PIPELINE_RUNS, "jx")[0]
    notes = [run["metadata"].get("annotations") or {} for run in runs]
    assert [note.get("jenkins.io/revision") for note in notes].count(commit) == 1


def test_a_run_that_somebody_starts_is_followed_to_its_end(platform: Foreign) -> None:
    bare = platform.git / "acme" / "cheese.git"
    git(platform.git, "init", "-q", "--bare", "-b", "main", str(bare))
    clone = platform.machine.folder / "cheese"
    git(platform.git, "clone", "-q", f"file://{bare}", str(clone))
    push(clone, "jenkins-x.yml", FILE, "feat: begin")
    words = ("step", "create", "task", "--build-number", "1", "-n", "jx", "--service-account", "default")
    made = json.loads(platform.jx(*words, "-o", "json", cwd=clone).ok().out)
    platform.api.create(PIPELINE_RUNS, "jx", made)
    log = platform.machine.jx("get", "build", "logs", "acme/cheese/main", "--wait", timeout=240).ok().out
    assert [line for line in log.splitlines() if line in ("this is cheese", "made")] == [
        "this is cheese",
        "made",
    ]
    (record,) = activities(platform, "acme/cheese/main")
    assert record["status"] == "Succeeded"
    assert {step["status"] for step in record["steps"]} == {"Succeeded"}
