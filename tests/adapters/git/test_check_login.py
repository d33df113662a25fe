"""The login of a check's clone, as git itself takes it: for one repository of the server, and for no other."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from jx.domain.runs.environment_runs import git_login

OWN = "https://git.example.com/team/environment-dev.git"
ASKED = {"credential.useHttpPath": "true"}


def ask(url: str, home: Path) -> str:
    """What git finds of a login for a URL, in a step whose Secret says `bot` and `a-token`."""
    given = {one["name"]: one["value"] for one in git_login(OWN, "jx-git", ASKED) if "value" in one}
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "JX_GIT_USER": "bot",
        "JX_GIT_TOKEN": "a-token",
        **given,
    }
    git = ["git", "credential", "fill"]
    done = subprocess.run(
        git, input=f"url={url}\n\n", env=environment, cwd=home, capture_output=True, text=True, check=False
    )
    return done.stdout


def test_the_repository_itself_gets_it(tmp_path: Path) -> None:
    assert "password=a-token" in ask(OWN, tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/team/other.git",
        "https://git.example.com/team/environment-dev.git.evil",
        "https://git.example.com/",
        "https://evil.example/team/environment-dev.git",
    ],
)
def test_no_other_gets_it_as_a_submodule_of_a_pull_request_might_ask(url: str, tmp_path: Path) -> None:
    assert "a-token" not in ask(url, tmp_path)
