"""CronJobs: a Job whenever its schedule says so."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo

from jx.adapters.local.kubernetes.api import WatchEvent
from jx.adapters.local.kubernetes.controllers import jobs, objects
from jx.adapters.local.kubernetes.controllers.cluster import CRON_JOBS, JOBS, Cluster, Place
from jx.adapters.local.kubernetes.controllers.events import Recorder
from jx.adapters.local.kubernetes.controllers.owners import owners_of
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words.schedules import Schedule, ScheduleError, parse_schedule

_SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_MISSED_AT_MOST = 100


class CronJobs:
    """Starts the Jobs of one CronJob when they are due, and removes old ones."""

    name = "cronjobs"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._recorder = Recorder(cluster, "cronjob-controller")

    def keys(self, event: WatchEvent) -> Iterable[Place]:
        return owners_of(event, CRON_JOBS, "CronJob", JOBS)

    def reconcile(self, namespace: str, name: str) -> float | None:
        cron_job = self._cluster.cache.get(CRON_JOBS, namespace, name)
        if cron_job is None or objects.is_deleting(cron_job):
            return None
        children = self._cluster.cache.children(cron_job, JOBS)
        active = [job for job in children if jobs.end_of(job) is None]
        self._remove_history(cron_job, children)
        status = self._status(cron_job, children, active)
        if self._cluster.set_status(CRON_JOBS, cron_job, status):
            return 0.0
        if cron_job["spec"].get("suspend"):
            return None
        try:
            schedule = parse_schedule(cron_job["spec"]["schedule"])
            zone = _zone(cron_job)
        except (ScheduleError, zoneinfo.ZoneInfoNotFoundError) as error:
            self._recorder.warning(cron_job, "UnparseableSchedule", f"unparseable schedule: {error}")
            return None
        return self._run_due(cron_job, active, schedule, zone)

    def _run_due(
        self, cron_job: Obj, active: Sequence[Obj], schedule: Schedule, zone: tzinfo
    ) -> float | None:
        now = self._cluster.now()
        due = self._last_due(cron_job, schedule, zone)
        if due is not None:
            self._run(cron_job, active, due)
        following = schedule.after(now, zone)
        return None if following is None else following - now

    def _last_due(self, cron_job: Obj, schedule: Schedule, zone: tzinfo) -> float | None:
        """The newest scheduled time that has passed and was not served."""
        now = self._cluster.now()
        since = objects.seconds_of(objects.status_of(cron_job).get("lastScheduleTime"))
        since = since or objects.created_at(cron_job)
        deadline = cron_job["spec"].get("startingDeadlineSeconds")
        if deadline is not None:
            since = max(since, now - float(deadline))
        due = None
        following = schedule.after(since, zone)
        for _ in range(_MISSED_AT_MOST):
            if following is None or following > now:
                return due
            due, following = following, schedule.after(following, zone)
        self._recorder.warning(
            cron_job,
            "TooManyMissedTimes",
            "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
        )
        return due

    def _run(self, cron_job: Obj, active: Sequence[Obj], due: float) -> None:
        policy = cron_job["spec"].get("concurrencyPolicy", "Allow")
        if policy == "Forbid" and active:
            message = (
                f"Not starting job because prior execution is running and concurrency policy is {policy}"
            )
            self._recorder.normal(cron_job, "JobAlreadyActive", message)
            return
        if policy == "Replace":
            for job in active:
                self._cluster.delete(JOBS, job)
        template = cron_job["spec"]["jobTemplate"]
        metadata = template.get("metadata") or {}
        job = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": f"{objects.name_of(cron_job)}-{int(due // 60)}",
                "namespace": objects.namespace_of(cron_job),
                "labels": metadata.get("labels") or {},
                "annotations": {**(metadata.get("annotations") or {}), _SCHEDULED_AT: objects.timestamp(due)},
                "ownerReferences": [objects.controller_reference(cron_job)],
            },
            "spec": template["spec"],
        }
        if self._cluster.create_missing(JOBS, job):
            self._recorder.normal(cron_job, "SuccessfulCreate", f"Created job {objects.name_of(job)}")
        current = self._cluster.cache.get(CRON_JOBS, objects.namespace_of(job), objects.name_of(cron_job))
        if current is not None:
            status = {**objects.status_of(current), "lastScheduleTime": objects.timestamp(due)}
            self._cluster.set_status(CRON_JOBS, current, status)

    def _status(self, cron_job: Obj, children: Sequence[Obj], active: Sequence[Obj]) -> Obj:
        status = dict(objects.status_of(cron_job))
        references = [
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "name": objects.name_of(job),
                "namespace": objects.namespace_of(job),
                "uid": objects.uid_of(job),
                "resourceVersion": job["metadata"]["resourceVersion"],
            }
            for job in active
        ]
        known = {each["uid"]: each for each in status.get("active") or []}
        status["active"] = [known.get(each["uid"], each) for each in references] or None
        ends = [objects.status_of(job).get("completionTime", "") for job in children]
        last = max([*ends, status.get("lastSuccessfulTime", "")])
        status["lastSuccessfulTime"] = last or None
        return status

    def _remove_history(self, cron_job: Obj, children: Sequence[Obj]) -> None:
        for kind, field, default in (
            ("Complete", "successfulJobsHistoryLimit", 3),
            ("Failed", "failedJobsHistoryLimit", 1),
        ):
            ended = [job for job in children if objects.has_condition(job, kind)]
            limit = int(cron_job["spec"].get(field, default))
            for job in sorted(ended, key=objects.created_at)[: max(0, len(ended) - limit)]:
                self._cluster.delete(JOBS, job)


def _zone(cron_job: Obj) -> tzinfo:
    name = cron_job["spec"].get("timeZone")
    return zoneinfo.ZoneInfo(name) if name else UTC
