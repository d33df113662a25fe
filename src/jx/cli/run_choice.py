"""Options by which commands say which runs they mean, and lines of logs for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from jx.cli import output
from jx.domain.runs.run_choice import RunChoice, parse_pipeline
from jx.domain.runs.runs import LogLine

_OPTIONS = (
    click.option("-f", "--filter", "part", default="", help="Only pipelines whose name holds this."),
    click.option("-o", "--owner", default="", help="Only of this owner."),
    click.option("-r", "--repo", default="", help="Only of this repository."),
    click.option("--branch", default="", help="Only of this branch."),
    click.option("--build", default="", help="Only this build. Default: the newest."),
    click.option("--context", "run_context", default="", help="Only of this context."),
)


def choice_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--filter`, `--owner`, `--repo`, `--branch`, `--build`, `--context`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def take_choice(pipeline: str, options: dict[str, Any], *, pod: str = "") -> RunChoice:
    """What those options mean; takes them out of the options."""
    names = ("part", "owner", "repo", "branch", "build")
    said = {name: str(options.pop(name)) for name in names}
    context = str(options.pop("run_context"))
    wanted = parse_pipeline(pipeline) if pipeline else ""
    return RunChoice(pipeline=wanted, pod=pod, context=context, **said)


def show_lines(lines: Iterable[LogLine]) -> int:
    """Print them, with a heading for each step; how many there were."""
    last, count = ("", ""), 0
    for line in lines:
        if (line.stage, line.step) != last:
            last = (line.stage, line.step)
            output.hint(f"--- {line.stage} / {line.step}")
        for text in line.text.rstrip("\r").split("\r"):  # progress that a terminal would show in one place
            output.say(output.harmless(text))
        count += 1
    return count
