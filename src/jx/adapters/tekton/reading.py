"""Logs of runs: step after step, each as it comes."""

from __future__ import annotations

import selectors
import threading
from collections.abc import Callable, Iterator

from jx.adapters.kubernetes.api import Api
from jx.adapters.kubernetes.streams import LineStream
from jx.domain.errors import Invalid, NotFound, Refused
from jx.domain.runs.runs import LogLine, Run, RunStage, RunState, RunStep

_LONGEST_LINE = 64 * 1024
_PIECE = 256 * 1024
_LOOK_SECONDS = 0.3


def read_logs(
    api: Api, namespace: str, run: Run, look: Callable[[str], Run | None] | None
) -> Iterator[LogLine]:
    """What the steps of a run printed; where `look` gives the run as it is now, until it has ended."""
    told: set[tuple[str, str]] = set()
    pause = threading.Event()
    while True:
        for stage, step in _begun(run):
            if (stage.name, step.name) not in told:
                told.add((stage.name, step.name))
                yield from _read(api, namespace, stage, step, follow=look is not None)
        if look is None or not run.state.is_open:
            return
        found = look(run.name)
        if found is None:
            return
        if found == run:
            pause.wait(_LOOK_SECONDS)
        run = found


def _begun(run: Run) -> Iterator[tuple[RunStage, RunStep]]:
    """The steps that have begun, in the order of their beginning."""
    stages = [stage for stage in run.stages if stage.pod]
    for stage in stages:
        for step in stage.steps:
            if step.state not in (RunState.PENDING, RunState.SKIPPED) and step.container:
                yield stage, step


def _read(api: Api, namespace: str, stage: RunStage, step: RunStep, *, follow: bool) -> Iterator[LogLine]:
    is_open = follow and step.state.is_open
    try:
        stream = api.read_log(namespace, stage.pod, step.container, follow=is_open)
    except (NotFound, Invalid, Refused):  # its pod is gone
        return
    try:
        for text in _lines(stream):
            yield LogLine(stage.name, step.name, text)
    finally:
        stream.close()


def _lines(stream: LineStream) -> Iterator[str]:
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            body = rest + stream.read_bytes(_PIECE)
            *lines, rest = body.split(b"\n")
            for line in lines:
                yield line.decode(errors="replace")
            if len(rest) > _LONGEST_LINE:
                yield rest.decode(errors="replace")
                rest = b""
            if stream.has_ended:
                break
            if not stream.has_pending:
                selector.select(1.0)
    if rest:
        yield rest.decode(errors="replace")
