"""Activities: the record of pipelines and applies (`jenkins.io/v1` PipelineActivity)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ActivityStatus(StrEnum):
    """The statuses of Jenkins X 2."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"
    ABORTED = "Aborted"
    NOT_EXECUTED = "NotExecuted"
    WAITING = "WaitingForApproval"


_ENDED = frozenset(
    {
        ActivityStatus.SUCCEEDED,
        ActivityStatus.FAILED,
        ActivityStatus.ERROR,
        ActivityStatus.ABORTED,
        ActivityStatus.NOT_EXECUTED,
    }
)


UNTOLD = "tell the forge"
"""The step of a record whose ending the forge was not told yet."""


@dataclass(frozen=True, slots=True)
class ActivityStep:
    """A stage or step; `depth` 0 is a stage, 1 a step within it."""

    name: str
    status: ActivityStatus
    started: datetime | None = None
    completed: datetime | None = None
    description: str = ""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class PromotePart:
    """One half of a promotion into an environment: its pull request, or the update that the merge brings about."""

    status: ActivityStatus
    started: datetime | None = None
    completed: datetime | None = None
    description: str = ""
    url: str = ""
    """Of the pull request."""
    merge_commit: str = ""
    statuses: tuple[tuple[str, str], ...] = ()
    """URL and state of what the merge commit's checks say."""


@dataclass(frozen=True, slots=True)
class PromoteStep:
    """A release on its way into one environment (`kind: Promote` of Jenkins X 2)."""

    environment: str
    status: ActivityStatus
    pull_request: PromotePart | None = None
    update: PromotePart | None = None
    started: datetime | None = None
    completed: datetime | None = None
    application_url: str = ""


@dataclass(frozen=True, slots=True)
class Activity:
    """One run: named `<owner>-<repo>-<branch>-<build>`; `pipeline` is `owner/repo/branch`."""

    name: str
    pipeline: str
    build: str
    status: ActivityStatus
    revision: str = ""
    author: str = ""
    message: str = ""
    started: datetime | None = None
    completed: datetime | None = None
    steps: tuple[ActivityStep, ...] = ()
    promotes: tuple[PromoteStep, ...] = ()
    """Where the run promotes to, in order; shown after the steps."""
    version: str = ""
    """Of the release that the run made or promotes."""
    git_url: str = ""
    """Where the repository is."""
    pull_url: str = ""
    """Where people look at the pull request that was checked."""


def find_outdated(
    records: Iterable[Activity], *, keep: int, of_runs: Collection[str]
) -> tuple[Activity, ...]:
    """The ended records of each pipeline beyond the newest `keep`; `records`, oldest first. Those of runs that are still there
    (`of_runs`, their names) stay, or they would be written again."""
    kept: dict[str, int] = {}
    found = []
    for one in reversed(tuple(records)):
        kept[one.pipeline] = kept.get(one.pipeline, 0) + 1
        if kept[one.pipeline] > keep and one.status in _ENDED and one.name not in of_runs:
            found.append(one)
    return tuple(found)
