"""Activities as tables and documents."""

from __future__ import annotations

from datetime import datetime, timedelta

from jx.domain.activities import Activity

HEADER = ("STEP", "STARTED AGO", "DURATION", "STATUS")


def rows_of(activity: Activity, now: datetime) -> list[tuple[str, ...]]:
    """The activity's line, then its stages and steps, indented."""
    head = f"{activity.pipeline} #{activity.build}"
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
    return rows


def to_data(activity: Activity) -> dict[str, object]:
    """For `-o json|yaml`."""
    return {
        "pipeline": activity.pipeline,
        "build": activity.build,
        "status": activity.status.value,
        "revision": activity.revision,
        "author": activity.author,
        "message": activity.message,
        "started": activity.started,
        "completed": activity.completed,
        "steps": [
            {"name": step.name, "status": step.status.value, "description": step.description}
            for step in activity.steps
        ],
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
