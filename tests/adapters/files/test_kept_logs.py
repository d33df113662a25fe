"""Logs of pods that are gone are kept with what they were of, up to a limit, and found by what a person says."""

from __future__ import annotations

from pathlib import Path

import pytest

from jx.adapters.files import kept_logs
from jx.adapters.files.kept_logs import KeptLogs, KeptPod, NoLogs, keep
from jx.domain.errors import NotFound
from jx.domain.runs.run_choice import RunChoice
from jx.domain.runs.runs import LogLine


def a_pod(folder: Path, build: int, *, stage: str = "build", text: str = "hello\n\nbye\n") -> None:
    logs = folder / "logs" / f"{build}-{stage}"
    logs.mkdir(parents=True)
    (logs / "step-say.log").write_text(text)
    about = KeptPod(
        f"shop-{build}", "acme/shop/main", str(build), "apply", stage, ("step-say", "step-none"), f"{build}"
    )
    keep(folder / "kept", f"pod-{build}-{stage}", logs, about)


def test_the_logs_of_the_newest_run_that_is_meant_are_read_line_by_line(tmp_path: Path) -> None:
    a_pod(tmp_path, 1, text="old\n")
    a_pod(tmp_path, 2)
    a_pod(tmp_path, 2, stage="deploy", text="done")
    lines = list(KeptLogs(tmp_path / "kept").read(RunChoice("acme/shop/main")))
    said = [LogLine("build", "say", text) for text in ("hello", "", "bye")]
    assert sorted(lines, key=lambda line: line.stage) == [*said, LogLine("deploy", "say", "done")]
    assert list(KeptLogs(tmp_path / "kept").read(RunChoice(build="1"))) == [LogLine("build", "say", "old")]


def test_what_was_never_there_is_not_found_before_the_first_line(tmp_path: Path) -> None:
    for store in (KeptLogs(tmp_path / "none"), NoLogs()):
        with pytest.raises(NotFound):
            store.read(RunChoice("acme/shop/main"))


def test_what_is_too_much_goes_the_oldest_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_logs, "PODS_AT_MOST", 2)
    for build in range(1, 5):
        a_pod(tmp_path, build)
    assert len(list((tmp_path / "kept").iterdir())) == 2
    monkeypatch.setattr(kept_logs, "BYTES_AT_MOST", 1)
    a_pod(tmp_path, 9)
    assert list((tmp_path / "kept").iterdir()) == []


def test_what_was_half_written_hides_no_other_logs(tmp_path: Path) -> None:
    a_pod(tmp_path, 1)
    for name, text in (
        ("cut", '{"run": "shop'),
        ("other", '["a"]'),
        ("later", '{"run": "a", "of": "tomorrow"}'),
    ):
        (tmp_path / "kept" / name).mkdir()
        (tmp_path / "kept" / name / "about.json").write_text(text)
    assert len(list(KeptLogs(tmp_path / "kept").read(RunChoice("acme/shop/main")))) == 3


def test_keeping_can_be_done_again_by_whoever_was_interrupted(tmp_path: Path) -> None:
    about = KeptPod("shop-1", "acme/shop/main", "1", "apply", "build", ("step-say",))
    logs, kept = tmp_path / "logs", tmp_path / "kept"
    logs.mkdir()
    (logs / "step-say.log").write_text("hello\n")
    keep(kept, "pod", logs, about)
    (kept / "pod" / "about.json").unlink()
    keep(kept, "pod", logs, about)
    assert [line.text for line in KeptLogs(kept).read(RunChoice(build="1"))] == ["hello"]
