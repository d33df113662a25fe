"""Whether the holder of a lock has died."""

from __future__ import annotations

import os
import subprocess
import sys

from jx.adapters.files.holders import is_gone, name_holder


def name_in_another_process() -> str:
    program = "from jx.adapters.files.holders import name_holder; print(name_holder('ann'))"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_process_that_lives_is_not_gone() -> None:
    assert f"/{os.getpid()}/" in name_holder("ann")
    assert not is_gone(name_holder("ann"))


def test_a_process_of_this_machine_that_has_ended_is_gone() -> None:
    assert is_gone(name_in_another_process())


def test_nobody_can_tell_of_another_machine_or_of_a_name_without_a_place() -> None:
    ended = name_in_another_process()
    assert not is_gone(ended[:-8] + "00000000")
    assert not is_gone(ended.rpartition("/")[0])
    assert not is_gone("controller")
