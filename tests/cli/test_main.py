"""The entry: help, typos, dashes, versions, completion, exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from jx import __version__
from jx.cli.main import main


@pytest.fixture(autouse=True)
def _empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JX_HOME", str(tmp_path / "jx"))
    for name in ("JX_PLATFORM", "JX_USER", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    seen = capsys.readouterr()
    return code, seen.out, seen.err


def test_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "version") == (0, f"jx {__version__}\n", "")


def test_help_lists_commands_by_what_they_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert out.index("Start:") < out.index("Change (each opens a pull request):") < out.index("Rescue:")
    assert "jx install --ng" in out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["instal"], "'install'"),
        (["add", "ap"], "'app'"),
        (["upgrade", "platfrom"], "'platform'"),
        (["local", "statsu"], "'status'"),
    ],
)
def test_a_typo_is_answered_with_the_nearest_word(
    capsys: pytest.CaptureFixture[str], words: list[str], named: str
) -> None:
    code, _, err = run(capsys, *words)
    assert code == 2
    assert f"Did you mean {named}" in err


@pytest.mark.parametrize("dash", ["\u2014", "\u2013"])
def test_a_pasted_typographic_dash_gets_the_flag_as_it_is_typed(
    capsys: pytest.CaptureFixture[str], dash: str
) -> None:
    code, _, err = run(capsys, "install", f"{dash}ng")
    assert code == 2
    assert "hint: type --ng" in err


def test_bare_jx_on_a_new_machine_says_what_to_do_first(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys)
    assert code == 0
    assert "jx install --ng" in out


def test_a_command_that_needs_a_platform_says_how_to_get_one(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "local", "status")
    assert code == 4
    assert "jx install --ng" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_program(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    code, out, _ = run(capsys, "completion", shell)
    assert code == 0
    assert "_JX_COMPLETE" in out


def test_a_fault_of_ours_leaves_a_report_and_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("token=abc123 in here")

    monkeypatch.setattr("jx.config.load.load", fail)
    code, _, err = run(capsys, "local", "status")
    assert code == 70
    assert "please report it with" in err
    report = Path(err.rpartition("report it with ")[2].strip())
    text = report.read_text()
    report.unlink()
    assert "ZeroDivisionError" in text
    assert "abc123" not in text + err
    assert "Traceback" not in err


def test_a_full_disk_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere")

    monkeypatch.setattr("jx.config.load.load", fail)
    code, _, err = run(capsys, "local", "status")
    assert code == 1
    assert err.startswith("error: the disk is full: /somewhere\nhint: ")
