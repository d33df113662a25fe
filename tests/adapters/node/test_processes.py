"""Processes are recorded by themselves, told apart by their start, and never left over."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from jx.adapters.local.node.processes import (
    Identity,
    Process,
    identity_of,
    kill_leftover,
    parse_identity,
    wait_gone,
)


class Started:
    """A process of a shell script, with its record and log."""

    def __init__(self, folder: Path, script: str) -> None:
        self.record, self.log = folder / "record", folder / "log"
        self.ended = threading.Event()
        environment = {"PATH": os.environ["PATH"]}
        with self.log.open("ab") as log:
            self.process = Process.start(
                ["/bin/sh", "-c", script],
                environment=environment,
                folder=folder,
                output=log.fileno(),
                record=self.record,
                on_exit=self.ended.set,
            )


def test_the_name_of_a_program_may_hold_anything() -> None:
    fields = " ".join(["S", "1", "42", "42", *["0"] * 15, "777", "0"])
    assert parse_identity(f"42 (a) b (c) {fields}\n") == Identity(42, 777, "S")
    assert parse_identity("nonsense") is None


def test_a_process_tells_its_exit_code_and_the_signal_that_ended_it(tmp_path: Path) -> None:
    one = Started(tmp_path, "echo said; exit 7")
    assert one.ended.wait(10)
    assert (one.process.exit_code, one.log.read_text()) == (7, "said\n")
    assert not one.record.exists()
    two = Started(tmp_path, "exec sleep 60")
    two.process.kill()
    assert two.ended.wait(10)
    assert two.process.exit_code == 128 + signal.SIGKILL


def test_what_a_program_started_ends_with_it(tmp_path: Path) -> None:
    started = Started(tmp_path, "sleep 60 & echo $!; exit 0")
    assert started.ended.wait(10)
    assert wait_gone(int(started.log.read_text()), 10)


def test_a_leftover_is_killed_by_its_record(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    started = Started(tmp_path, f"echo ready > {fifo}; exec sleep 60")
    fifo.read_text()  # returns once the program runs, so its record is written
    copy = tmp_path / "copy"
    copy.write_text(started.record.read_text())
    assert kill_leftover(copy)
    assert started.ended.wait(10)
    assert not copy.exists()
    assert not kill_leftover(copy)


@pytest.mark.parametrize("change", [0, 1])
def test_a_later_process_of_the_same_number_is_left_alone(tmp_path: Path, change: int) -> None:
    started = Started(tmp_path, "exec sleep 60")
    now = identity_of(started.process.pid)
    assert now is not None
    assert now.is_same(Identity(now.pid, now.started + change, "S")) is (change == 0)
    record = tmp_path / "other"
    zeros = " ".join(["S", "1", "1", "1", *["0"] * 15, str(now.started + 1), "0"])
    record.write_text(f"{now.pid} (other) {zeros}")
    assert not kill_leftover(record)
    assert identity_of(started.process.pid) is not None
    started.process.kill()
    assert started.ended.wait(10)
