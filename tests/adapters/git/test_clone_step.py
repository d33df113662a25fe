"""The step that every run begins with, run by a shell against real repositories."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from jx.domain.names import Repo, Revision
from jx.domain.pipelines.cloning import HEADS, SCRIPT, write_heads
from jx.domain.pipelines.runs import Pull, RunRequest, env_of
from jx.domain.pipelines.syntax import PipelineKind


@dataclass(frozen=True)
class Forge:
    """A repository with a branch and a pull request, and a workspace to clone into."""

    origin: Path
    work: Path
    workspace: Path
    master: Revision
    head: Revision

    def git(self, *words: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=cwd or self.work, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, path: str, text: str) -> Revision:
        (self.work / path).write_text(text)
        self.git("add", ".")
        self.git("commit", "-qm", f"Write {path}")
        return Revision(self.git("rev-parse", "HEAD"))

    def push(self, commit: Revision, ref: str) -> None:
        self.git("push", "-qf", "origin", f"{commit}:{ref}")

    def clone(
        self, *pulls: Pull, revision: Revision | None = None, branch: str = "master"
    ) -> subprocess.CompletedProcess[str]:
        repo, kind = Repo(f"file://{self.origin}"), PipelineKind.PULL_REQUEST
        request = RunRequest(repo=repo, branch=branch, kind=kind, build=1, revision=revision, pulls=pulls)
        env = {**os.environ, **env_of(request), HEADS: write_heads(pulls)}
        return subprocess.run(
            ["/bin/sh", "-c", SCRIPT],
            cwd=self.workspace,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    def files(self) -> set[str]:
        return {path.name for path in self.workspace.iterdir() if path.name != ".git"}


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Forge:
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "ann")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "ann@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    made = Forge(
        tmp_path / "origin.git", tmp_path / "work", tmp_path / "workspace", Revision(""), Revision("")
    )
    made.work.mkdir()
    made.workspace.mkdir()
    made.git("init", "-q", "--bare", str(made.origin))
    made.git("init", "-q", "-b", "master")
    made.git("remote", "add", "origin", str(made.origin))
    base = made.commit("base", "one\n")
    head = made.commit("proposed", "two\n")
    made.git("checkout", "-q", base)
    master = made.commit("merged", "three\n")
    made.push(master, "refs/heads/master")
    made.push(head, "refs/pull/12/head")
    return Forge(made.origin, made.work, made.workspace, master, head)


def test_a_branch_is_cloned_at_the_commit_that_was_named(forge: Forge) -> None:
    newer = forge.commit("newer", "four\n")
    forge.push(newer, "refs/heads/master")
    done = forge.clone(revision=forge.master)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"Cloning file://{forge.origin}, branch master",
        f"{forge.master} Write merged",
    ]
    assert forge.files() == {"base", "merged"}
    assert forge.git("symbolic-ref", "--short", "HEAD", cwd=forge.workspace) == "master"
    assert forge.clone().stdout.endswith(f"\n{newer} Write newer\n")


def test_a_pull_request_is_merged_onto_its_base(forge: Forge) -> None:
    assert forge.clone(Pull(12, forge.head), revision=forge.master).returncode == 0
    assert forge.files() == {"base", "merged", "proposed"}
    parents = forge.git("log", "-1", "--format=%P", cwd=forge.workspace).split()
    assert parents == [forge.master, forge.head]


def test_a_pull_request_is_checked_as_it_was_though_it_has_moved_since(forge: Forge) -> None:
    forge.git("checkout", "-q", forge.head)
    forge.push(forge.commit("evil", "!\n"), "refs/pull/12/head")
    assert forge.clone(Pull(12, forge.head), revision=forge.master).returncode == 0
    assert forge.files() == {"base", "merged", "proposed"}


def test_doing_it_again_gives_the_same_whatever_the_workspace_has_become(forge: Forge) -> None:
    first = forge.clone(Pull(12, forge.head), revision=forge.master)
    (forge.workspace / "base").write_text("changed\n")
    (forge.workspace / "left").mkdir()
    (forge.workspace / "left" / "over").write_text("\n")
    forge.git("add", "base", cwd=forge.workspace)
    again = forge.clone(Pull(12, forge.head), revision=forge.master)
    assert (first.returncode, again.returncode) == (0, 0)
    assert forge.files() == {"base", "merged", "proposed"}
    assert (forge.workspace / "base").read_text() == "one\n"


@pytest.mark.parametrize("is_link", [False, True])
def test_nothing_runs_that_steps_left_in_the_workspace(forge: Forge, tmp_path: Path, is_link: bool) -> None:
    forge.clone(revision=forge.master)
    evil, settings = tmp_path / "evil", forge.workspace / ".git"
    if is_link:
        settings.rename(tmp_path / "elsewhere")
        settings.write_text(f"gitdir: {tmp_path / 'elsewhere'}\n")
        settings = tmp_path / "elsewhere"
    for name in ("post-checkout", "reference-transaction", "post-merge", "post-index-change"):
        hook = settings / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {evil}\n")
        hook.chmod(0o755)
    for key in ("core.fsmonitor", "uploadpack.packObjectsHook", "filter.x.smudge", "diff.external"):
        forge.git("config", f"--file={settings / 'config'}", key, f"touch {evil}")
    (forge.workspace / ".gitattributes").write_text("* filter=x\n")
    assert forge.clone(Pull(12, forge.head), revision=forge.master).returncode == 0
    assert forge.files() == {"base", "merged", "proposed"}
    assert not evil.exists()


def test_a_conflict_is_told(forge: Forge) -> None:
    forge.git("checkout", "-q", forge.head)
    clashing = forge.commit("merged", "other\n")
    forge.push(clashing, "refs/pull/13/head")
    done = forge.clone(Pull(13, clashing), revision=forge.master)
    assert done.returncode == 1
    assert done.stderr.endswith(f"refs/pull/13/head at {clashing} cannot be merged onto master: rebase it\n")
    assert forge.clone(Pull(12, forge.head), revision=forge.master).returncode == 0


def test_a_branch_or_commit_that_is_gone_is_told(forge: Forge) -> None:
    done = forge.clone(branch="gone")
    assert (done.returncode, f"there is no branch gone in file://{forge.origin}" in done.stderr) == (1, True)
    done = forge.clone(revision=Revision("f" * 40))
    assert (done.returncode, f"commit {'f' * 40} is not in file://{forge.origin}" in done.stderr) == (1, True)


def test_a_server_that_gives_nothing_is_not_said_to_lack_the_commit(forge: Forge) -> None:
    forge.origin.rename(forge.origin.with_name("gone.git"))
    done = forge.clone(revision=forge.master)
    words = f"neither branch master nor commit {forge.master} can be had from file://{forge.origin}\n"
    assert (done.returncode, done.stderr.endswith(words)) == (1, True)


def test_a_commit_is_found_though_its_branch_is_gone(forge: Forge) -> None:
    forge.push(forge.master, "refs/heads/other")
    forge.git("update-ref", "-d", "refs/heads/master", cwd=forge.origin)
    done = forge.clone(revision=forge.master)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"{forge.master} Write merged")
