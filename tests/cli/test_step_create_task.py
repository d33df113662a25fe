"""`jx step create task`: the run that Tekton would be given, with nothing installed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jx.cli.main import main

FILE = """\
buildPack: none
pipelineConfig:
  pipelines:
    release: {pipeline: {agent: {image: go}, stages: [{name: ship, steps: [{command: make ship}]}]}}
    pullRequest: {pipeline: {agent: {image: go}, stages: [{name: check, steps: [{command: make check}]}]}}
"""


def git(*words: str) -> str:
    identity = ["-c", "user.name=ann", "-c", "user.email=ann@example.com"]
    return subprocess.run(
        ["git", *identity, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture(autouse=True)
def _clone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JX_HOME", str(tmp_path / "home"))
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")
    Path("jenkins-x.yml").write_text(FILE)
    git("init", "-q", "-b", "main")
    git("remote", "add", "origin", "https://git.example.com/cheese/shop.git")
    git("add", ".")
    git("commit", "-qm", "Begin")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    code = main(["step", "create", "task", "-o", "json", *words])
    seen = capsys.readouterr()
    return code, json.loads(seen.out) if seen.out else None, seen.err


def env(made: Any) -> dict[str, str]:
    steps = made["spec"]["pipelineSpec"]["tasks"][0]["taskSpec"]["steps"]
    return {one["name"]: one["value"] for one in steps[-1]["env"]}


def test_a_clone_says_repository_branch_and_commit(capsys: pytest.CaptureFixture[str]) -> None:
    code, made, err = run(capsys, "--build-number", "3", "-n", "jx", "-l", "team=brie")
    assert (code, err) == (0, "")
    assert (made["kind"], made["metadata"]["name"], made["metadata"]["namespace"]) == (
        "PipelineRun", "cheese-shop-main-3", "jx",
    )  # fmt: skip
    assert made["metadata"]["labels"]["team"] == "brie"
    assert (env(made)["PULL_BASE_REF"], env(made)["PULL_BASE_SHA"]) == ("main", git("rev-parse", "HEAD"))
    assert [task["name"] for task in made["spec"]["pipelineSpec"]["tasks"]] == ["ship"]


def test_another_branch_is_not_taken_for_the_clones_commit(capsys: pytest.CaptureFixture[str]) -> None:
    _, made, _ = run(capsys, "--branch", "other")
    assert "PULL_BASE_SHA" not in env(made)


def test_pull_requests_choose_their_pipeline(capsys: pytest.CaptureFixture[str]) -> None:
    _, made, _ = run(capsys, "--pull-refs", f"main:{'a' * 40},12:{'b' * 40}")
    assert made["metadata"]["name"] == "cheese-shop-pr-12-1"
    assert [task["name"] for task in made["spec"]["pipelineSpec"]["tasks"]] == ["check"]
    assert env(made)["PULL_PULL_SHA"] == "b" * 40
    _, named, _ = run(capsys, "-k", "PULLREQUEST")
    assert [task["name"] for task in named["spec"]["pipelineSpec"]["tasks"]] == ["check"]


def test_a_clone_of_the_version_stream_names_tags(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "stream" / "docker" / "gcr.io" / "jenkinsxio" / "builder-go.yml"
    path.parent.mkdir(parents=True)
    path.write_text("version: 2.1.7\n")
    _, made, _ = run(capsys, "--version-stream", str(tmp_path / "stream"))
    assert made["spec"]["pipelineSpec"]["tasks"][0]["taskSpec"]["steps"][1]["image"].endswith(
        "builder-go:2.1.7"
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["-k", "feature"], 4, "jenkins-x.yml has no feature pipeline\nhint: it has: release, pullRequest"),
        (["--pull-refs", "main:abc,12"], 2, "'12' is no pull request"),
        (["--pull-refs", f"main:abc,12:{'b' * 40}"], 5, "'abc' is not a full git commit id"),
        (["--pull-refs", "main:abc", "--branch", "x"], 2, "--pull-refs names the branch and its commit"),
        (["--branch=-x"], 5, "'-x' is not a valid name of a branch"),
        (["--build-number", "0"], 2, "--build-number"),
        (["-l", "team"], 2, "'team' has no name and value"),
        (["--clone-git-url", "https://ann:secret@git.example.com/a/b.git"], 5, "may not hold a password"),
    ],
)
def test_what_cannot_be_is_told(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    got, made, err = run(capsys, *words)
    assert (got, made) == (code, None)
    assert said in err
    assert "secret" not in err


def test_a_folder_outside_of_git_must_be_told_whose_it_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "jenkins-x.yml").write_text(FILE)
    code, _, err = run(capsys, "-d", str(tmp_path / "plain"), "--branch", "main")
    assert (code, "name it by --clone-git-url" in err) == (2, True)
    code, made, _ = run(
        capsys, "-d", str(tmp_path / "plain"), "--branch", "main", "--clone-git-url", "git@git.example.com:cheese/shop.git"
    )  # fmt: skip
    assert (code, made["metadata"]["labels"]["repository"]) == (0, "shop")
