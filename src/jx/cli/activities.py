"""Activities as tables and documents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from jx.domain.runs.activities import Activity, PromotePart, PromoteStep

TINTS = {
    **dict.fromkeys(("Succeeded", "succeeded"), "green"),
    **dict.fromkeys(("Failed", "failed", "Error"), "red"),
    **dict.fromkeys(("Running", "running", "Pending", "pending", "WaitingForApproval"), "yellow"),
    **dict.fromkeys(("Aborted", "cancelled", "NotExecuted"), "dim"),
}
"""How the states of runs look where there are colours."""
HEADER = ("STEP", "STARTED AGO", "DURATION", "STATUS")


def rows_of(activity: Activity, now: datetime) -> list[tuple[str, ...]]:
    """The activity's line, then its stages and steps, indented."""
    head = f"{activity.pipeline} #{activity.build}" if activity.build else activity.pipeline
    status = (
        f"{activity.status} {activity.message} ({activity.author})" if activity.author else activity.status
    )
    rows: list[tuple[str, ...]] = [
        (head, _ago(activity.started, now), _between(activity.started, activity.completed), status)
    ]
    for step in activity.steps:
        name = "  " * (step.depth + 1) + step.name
        text = f"{step.status} {step.description}".rstrip()
        rows.append((name, _ago(step.started, now), _between(step.started, step.completed), text))
    for promote in activity.promotes:
        rows += _promote_rows(promote, now)
    return rows


def _promote_rows(step: PromoteStep, now: datetime) -> list[tuple[str, ...]]:
    """As Jenkins X 2 has them: the environment, then its pull request, its update, and where the application is."""
    rows = [_row(2, f"Promote: {step.environment}", step, step.status.value, now)]
    if step.pull_request is not None:
        part = step.pull_request
        words = [f"PullRequest: {part.url}"] if part.url else []
        words += [f"Merge SHA: {part.merge_commit}"] if part.merge_commit else []
        rows.append(_row(4, "PullRequest", part, _words(part, words), now))
    if step.update is not None:
        part = step.update
        words = [
            f"Status: {status.capitalize()} at: {url}" for url, status in part.statuses if url and status
        ]
        rows.append(_row(4, "Update", part, _words(part, words), now))
    if step.application_url:
        text = f"{step.status}  Application is at: {step.application_url}"
        rows.append(_row(4, "Promoted", step.update or step, text, now))
    return rows


def _words(part: PromotePart, more: list[str]) -> str:
    return "  ".join([part.status.value, *more, *([part.description] if part.description else [])])


def _row(
    indent: int, name: str, part: PromotePart | PromoteStep, status: str, now: datetime
) -> tuple[str, ...]:
    return (
        " " * indent + name,
        _ago(part.started, now),
        _between(part.started, part.completed),
        status,
    )


def to_data(activity: Activity) -> dict[str, object]:
    """For `-o json|yaml`."""
    return {
        "pipeline": activity.pipeline,
        "build": activity.build,
        "status": activity.status.value,
        "revision": activity.revision,
        "author": activity.author,
        "message": activity.message,
        "gitUrl": activity.git_url,
        "pullRequestURL": activity.pull_url,
        "version": activity.version,
        "started": _moment(activity.started),
        "completed": _moment(activity.completed),
        "steps": list(_steps_to_data(activity)),
        "promotes": [_promote_to_data(step) for step in activity.promotes],
    }


def _steps_to_data(activity: Activity) -> Iterator[dict[str, object]]:
    """Stages, and steps with the stage that they belong to."""
    stage = ""
    for step in activity.steps:
        stage = step.name if step.depth == 0 else stage
        yield {
            "name": step.name,
            "stage": stage if step.depth else "",
            "status": step.status.value,
            "description": step.description,
            "started": _moment(step.started),
            "completed": _moment(step.completed),
        }


def _moment(when: datetime | None) -> str | None:
    """As Kubernetes writes times."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if when else None


def _promote_to_data(step: PromoteStep) -> dict[str, object]:
    pull, update = step.pull_request, step.update
    return {
        "environment": step.environment,
        "status": step.status.value,
        "pullRequest": {"url": pull.url, "status": pull.status.value, "mergeCommitSHA": pull.merge_commit}
        if pull
        else None,
        "update": {"status": update.status.value, "description": update.description} if update else None,
        "applicationURL": step.application_url,
    }


def _ago(then: datetime | None, now: datetime) -> str:
    return short(now - then) if then else ""


def _between(start: datetime | None, end: datetime | None) -> str:
    return short(end - start) if start and end else ""


def short(duration: timedelta) -> str:
    """`2h3m`, `4m5s`, `6s`."""
    seconds = max(int(duration.total_seconds()), 0)
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    parts = [f"{days}d" if days else "", f"{hours}h" if hours else "", f"{minutes}m" if minutes else ""]
    found = [part for part in parts if part][:2]
    return "".join(found if len(found) == 2 or days else [*found, f"{seconds % 60}s"])
