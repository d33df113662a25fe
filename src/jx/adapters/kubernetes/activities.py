"""The activities port over PipelineActivity resources (`jenkins.io/v1`), as Jenkins X 2 has them."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from jx.adapters.kubernetes.api import RECORD_MANAGER, Api, Json, Resource
from jx.adapters.kubernetes.watching import Target, Watching
from jx.domain.errors import NotFound, Unavailable
from jx.domain.runs.activities import Activity, ActivityStatus, ActivityStep, PromotePart, PromoteStep

PIPELINE_ACTIVITIES = Resource("jenkins.io/v1", "pipelineactivities", "PipelineActivity")

_NAME_ANNOTATION = "jenkins.io/activity"
_NAME_LENGTH = 63
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class KubernetesActivities:
    """Activities of one namespace, that of the platform."""

    def __init__(self, api: Api, *, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def save(self, activity: Activity) -> None:
        """Write a record as a whole: what it no longer says is removed."""
        query = {"fieldManager": RECORD_MANAGER, "force": "true"}
        try:
            self._api.apply(PIPELINE_ACTIVITIES, self._namespace, self._body(activity), query=query)
        except NotFound as error:
            raise self._not_there() from error

    def remove(self, name: str) -> None:
        """Remove a record; there or not."""
        with contextlib.suppress(NotFound):
            self._api.delete(PIPELINE_ACTIVITIES, self._namespace, _dns_name(name))

    def list_all(self) -> tuple[Activity, ...]:
        """All records, oldest first."""
        try:
            items, _ = self._api.list_pages(PIPELINE_ACTIVITIES, self._namespace)
        except NotFound as error:
            raise self._not_there() from error
        return tuple(sorted((_activity(item) for item in items), key=_age))

    def watch(self) -> Iterator[Activity]:
        """All records, then each one as it changes; the list is read at this call."""
        known = self.list_all()
        watching = Watching(self._api, [Target(PIPELINE_ACTIVITIES, self._namespace)])
        return _told(known, watching)

    def _body(self, activity: Activity) -> Json:
        owner, repo, branch = _parts(activity.pipeline)
        labels = {"owner": owner, "repository": repo, "branch": branch, "build": activity.build}
        name = _dns_name(activity.name)
        spec = {
            "pipeline": activity.pipeline,
            "build": activity.build,
            "status": activity.status.value,
            "gitOwner": owner,
            "gitRepository": repo,
            "gitBranch": branch,
            "lastCommitSHA": activity.revision,
            "lastCommitMessage": activity.message,
            "author": activity.author,
            "startedTimestamp": _text(activity.started),
            "completedTimestamp": _text(activity.completed),
            "version": activity.version,
            "gitUrl": activity.git_url,
            "pullTitle": activity.message if activity.pull_url else "",
            "pullRequestURL": activity.pull_url,
            "steps": [*_stages(activity.steps), *map(_promote_to_json, activity.promotes)],
        }
        return {
            "apiVersion": PIPELINE_ACTIVITIES.api_version,
            "kind": PIPELINE_ACTIVITIES.kind,
            "metadata": {
                "name": name,
                "namespace": self._namespace,
                "labels": {key: value for key, text in labels.items() if (value := _label(text))},
                "annotations": {_NAME_ANNOTATION: activity.name},
            },
            "spec": {key: value for key, value in spec.items() if value},
        }

    def _not_there(self) -> Unavailable:
        return Unavailable(
            f"{self._api.access.host} has no PipelineActivity in namespace {self._namespace}: "
            "its CRD or the namespace is not there",
            hint="the chart jx-platform brings both: `jx install`, or `jx step env apply` in a clone of the dev repository",
        )


def _told(known: tuple[Activity, ...], watching: Watching) -> Iterator[Activity]:
    latest = {activity.name: activity for activity in known}
    yield from known
    for change in watching.changes():
        if change is None:
            continue
        activity = _activity(change.body)
        if change.is_deleted:
            latest.pop(activity.name, None)
        elif latest.get(activity.name) != activity:
            latest[activity.name] = activity
            yield activity


def _activity(body: Json) -> Activity:
    metadata, spec = body.get("metadata") or {}, body.get("spec") or {}
    return Activity(
        name=str((metadata.get("annotations") or {}).get(_NAME_ANNOTATION) or metadata.get("name", "")),
        pipeline=str(spec.get("pipeline") or ""),
        build=str(spec.get("build") or ""),
        status=_status(spec),
        revision=str(spec.get("lastCommitSHA") or ""),
        author=str(spec.get("author") or ""),
        message=str(spec.get("lastCommitMessage") or ""),
        started=_time(spec.get("startedTimestamp")),
        completed=_time(spec.get("completedTimestamp")),
        steps=tuple(step for entry in spec.get("steps") or () for step in _steps(entry)),
        promotes=tuple(
            _promote(entry.get("promote") or {}) for entry in spec.get("steps") or () if _is_promote(entry)
        ),
        version=str(spec.get("version") or ""),
        git_url=str(spec.get("gitUrl") or ""),
        pull_url=str(spec.get("pullRequestURL") or ""),
    )


def _is_promote(entry: Mapping[str, Any]) -> bool:
    return str(entry.get("kind")) == "Promote"


def _promote(data: Mapping[str, Any]) -> PromoteStep:
    return PromoteStep(
        environment=str(data.get("environment") or ""),
        status=_status(data),
        pull_request=_part(data.get("pullRequest")),
        update=_part(data.get("update")),
        started=_time(data.get("startedTimestamp")),
        completed=_time(data.get("completedTimestamp")),
        application_url=str(data.get("applicationURL") or ""),
    )


def _part(data: Mapping[str, Any] | None) -> PromotePart | None:
    if data is None:
        return None
    return PromotePart(
        status=_status(data),
        started=_time(data.get("startedTimestamp")),
        completed=_time(data.get("completedTimestamp")),
        description=str(data.get("description") or ""),
        url=str(data.get("pullRequestURL") or ""),
        merge_commit=str(data.get("mergeCommitSHA") or ""),
        statuses=tuple(
            (str(one.get("url") or ""), str(one.get("status") or "")) for one in data.get("statuses") or ()
        ),
    )


def _promote_to_json(step: PromoteStep) -> Json:
    data = {
        "environment": step.environment,
        "status": step.status.value,
        "pullRequest": _part_to_json(step.pull_request),
        "update": _part_to_json(step.update),
        "startedTimestamp": _text(step.started),
        "completedTimestamp": _text(step.completed),
        "applicationURL": step.application_url,
    }
    return {"kind": "Promote", "promote": {key: value for key, value in data.items() if value}}


def _part_to_json(part: PromotePart | None) -> Json | None:
    if part is None:
        return None
    data = {
        "status": part.status.value,
        "startedTimestamp": _text(part.started),
        "completedTimestamp": _text(part.completed),
        "description": part.description,
        "pullRequestURL": part.url,
        "mergeCommitSHA": part.merge_commit,
        "statuses": [{"url": url, "status": status} for url, status in part.statuses],
    }
    return {key: value for key, value in data.items() if value}


def _steps(entry: Mapping[str, Any]) -> Iterator[ActivityStep]:
    if _is_promote(entry):
        return
    kind = str(entry.get("kind") or "Stage")  # those of kind Preview have no name of their own in Jenkins X 2
    stage = entry.get(kind.lower()) or {}
    yield _step(stage, 0, default=kind)
    for inner in stage.get("steps") or ():
        yield _step(inner, 1)


def _step(data: Mapping[str, Any], depth: int, *, default: str = "") -> ActivityStep:
    return ActivityStep(
        name=str(data.get("name") or default),
        status=_status(data),
        started=_time(data.get("startedTimestamp")),
        completed=_time(data.get("completedTimestamp")),
        description=str(data.get("description") or ""),
        depth=depth,
    )


def _stages(steps: tuple[ActivityStep, ...]) -> list[Json]:
    stages: list[Json] = []
    for step in steps:
        data = {
            "name": step.name,
            "status": step.status.value,
            "description": step.description,
            "startedTimestamp": _text(step.started),
            "completedTimestamp": _text(step.completed),
        }
        row: Json = {key: value for key, value in data.items() if value}
        if step.depth and stages:
            stages[-1]["stage"].setdefault("steps", []).append(row)
        else:
            stages.append({"kind": "Stage", "stage": row})
    return stages


def _status(data: Mapping[str, Any]) -> ActivityStatus:
    try:
        return ActivityStatus(data.get("status") or "Pending")
    except ValueError:  # somebody else's word for it
        return ActivityStatus.RUNNING


def _text(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else ""


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _age(activity: Activity) -> tuple[datetime, str]:
    return activity.started or _LONG_AGO, activity.name


def _parts(pipeline: str) -> tuple[str, str, str]:
    owner, _, rest = pipeline.partition("/")
    repo, _, branch = rest.partition("/")
    return owner, repo, branch


def _dns_name(name: str) -> str:
    """A name that Kubernetes takes; another one than the given is told from its like by a digest."""
    safe = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")
    if safe == name and len(name) <= _NAME_LENGTH:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{safe[: _NAME_LENGTH - 9].rstrip('-')}-{digest}".lstrip("-")


def _label(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:63].strip("-_.")
