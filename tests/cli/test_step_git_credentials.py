"""`jx step git credentials`: git logs in by variables, and no token is written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from jx.cli.main import main

ASKED = "protocol=https\nhost={host}\n\n"


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        "JX_FORGE_URL",
        "JX_GIT_URL",
        "JX_GIT_USER",
        "JX_GIT_TOKEN",
        "JX_DEV_REPO_URL",
        "GIT_CONFIG_GLOBAL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JX_HOME", str(tmp_path / "jx"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "0")


def run(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["step", "git", "credentials"])
    seen = capsys.readouterr()
    return code, seen.out + seen.err


def login(host: str) -> str:
    """What git would log in with."""
    asked = ASKED.format(host=host)
    done = subprocess.run(
        ["git", "-c", "core.askPass=", "credential", "fill"],
        input=asked,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else ""


def test_git_logs_in_by_what_the_variables_hold_and_to_that_server_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {"URL": "https://git.example.com", "USER": "bot", "TOKEN": "t0ken"}.items():
        monkeypatch.setenv(f"JX_GIT_{name}", value)
    assert run(capsys) == run(capsys) == (0, "git logs in to https://git.example.com as bot\n")
    assert "username=bot\npassword=t0ken\n" in login("git.example.com")
    assert login("evil.example.com") == ""
    monkeypatch.setenv("JX_GIT_TOKEN", "renewed")
    assert "password=renewed\n" in login("git.example.com")
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in written if "t0ken" in text]


def test_without_a_login_git_stays_as_it_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, said = run(capsys)
    assert code == 0
    assert said.startswith("there is no login here (JX_GIT_USER, JX_GIT_TOKEN)")
    assert not (tmp_path / ".gitconfig").exists()


def test_a_login_for_no_server_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JX_GIT_TOKEN", "t0ken")
    code, said = run(capsys)
    assert (code, "set JX_GIT_URL" in said, "t0ken" in said) == (2, True, False)
