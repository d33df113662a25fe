"""`jx step verify pr`: the check of a pull request, from a clone and in a pipeline, as text and as a document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.platform import Machine

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-shared")]


@pytest.fixture(scope="module")
def pull(platform: Machine) -> Iterator[str]:
    """A pull request to staging."""
    words = ("add", "app", "shop", "--alias", "verified", "--version", "1.0.0", "--env", "staging")
    asked = platform.jx(*words, user="ann").ok()
    yield asked.pull
    platform.jx("pr", "close", asked.pull, "--env", "staging").ok()


@pytest.fixture(scope="module")
def clone(platform: Machine, pull: str) -> Path:
    """A clone of staging, on the branch of the pull request."""
    made = platform.clone("verify-pr", environment="staging", user="ann")
    platform.shell("git checkout -q add-app-verified-1.0.0", cwd=made).ok()
    return made


def test_the_branch_of_a_clone_tells_which_one_is_meant(platform: Machine, clone: Path) -> None:
    ran = platform.jx("step", "verify", "pr", cwd=clone).ok()
    assert ran.out.startswith("### Plan: ")
    assert "| verified | not installed → 1.0.0 |" in ran.out
    assert "# create: Deployment.apps/" in ran.out
    assert "<details>" not in ran.out
    assert "```" not in ran.out
    by_number = platform.jx("step", "verify", "pr", clone.name, "--dir", str(clone)).ended(2)
    assert "is not the number of a pull request" in by_number.err


def test_a_program_gets_the_same_as_a_document(platform: Machine, clone: Path, pull: str) -> None:
    ran = platform.jx("step", "verify", "pr", pull, "--dir", str(clone), "-o", "json").ok()
    told = json.loads(ran.out)
    assert (told["pullRequest"], told["state"], told["told"]) == (int(pull), "success", False)
    assert re.fullmatch("sha256:[0-9a-f]{64}", told["plan"])
    assert told["plan"] in told["comment"]
    assert {"create"} == {change["action"] for change in told["changes"]}


def test_whoever_may_not_write_gets_it_printed_and_the_run_says_so(
    platform: Machine, clone: Path, pull: str
) -> None:
    platform.jx("local", "user", "add", "guest", "--right", "read").ok()
    ran = platform.jx("step", "verify", "pr", cwd=clone, user="guest", env={"PULL_NUMBER": pull}).ok()
    assert "it is only printed" in ran.err
    assert "| verified |" in ran.out


def test_a_run_says_it_on_the_pull_request_and_never_beside_somebody_elses_comment(
    platform: Machine, clone: Path, pull: str
) -> None:
    run = {"PULL_NUMBER": pull}
    ran = platform.jx("step", "verify", "pr", "-o", "json", cwd=clone, user="jx-bot", env=run).ok()
    assert json.loads(ran.out)["told"] is True
    other = platform.jx("step", "verify", "pr", "-o", "json", cwd=clone, user="ann", env=run).ok()
    assert json.loads(other.out)["told"] is False
    assert "it is only printed: jx-bot tells it" in other.err
    shown = platform.jx("pr", "view", pull, "--env", "staging").ok().out
    assert shown.count("### Plan: ") == 1
    assert "check jx/plan: success" in shown


def test_files_that_are_wrong_are_told_with_their_place_and_exit_5(platform: Machine, tmp_path: Path) -> None:
    asked = platform.jx("add", "app", "dashboard", "--env", "staging", user="ann").ok()
    clone = platform.clone(f"wrong-{tmp_path.name}", environment="staging", user="ann")
    platform.shell(
        'eval "$(jx --as ann local env)"; branch=$(git branch -r --list "*/add-app-dashboard*" --format "%(refname:lstrip=3)");'
        ' git checkout -q "$branch";'
        " echo 'password: kX7pQz2LmV9rTb4NwY' > notes.txt; git add notes.txt; git commit -qm Wrong; git push -q origin HEAD",
        cwd=clone,
    ).ok()
    ran = platform.jx("step", "verify", "pr", cwd=clone).ended(5)
    assert "notes.txt:1: password: it looks drawn at random" in ran.err
    assert "kX7p" not in ran.out + ran.err
    told = json.loads(platform.jx("step", "verify", "pr", "-o", "json", cwd=clone).ended(5).out)
    assert [(one["file"], one["line"]) for one in told["problems"]] == [("notes.txt", 1)]
    platform.jx("pr", "close", asked.pull, "--env", "staging").ok()
    closed = platform.jx("step", "verify", "pr", asked.pull, cwd=clone).ok()
    assert closed.out == f"pull request #{asked.pull} is closed: there is nothing to check\n"


def test_a_branch_without_a_pull_request_is_not_found(platform: Machine, tmp_path: Path) -> None:
    clone = platform.clone(f"none-{tmp_path.name}", environment="staging", user="ann")
    ran = platform.jx("step", "verify", "pr", cwd=clone).ended(4)
    assert "is for branch master" in ran.err


def test_a_folder_that_is_no_clone_is_a_wrong_use(platform: Machine, tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: x\nversion: 0.0.1\n")
    ran = platform.jx("step", "verify", "pr", cwd=tmp_path).ended(2)
    assert "is no clone of an environment's repository" in ran.err
