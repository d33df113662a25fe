"""A whole embedded platform: from the webhook of a push to the first line of the first step of the run that applies it.

Receiver, controllers, runner and node are the processes of the platform; the pushes are git's own. A webhook counts from the
moment when the forge has written down that it is to be sent.
"""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from benchmarks.platforms import PATIENCE, Platform, installed
from benchmarks.report import Report
from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.api import Api
from jx.adapters.local.forge.client import Administration
from jx.adapters.tekton.pipelines import TektonPipelines

PUSHES = 20


def run(report: Report) -> None:
    """Pushes one after the other, each when the run of the one before has ended."""
    with installed() as platform, _pipelines(platform) as pipelines:
        _push(platform, pipelines, 0)  # warms up
        took = sorted(_push(platform, pipelines, number) for number in range(1, PUSHES + 1))
    report.add("webhook to the first line, median", statistics.median(took), "ms", aim="below 300 ms")
    place = max(0, -(-len(took) * 95 // 100) - 1)
    report.add(f"the 95th percentile of {len(took)}", took[place], "ms", aim="below 300 ms")
    report.add("the slowest of those", took[-1], "ms")


def _push(platform: Platform, pipelines: TektonPipelines, number: int) -> float:
    logs, seen = platform.servers / "kubernetes" / "pods", set[Path]()
    seen.update(logs.glob("*/logs/step-git-clone.log"))
    with (platform.clone / "README.md").open("a") as readme:
        readme.write(f"{number}\n")
    platform.shell(f"git -C clone commit -qam 'Say {number}'")
    before = time.time()
    platform.shell("git -C clone push -q")
    end, pause = time.monotonic() + PATIENCE, threading.Event()
    while not any(path.stat().st_size for path in logs.glob("*/logs/step-git-clone.log") if path not in seen):
        if time.monotonic() > end:
            raise SystemExit("no run has begun")
        pause.wait(0.002)
    first_line = time.time()
    while any(run.state.is_open for run in pipelines.list_all()):
        pause.wait(0.1)
    return (first_line - _told_at(platform, before)) * 1000


def _told_at(platform: Platform, after: float) -> float:
    """When the forge noted that it has to tell of the push."""
    token = (platform.servers / "forge" / "admin.token").read_text().strip()
    repo = platform.dev.repo
    times = [
        datetime.fromisoformat(one["created"]).timestamp()
        for one in Administration(platform.owner.forge_url, token).deliveries(repo)
        if one["event"] == "push"
    ]
    return min(at for at in times if at >= after)


@contextlib.contextmanager
def _pipelines(platform: Platform) -> Iterator[TektonPipelines]:
    access = kubeconfig.load([platform.kubeconfig])
    with contextlib.closing(Api.connect(access, SystemClock())) as api:
        yield TektonPipelines(api, namespace="jx")
