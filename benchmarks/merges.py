"""What an installation and a merged pull request take of processors: in all processes of the platform, and in the commands.

The clock would tell what else the machine does. A pull request changes a value of the platform's own app, so with an engine it
is checked by a run, applied by a run, and what it made is proven by a run.
"""

from __future__ import annotations

import statistics
import threading
import time

from benchmarks.costs import Processes
from benchmarks.platforms import PATIENCE, REVIEWER, Platform, installed
from benchmarks.report import Report

ROUNDS = 3
WAYS = {"runs": (), "controllers alone": ("--tekton=false",)}
AIMS = {"runs": ("< 5", "< 3"), "controllers alone": ("", "")}
_QUIET = 2.0
"""Seconds in which next to nothing is done any more."""
_NOTHING = 0.1


def run(report: Report) -> None:
    """One platform for each way of applying."""
    processes = Processes()
    for way, words in WAYS.items():
        report.say(f"  {way}")
        _measure(report, processes, way, words)


def _measure(report: Report, processes: Processes, way: str, words: tuple[str, ...]) -> None:
    of_install, of_merge = AIMS[way]
    begin, there = processes.processor(), list[float]()
    with installed(*words, when_there=lambda: there.append(processes.processor())) as platform:
        report.add(f"{way}: jx install --ng", there[0] - begin, "s", aim=of_install)
        _settle(processes)
        took = [_merge(platform, processes, number) for number in range(ROUNDS)]
        whole = statistics.median(all_of_it for all_of_it, _ in took)
        report.add(f"{way}: a merged pull request, with its three commands", whole, "s")
        inside = statistics.median(all_of_it - commands for all_of_it, commands in took)
        report.add(f"{way}: of that in the platform", inside, "s", aim=of_merge)


def _merge(platform: Platform, processes: Processes, number: int) -> tuple[float, float]:
    """Seconds of all processes, and those of the commands."""
    begin = processes.processor()
    offered = platform.run("edit", "app", "jx-platform", "--set", f"note=n{number}")
    pull = offered.told.split("/pulls/", 1)[1].split()[0]
    _settle(processes)
    approved = platform.run("--as", REVIEWER, "pr", "approve", pull)
    wait = ("--wait", "--timeout", str(int(PATIENCE)))
    merged = platform.run("--as", REVIEWER, "pr", "merge", pull, *wait)
    _settle(processes)
    commands = offered.processor + approved.processor + merged.processor
    return processes.processor() - begin, commands


def _settle(processes: Processes) -> None:
    """Return when what was begun has ended."""
    end, pause = time.monotonic() + PATIENCE, threading.Event()
    before, since = processes.processor(), time.monotonic()
    while time.monotonic() - since < _QUIET:
        if time.monotonic() > end:
            raise SystemExit("the platform does not come to rest")
        pause.wait(0.25)
        now = processes.processor()
        if now - before > _NOTHING:
            before, since = now, time.monotonic()
