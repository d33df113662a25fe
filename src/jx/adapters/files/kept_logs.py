"""Logs of pods of steps, kept in folders after their pods are gone: a folder for each, with what it was as JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jx.domain.runs.run_choice import RunChoice, not_found
from jx.domain.runs.runs import LogLine, Run, RunStage, RunState

ABOUT = "about.json"
BYTES_AT_MOST = 1024 * 1024 * 1024
PODS_AT_MOST = 2000
_PIECE = 64 * 1024


@dataclass(frozen=True)
class KeptPod:
    """One pod whose logs are kept."""

    run: str
    pipeline: str
    build: str
    context: str
    stage: str
    steps: tuple[str, ...]
    """Names of containers, in their order."""
    ended: str = ""


def write_about(folder: Path, about: KeptPod) -> None:
    """Say in a folder what its logs are those of; there as a whole or not at all."""
    draft = folder / f".{ABOUT}.new"
    draft.write_text(json.dumps(about.__dict__))
    draft.replace(folder / ABOUT)


def read_about(folder: Path) -> KeptPod | None:
    """What the logs of a folder are those of; None where nothing that can be read says so."""
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text())
        return KeptPod(**{**about, "steps": tuple(about["steps"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def keep(folder: Path, pod: str, logs: Path, about: KeptPod) -> None:
    """Move the logs of a pod here; what is too much goes, the oldest first. Who was interrupted may do it again."""
    target = folder / pod
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    for step in about.steps:
        log = logs / f"{step}.log"
        if log.is_file():
            shutil.move(log, target / log.name)
    write_about(target, about)
    _limit(folder)


def _limit(folder: Path) -> None:
    every = sorted(
        (path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime
    )
    sizes = {path: sum(one.stat().st_size for one in path.iterdir()) for path in every}
    total = sum(sizes.values())
    for number, path in enumerate(every):
        if total <= BYTES_AT_MOST and len(every) - number <= PODS_AT_MOST:
            return
        shutil.rmtree(path, ignore_errors=True)
        total -= sizes[path]


class KeptLogs:
    """ports.pipelines.LogStore over such folders."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, choice: RunChoice) -> Iterator[LogLine]:
        pods = sorted(self._pods(), key=lambda pair: pair[1].ended)
        runs = {about.run: _run(about, name) for name, about in pods}
        found = [run for run in runs.values() if choice.holds(run)]
        if not found:
            raise not_found(runs.values(), choice)
        wanted = found[-1].name
        return _lines([(self._folder / name, about) for name, about in pods if about.run == wanted])

    def _pods(self) -> Iterator[tuple[str, KeptPod]]:
        if not self._folder.is_dir():
            return
        for path in self._folder.glob(f"*/{ABOUT}"):
            about = read_about(path.parent)
            if about is not None:
                yield path.parent.name, about


class NoLogs:
    """Where nothing is kept after the pods are gone."""

    def read(self, choice: RunChoice) -> Iterator[LogLine]:
        raise not_found((), choice)


def _run(about: KeptPod, pod: str) -> Run:
    stage = RunStage(about.stage, RunState.SUCCEEDED, pod=pod)
    return Run(about.run, about.pipeline, about.build, RunState.SUCCEEDED, about.context, stages=(stage,))


def _lines(pods: Sequence[tuple[Path, KeptPod]]) -> Iterator[LogLine]:
    for folder, about in pods:
        for step in about.steps:
            log = folder / f"{step}.log"
            if not log.is_file():
                continue
            with log.open(errors="replace") as file:
                while line := file.readline(_PIECE):
                    yield LogLine(about.stage, step.removeprefix("step-"), line.rstrip("\n"))
