"""The embedded runner: from a PipelineRun to the first line of its first step, a queue of 50 runs, a log of 100 MB.

Node, API and runner are processes of their own, as on an embedded platform.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.report import Report
from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.api import Api, Resource
from jx.adapters.local.seed import charts_folder
from jx.adapters.tekton.pipelines import TektonPipelines
from jx.domain.runs.runs import NewRun

TURNS = 15
QUEUED = 50
LOG_BYTES = 100_000_000
PATIENCE = 300.0
CRDS = Resource(
    "apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)


@dataclass(frozen=True)
class Place:
    """A cluster with its runner."""

    folder: Path
    api: Api
    pipelines: TektonPipelines
    node: int
    runner: int


def run(report: Report) -> None:
    """One after the other on one cluster."""
    with _place() as place:
        took = [_first_line(place, number) for number in range(TURNS)]
        report.add("PipelineRun to the first line", statistics.median(took) * 1000, "ms", aim="below 300 ms")
        report.add("the slowest of those", max(took) * 1000, "ms")
        _queue(place, report)
        _long_log(place, report)


def _first_line(place: Place, number: int) -> float:
    mark = place.folder / f"mark-{number}"
    begin = time.perf_counter()
    place.pipelines.start(_new(f"first-{number}", f"echo begun > {mark}"))
    _until(mark.exists)
    took = time.perf_counter() - begin
    _ended(place, f"first-{number}")
    return took


def _queue(place: Place, report: Report) -> None:
    notes = place.folder / "notes"
    begin = time.perf_counter()
    names = [f"queued-{number:02}" for number in range(QUEUED)]
    for name in names:
        place.pipelines.start(_new(name, f"echo {name} >> {notes}"))
    most = 0.0
    while any(run.state.is_open for run in place.pipelines.list_all()):
        most = max(most, _resident(place.runner))
        threading.Event().wait(0.1)
    seconds = time.perf_counter() - begin
    ran = notes.read_text().split()
    if sorted(ran) != names:
        raise SystemExit(f"{len(ran)} of {QUEUED} runs ran: {ran}")
    late = max(abs(ran.index(name) - place_of) for place_of, name in enumerate(names))
    report.add(f"{QUEUED} runs queued on two places", seconds, "s")
    report.add("how far one ran from its place in the queue", late, "places", aim="below 2")
    report.add("memory of the runner meanwhile", most, "MB", aim="below 300 MB")
    report.add("memory of API and node afterwards", _resident(place.node), "MB")


def _long_log(place: Place, report: Report) -> None:
    lines = LOG_BYTES // 100
    place.pipelines.start(_new("long", f"yes {'x' * 99} | head -n {lines}"))
    run = _ended(place, "long")
    begin = time.perf_counter()
    shown = place.pipelines.logs(run)
    next(shown)
    first = time.perf_counter() - begin
    count = 1 + sum(1 for _ in shown)
    if count != lines:
        raise SystemExit(f"{count} of {lines} lines were shown")
    report.add("100 MB of logs: the first line", first * 1000, "ms", aim="at once")
    report.add("100 MB of logs: all of them", time.perf_counter() - begin, "s")


def _new(name: str, script: str) -> NewRun:
    step = {"name": "say", "image": "none", "script": script}
    spec = {"pipelineSpec": {"tasks": [{"name": "say", "taskSpec": {"steps": [step]}}]}}
    return NewRun(name, "acme/bench/main", 1, spec)


def _ended(place: Place, name: str) -> Any:
    found: list[Any] = []

    def look() -> bool:
        run = place.pipelines.find(name)
        found[:] = [run]
        return run is not None and not run.state.is_open

    _until(look)
    return found[0]


def _until(look: Callable[[], bool]) -> None:
    end, pause = time.monotonic() + PATIENCE, threading.Event()
    while not look():
        if time.monotonic() > end:
            raise SystemExit("it takes too long")
        pause.wait(0.002)


@contextlib.contextmanager
def _place() -> Iterator[Place]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        cluster = folder / "cluster"
        node = stack.enter_context(
            _process("jx.adapters.local.node", "--dir", str(cluster), "--hide", str(cluster))
        )
        config = cluster / "admin.kubeconfig"
        _until((cluster / "ready").exists)
        api = Api.connect(kubeconfig.load([config]), SystemClock())
        stack.callback(api.close)
        text = (charts_folder() / "jx-platform" / "files" / "tekton.yaml").read_text()
        for each in yaml.safe_load_all(text):
            api.create(CRDS, "", json.loads(json.dumps(each)))
        bind = ("--bind", "127.0.0.1:0", "--namespace", "default", "--parallel", "2")
        runner = stack.enter_context(_process("jx", "--kubeconfig", str(config), "runner", "run", *bind))
        pipelines = TektonPipelines(api, namespace="default")
        pipelines.start(_new("warm", "true"))
        place = Place(folder, api, pipelines, node.pid, runner.pid)
        _ended(place, "warm")
        yield place


@contextlib.contextmanager
def _process(module: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-m", module, *words], stdin=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
