"""Pipelines from a file to processes: compiled, given to the API, run, with real repositories to clone."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.runner import RunnerWorld, message, outcome

from jx.domain.names import Repo, Revision
from jx.domain.pipelines import files
from jx.domain.pipelines.compiling import compile_run
from jx.domain.pipelines.effective import Project, make_effective
from jx.domain.pipelines.packs import Packs
from jx.domain.pipelines.runs import Pull, RunRequest
from jx.domain.pipelines.syntax import PipelineKind


@dataclass(frozen=True)
class Source:
    """A repository with a branch, and commits to propose."""

    origin: Path
    work: Path

    def git(self, *words: str) -> str:
        git = ["git", "-c", "user.name=ann", "-c", "user.email=ann@example.com", *words]
        return subprocess.run(git, cwd=self.work, capture_output=True, text=True, check=True).stdout.strip()

    def commit(self, path: str, text: str, ref: str) -> Revision:
        (self.work / path).write_text(text)
        self.git("add", ".")
        self.git("commit", "-qm", f"Write {path}")
        self.git("push", "-q", "origin", f"HEAD:{ref}")
        return Revision(self.git("rev-parse", "HEAD"))

    def run(self, text: str, kind: PipelineKind, build: int, **settings: Any) -> dict[str, Any]:
        repo = Repo(f"file://{self.origin}")
        file = make_effective(files.parse_project(text), "none", Packs(), Project(repo=repo))
        request = RunRequest(repo=repo, branch="master", kind=kind, build=build, account="default")
        return compile_run(file, replace(request, **settings))


@pytest.fixture
def project(tmp_path: Path) -> Source:
    made = Source(tmp_path / "cheese" / "shop.git", tmp_path / "work")
    made.work.mkdir()
    made.git("init", "-q", "--bare", str(made.origin))
    made.git("init", "-q", "-b", "master")
    made.git("remote", "add", "origin", str(made.origin))
    made.commit("base", "one\n", "refs/heads/master")
    return made


RELEASE = """
buildPack: none
env: [{name: COLOR, value: red}]
pipelineConfig:
  agent: {image: tools}
  pipelines:
    release:
      setVersion: {steps: [{sh: "echo 1.2.3 > VERSION", name: make-version}]}
      pipeline:
        stages:
        - name: build
          steps:
          - {name: build, command: "echo $VERSION-$(cat base)-$$ > built; mkdir -p docs"}
        - name: checks
          parallel:
          - {name: left, steps: [{name: look, command: cat, args: [built]}]}
          - name: right
            steps:
            - loop:
                variable: WORD
                values: [a, b]
                steps: [{name: say, command: "echo $WORD $COLOR $(basename $(pwd))", dir: docs}]
        post:
        - {condition: success, steps: [{name: cheer, command: "echo released $VERSION"}]}
        - {condition: failure, steps: [{name: cry, command: "echo no"}]}
"""


def test_a_release_is_versioned_built_checked_and_told(world: RunnerWorld, project: Source) -> None:
    made = project.run(RELEASE, PipelineKind.RELEASE, 1)
    world.apply(made)
    name = made["metadata"]["name"]
    run = world.ended(name)
    assert outcome(run) == ("True", "Completed"), message(run)
    assert world.log("set-version", step="step-git-clone", run=name).endswith(b" Write base\n")
    (version, word, number) = world.log("left", step="step-look", run=name).decode().split("-")
    assert (version, word) == ("1.2.3", "one")
    assert number.strip().isdigit()
    assert world.log("right", step="step-say2", run=name) == b"b red docs\n"
    assert world.log("post-success", step="step-cheer", run=name) == b"released 1.2.3\n"
    assert [one["name"] for one in run["status"]["skippedTasks"]] == ["post-failure"]


CHECK = """
buildPack: none
pipelineConfig:
  pipelines:
    pullRequest:
      pipeline:
        agent: {image: tools}
        stages:
        - name: check
          options: {retry: RETRY}
          steps: [{name: look, command: COMMAND}]
        post:
        - {condition: failure, steps: [{name: cry, command: "echo failed"}]}
"""


def check(command: str, *, retry: int = 0) -> str:
    return CHECK.replace("COMMAND", command).replace("RETRY", str(retry))


def test_a_pull_request_is_checked_as_it_would_be_merged(world: RunnerWorld, project: Source) -> None:
    base = Revision(project.git("rev-parse", "HEAD"))
    head = project.commit("proposed", "two\n", "refs/pull/12/head")
    project.git("checkout", "-q", base)
    master = project.commit("merged", "three\n", "refs/heads/master")
    text = check("ls; echo $PULL_NUMBER $BRANCH_NAME; git log -1 --format=%P")
    made = project.run(text, PipelineKind.PULL_REQUEST, 2, revision=master, pulls=(Pull(12, head),))
    world.apply(made)
    name = made["metadata"]["name"]
    assert outcome(world.ended(name))[0] == "True"
    seen = world.log("check", step="step-look", run=name).decode().splitlines()
    assert seen == ["base", "merged", "proposed", "12 PR-12", f"{master} {head}"]


def test_a_stage_that_fails_is_tried_again_and_its_end_is_told(world: RunnerWorld, project: Source) -> None:
    head = project.commit("proposed", "two\n", "refs/pull/13/head")
    made = project.run(check("ls; false", retry=1), PipelineKind.PULL_REQUEST, 3, pulls=(Pull(13, head),))
    world.apply(made)
    name = made["metadata"]["name"]
    assert outcome(world.ended(name)) == ("False", "Failed")
    assert world.log("check", step="step-look", run=name, attempt=1).startswith(b"base\n")
    assert world.log("post-failure", step="step-cry", run=name) == b"failed\n"


def test_a_conflict_fails_the_run_and_says_so(world: RunnerWorld, project: Source) -> None:
    base = Revision(project.git("rev-parse", "HEAD"))
    head = project.commit("base", "theirs\n", "refs/pull/14/head")
    project.git("checkout", "-q", base)
    project.commit("base", "ours\n", "refs/heads/master")
    made = project.run(check("ls"), PipelineKind.PULL_REQUEST, 4, pulls=(Pull(14, head),))
    world.apply(made)
    name = made["metadata"]["name"]
    assert outcome(world.ended(name)) == ("False", "Failed")
    said = world.log("check", step="step-git-clone", run=name)
    assert said.endswith(b"cannot be merged onto master: rebase it\n")


MATRIX = """
buildPack: none
pipelineConfig:
  pipelines:
    feature:
      pipeline:
        agent: {image: tools}
        stages:
        - name: test
          matrix: {GO: ["1.20", "1.21"], SYSTEM: [linux]}
          options: {containerOptions: {resources: {limits: {memory: 512Mi}}}}
          steps: [{name: say, command: 'echo "$GO $SYSTEM"; ls'}]
        post:
        - {condition: success, steps: [{name: cheer, command: ls}]}
"""


def test_a_matrix_runs_once_for_each_combination_on_one_clone(world: RunnerWorld, project: Source) -> None:
    made = project.run(MATRIX, PipelineKind.FEATURE, 5)
    world.apply(made)
    name = made["metadata"]["name"]
    run = world.ended(name)
    assert outcome(run)[0] == "True", message(run)
    seen = {world.log(f"test-{number}", step="step-say", run=name) for number in range(2)}
    assert seen == {b"1.20 linux\nbase\n", b"1.21 linux\nbase\n"}
    assert world.log("post-success", step="step-cheer", run=name) == b"base\n"
