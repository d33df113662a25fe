"""From the text of a pipeline file to Tekton's object, as every webhook asks for it.

The largest public file is the boot configuration's: two kinds, 23 steps, 278 lines. One of the same make is written here; another
file is measured by `JX_PIPELINE_FILE`.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.report import Report
from jx.domain.names import Repo, Revision
from jx.domain.pipelines import files
from jx.domain.pipelines.compiling import compile_run, find_kind
from jx.domain.pipelines.effective import Project, make_effective
from jx.domain.pipelines.packs import Packs
from jx.domain.pipelines.runs import RunRequest
from jx.domain.pipelines.syntax import NO_PACK, PipelineKind, Stage

TURNS = 50
REPO = Repo("https://git.example.com/cheese/environment.git")


def run(report: Report) -> None:
    """Measure parsing, making effective and compiling, together and apart; and a file of 50 times the size."""
    given = os.environ.get("JX_PIPELINE_FILE")
    text = Path(given).read_text() if given else boot_file(steps=21)
    steps, milliseconds = steps_of(text), measure(lambda: to_run(text))
    report.add(
        f"{len(text.splitlines())} lines, {steps} steps to a PipelineRun",
        milliseconds,
        "ms",
        aim="below 50 ms",
    )
    report.add("of that, reading and checking the file", measure(lambda: files.parse_project(text)), "ms")
    large = boot_file(steps=450)
    milliseconds = measure(lambda: to_run(large), turns=5)
    report.add(f"{len(large.splitlines())} lines, {steps_of(large)} steps", milliseconds, "ms")


def measure(work: Callable[[], object], turns: int = TURNS) -> float:
    """Milliseconds, the median of some turns."""
    took = []
    for _ in range(turns):
        begin = time.perf_counter()
        work()
        took.append(time.perf_counter() - begin)
    return statistics.median(took) * 1000


def to_run(text: str) -> object:
    """All of it: parse, make effective, compile."""
    effective = make_effective(files.parse_project(text), NO_PACK, Packs(), Project(repo=REPO))
    request = RunRequest(
        repo=REPO, branch="master", kind=PipelineKind.RELEASE, build=1, revision=Revision("a" * 40)
    )
    return compile_run(effective, request)


def steps_of(text: str) -> int:
    """How many steps its release has."""
    effective = make_effective(files.parse_project(text), NO_PACK, Packs(), Project(repo=REPO))
    pipeline = find_kind(effective, PipelineKind.RELEASE).pipeline
    return sum(_count(stage) for stage in pipeline.stages) if pipeline else 0


def _count(stage: Stage) -> int:
    return len(stage.steps) + sum(_count(child) for child in stage.children)


def boot_file(*, steps: int) -> str:
    """Steps with args one a line, folders, some with variables; a volume that is mounted: as the boot configuration has it."""
    lines = ["buildPack: none", "pipelineConfig:", "  pipelines:"]
    for kind, count in (("pullRequest", 2), ("release", steps)):
        lines += [
            f"    {kind}:",
            "      pipeline:",
            "        agent:",
            "          image: gcr.io/jenkinsxio/builder-go",
        ]
        lines += [
            "        environment:",
            "        - name: DEPLOY_NAMESPACE",
            "          value: jx",
            "        stages:",
        ]
        lines += [
            "        - name: all",
            "          options:",
            "            containerOptions:",
            "              volumeMounts:",
        ]
        lines += [
            "              - mountPath: /secrets",
            "                name: local-secrets",
            "            volumes:",
        ]
        lines += [
            "            - name: local-secrets",
            "              secret:",
            "                secretName: local-secrets",
        ]
        lines += ["          steps:"]
        for number in range(count):
            words = ("step", "helm", "apply", "--boot", "--remote", "--name", f"app-{number}")
            lines += [
                "          - args:",
                *(f"            - {word}" for word in words),
                "            command: jx",
            ]
            lines += [
                f"            dir: /workspace/source/systems/app-{number}",
                f"            name: install-app-{number}",
            ]
            if number % 4 == 0:
                lines += [
                    "            env:",
                    "            - name: DEPLOY_NAMESPACE",
                    f"              value: app-{number}",
                ]
    return "\n".join(lines) + "\n"
