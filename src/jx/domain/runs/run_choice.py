"""Which runs a person means: by parts of their pipeline's name, build, context."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jx.domain.errors import NotFound, Usage
from jx.domain.runs.runs import VERIFY, Run


@dataclass(frozen=True, slots=True)
class RunChoice:
    """What was said; empty fields mean any."""

    pipeline: str = ""
    """`owner/repository/branch`, or the name of a run."""
    part: str = ""
    """What the pipeline's name holds."""
    owner: str = ""
    repo: str = ""
    branch: str = ""
    build: str = ""
    context: str = ""
    pod: str = ""

    def holds(self, run: Run) -> bool:
        """Whether a run is one of those that are meant."""
        if run.context == VERIFY and not (self.context or self.pipeline or self.pod):
            return False  # nobody means it who does not name it
        owner, _, rest = run.pipeline.partition("/")
        repo, _, branch = rest.partition("/")
        said = (
            (self.owner, owner),
            (self.repo, repo),
            (self.branch, branch),
            (self.build, run.build),
            (self.context, run.context),
        )
        if any(wanted and wanted != found for wanted, found in said):
            return False
        if self.pipeline and self.pipeline not in (run.pipeline, run.name):
            return False
        if self.pod and self.pod not in {stage.pod for stage in run.stages}:
            return False
        return self.part in run.pipeline

    @property
    def words(self) -> str:
        """For messages."""
        fields = {"--owner": self.owner, "--repo": self.repo, "--branch": self.branch, "--build": self.build}
        fields |= {"--context": self.context, "--filter": self.part, "--pod": self.pod}
        said = [self.pipeline, *(f"{flag} {text}" for flag, text in fields.items() if text)]
        return " ".join(part for part in said if part)


def parse_pipeline(text: str) -> str:
    """`owner/repository/branch` or the name of a run; Usage for what is neither. A pipeline without a branch is master's."""
    parts = text.split("/")
    if len(parts) == 2 and all(parts):
        return f"{text}/master"
    if len(parts) > 1 and not all(parts):
        raise Usage(
            f"{text!r} is no pipeline", hint="owner/repository/branch, as jx get pipelines lists them"
        )
    return text


def choose_run(runs: Iterable[Run], choice: RunChoice) -> Run:
    """The newest of the runs that are meant; NotFound."""
    every = tuple(runs)
    found = [run for run in every if choice.holds(run)]
    if found:
        return found[-1]
    raise not_found(every, choice)


def not_found(runs: Iterable[Run], choice: RunChoice) -> NotFound:
    """That no run is meant, and which there are."""
    known = sorted({run.pipeline for run in runs})
    what = f"there is no run of {choice.words}" if choice.words else "there is no run"
    return NotFound(what, hint=f"pipelines: {', '.join(known[:8])}" if known else "nothing was run yet")
