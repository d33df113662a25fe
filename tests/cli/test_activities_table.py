"""Activities as people see them in a table."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jx.cli import output
from jx.cli.activities import TINTS, rows_of, to_data
from jx.cli.run_choice import show_lines
from jx.domain.runs.activities import Activity, ActivityStatus, ActivityStep
from jx.domain.runs.runs import LogLine

THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(("build", "head"), [("7", "acme/shop/main #7"), ("", "acme/shop/main")])
def test_a_run_that_somebody_started_without_a_number_has_none(build: str, head: str) -> None:
    activity = Activity("acme-shop-main", "acme/shop/main", build, ActivityStatus.SUCCEEDED)
    assert rows_of(activity, datetime.now(UTC))[0][0] == head


def test_documents_say_when_each_step_was_and_of_which_stage_it_is() -> None:
    done = ActivityStatus.SUCCEEDED
    steps = (ActivityStep("build", done), ActivityStep("make", done, THEN, THEN, depth=1))
    activity = Activity("a", "acme/shop/main", "1", done, steps=steps, started=THEN)
    data = to_data(activity)
    assert (data["started"], data["completed"]) == ("2026-01-02T03:04:05Z", None)
    assert data["steps"] == [
        {
            "name": "build",
            "stage": "",
            "status": "Succeeded",
            "description": "",
            "started": None,
            "completed": None,
        },
        {
            "name": "make",
            "stage": "build",
            "status": "Succeeded",
            "description": "",
            "started": "2026-01-02T03:04:05Z",
            "completed": "2026-01-02T03:04:05Z",
        },
    ]


def test_what_others_wrote_stays_in_its_cell(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("NAME", "STATUS"), [("a\x1b]0;x\x07\nb", "Failed \u202eon\x9bpurpose")], tints=TINTS)
    assert capsys.readouterr().out == (
        "NAME        STATUS\na\ufffd]0;x\ufffd b   Failed \ufffdon\ufffdpurpose\n"
    )


def test_a_table_that_grows_keeps_its_columns(capsys: pytest.CaptureFixture[str]) -> None:
    table = output.GrowingTable(("NAME", "AGE", "STATUS"))
    table.begin()
    for row in (("longer", "1s", "Running"), ("a", "", "Failed"), ("a", "2s", "")):
        table.add(row)
    assert capsys.readouterr().out.splitlines() == [
        "NAME   AGE   STATUS",
        "longer   1s    Running",
        "a              Failed",
        "a        2s",
    ]


def test_lines_of_logs_colour_a_terminal_and_do_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["windows\r", "10%\r20%\rdone", "\x1b[31mred\x1b[0m", "\x1b[2Jgone\x07", "c1\x9b2J"]
    assert show_lines(LogLine("build", "make", text) for text in texts) == len(texts)
    assert capsys.readouterr().out.splitlines() == [
        *("windows", "10%", "20%", "done", "\x1b[31mred\x1b[0m", "\ufffd[2Jgone\ufffd", "c1\ufffd2J")
    ]
