"""Starts of the `jx` process, beside those of python and kubectl: help of all and of single commands, no word at all."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.costs import Cost, run_command
from benchmarks.report import Report

ROUNDS = 9
PYTHON = ["-c", "pass"]
KUBECTL = shutil.which("kubectl")
WORDS = {
    "--help": "< 0.1",
    "version": "< 0.1",
    "add app --help": "< 0.3",
    "step env apply --help": "< 0.3",
    "": "< 0.3",
}
"""Without a word it tells what there is; in an empty home."""


def run(report: Report) -> None:
    """The least of each, since whatever else the machine does only adds to it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        environment = {**os.environ, "HOME": home, "JX_HOME": str(Path(home) / ".jx")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        bare = _least(PYTHON, environment)
        for words, aim in WORDS.items():
            ours = _least(["-m", "jx", *words.split()], environment)
            name = f"jx {words}".strip()
            report.add(f"{name}, beside python", ours.seconds, "s", peer=bare.seconds, aim=aim)
            report.add(f"{name}, processor", ours.processor, "s", peer=bare.processor)
            if words == "version" and KUBECTL:
                peer = _least(["version", "--client"], environment, program=KUBECTL)
                report.add(f"{name}, beside kubectl", ours.seconds, "s", peer=peer.seconds)


def _least(words: list[str], environment: dict[str, str], *, program: str = sys.executable) -> Cost:
    run_command([program, *words], environment)
    return min((run_command([program, *words], environment) for _ in range(ROUNDS)), key=_seconds)


def _seconds(cost: Cost) -> float:
    return cost.seconds
