"""Activities: the record of pipelines and applies (`jenkins.io/v1` PipelineActivity)."""

from __future__ import annotations

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
