"""What the columns of pods and of what makes pods show."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.views.shown import (
    NONE,
    age,
    age_of,
    images_of,
    labels_text,
    selector_text,
    spec_of,
    status_of,
)


def deployment(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    return [
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        age_of(obj, now),
        *images_of(spec.get("template") or {}),
        selector_text(spec.get("selector")),
    ]


def replica_set(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    counts = [spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    selector = spec.get("selector")
    shown = labels_text(selector) if obj["kind"] == "ReplicationController" else selector_text(selector)
    return [*counts, age_of(obj, now), *images_of(spec.get("template") or {}), shown]


def stateful_set(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    return [ready, age_of(obj, now), *images_of(spec.get("template") or {})]


def daemon_set(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    template = spec.get("template") or {}
    return [
        *(status.get(name, 0) for name in names),
        labels_text(spec_of(template).get("nodeSelector")),
        age_of(obj, now),
        *images_of(template),
        selector_text(spec.get("selector")),
    ]


def job(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    done, wanted = status.get("succeeded", 0), spec.get("completions")
    parallel = spec.get("parallelism") or 0
    shown = (
        f"{done}/{wanted}"
        if wanted is not None
        else f"{done}/1 of {parallel}"
        if parallel > 1
        else f"{done}/1"
    )
    start, end = status.get("startTime"), status.get("completionTime")
    took = "" if not start else age(start, datetime.fromisoformat(end.replace("Z", "+00:00")) if end else now)
    return [
        _job_state(obj),
        shown,
        took,
        age_of(obj, now),
        *images_of(spec.get("template") or {}),
        selector_text(spec.get("selector")),
    ]


def _job_state(obj: Obj) -> str:
    held = {one["type"] for one in status_of(obj).get("conditions") or () if one.get("status") == "True"}
    for condition, word in (
        ("Complete", "Complete"),
        ("Failed", "Failed"),
        ("Suspended", "Suspended"),
        ("FailureTarget", "FailureTarget"),
        ("SuccessCriteriaMet", "SuccessCriteriaMet"),
    ):
        if condition in held:
            return word
    return "Terminating" if "deletionTimestamp" in obj["metadata"] else "Running"


def cron_job(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    last = status.get("lastScheduleTime")
    template = spec_of(spec.get("jobTemplate") or {}).get("template") or {}
    return [
        spec.get("schedule", ""),
        spec.get("timeZone") or NONE,
        "True" if spec.get("suspend") else "False",
        len(status.get("active") or ()),
        age(last, now) if last else NONE,
        age_of(obj, now),
        *images_of(template),
        NONE,
    ]


def pod_template(obj: Obj, _: datetime) -> list[Any]:
    template = obj.get("template") or {}
    return [*images_of(template), labels_text((template.get("metadata") or {}).get("labels"))]
