"""Jobs: pods until enough of them have succeeded, or too many have failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from jx.adapters.local.kubernetes.api import WatchEvent
from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.controllers.cluster import JOBS, PODS, Cluster, Place
from jx.adapters.local.kubernetes.controllers.events import Recorder
from jx.adapters.local.kubernetes.controllers.owners import owners_of
from jx.adapters.local.kubernetes.types.facts import Obj

INDEX = "batch.kubernetes.io/job-completion-index"


@dataclass(frozen=True)
class Counts:
    """A Job's pods."""

    active: Sequence[Obj]
    succeeded: Sequence[Obj]
    failed: Sequence[Obj]

    @property
    def ready(self) -> int:
        return sum(objects.is_ready(pod) for pod in self.active)


@dataclass(frozen=True)
class Verdict:
    """How a Job ended."""

    kind: str
    reason: str
    message: str


class Jobs:
    """One Job's pods and status. `backoff_seconds` is the wait after a first failed pod; it doubles up to 360."""

    name = "jobs"

    def __init__(self, cluster: Cluster, *, backoff_seconds: float = 1.0) -> None:
        self._cluster = cluster
        self._backoff_seconds = backoff_seconds
        self._recorder = Recorder(cluster, "job-controller")

    def keys(self, event: WatchEvent) -> Iterable[Place]:
        return owners_of(event, JOBS, "Job", PODS)

    def reconcile(self, namespace: str, name: str) -> float | None:
        job = self._cluster.cache.get(JOBS, namespace, name)
        if job is None or objects.is_deleting(job):
            return None
        ended = end_of(job)
        if ended is not None:
            return self._expire(job, ended)
        counts = self._count(job)
        verdict = judge(job, counts, self._cluster.now())
        if verdict is not None:
            self._end(job, counts, verdict)
            return None
        if job["spec"].get("suspend"):
            self._remove(job, counts.active)
            self._write_status(job, suspended=True)
            return None
        wait = self._fill(job, counts)
        self._write_status(job, suspended=False)
        return min(
            (each for each in (wait, self._seconds_to_deadline(job)) if each is not None), default=None
        )

    def _count(self, job: Obj) -> Counts:
        pods = self._cluster.cache.children(job, PODS)

        def having(phase: str) -> list[Obj]:
            return [pod for pod in pods if objects.status_of(pod).get("phase") == phase]

        return Counts([pod for pod in pods if objects.is_active(pod)], having("Succeeded"), having("Failed"))

    def _fill(self, job: Obj, counts: Counts) -> float | None:
        """Start the pods that are missing; the seconds to wait where failed ones ask for patience."""
        wanted = int(job["spec"].get("parallelism", 1))
        completions = job["spec"].get("completions")
        if completions is not None:
            wanted = min(wanted, int(completions) - _completed(job, counts))
        elif counts.succeeded:  # a work queue: one success means that no new pods are needed
            wanted = len(counts.active)
        self._remove(job, list(counts.active)[max(0, wanted) :])
        missing = wanted - len(counts.active)
        if missing <= 0:
            return None
        wait = self._seconds_of_backoff(counts)
        if wait > 0:
            return wait
        indexes = _free_indexes(job, counts)
        for _ in range(missing):
            pod = self._cluster.create(PODS, _pod_of(job, next(indexes, None)))
            self._recorder.normal(job, "SuccessfulCreate", f"Created pod: {objects.name_of(pod)}")
        return None

    def _seconds_of_backoff(self, counts: Counts) -> float:
        if not counts.failed or counts.succeeded:
            return 0.0
        last = max(_ended_at(pod) for pod in counts.failed)
        patience = min(self._backoff_seconds * 2.0 ** min(len(counts.failed) - 1, 16), 360.0)
        return last + patience - self._cluster.now()

    def _seconds_to_deadline(self, job: Obj) -> float | None:
        limit = job["spec"].get("activeDeadlineSeconds")
        started = objects.seconds_of(objects.status_of(job).get("startTime")) or self._cluster.now()
        return None if limit is None else max(0.05, started + float(limit) - self._cluster.now())

    def _remove(self, job: Obj, pods: Sequence[Obj]) -> None:
        for pod in pods:
            if self._cluster.delete(PODS, pod):
                self._recorder.normal(job, "SuccessfulDelete", f"Deleted pod: {objects.name_of(pod)}")

    def _numbers(self, job: Obj, counts: Counts) -> Obj:
        status = {
            key: value
            for key, value in objects.status_of(job).items()
            if key not in ("active", "ready", "succeeded", "failed", "completedIndexes", "terminating")
        }
        numbers: Obj = {
            "active": len(counts.active),
            "succeeded": _completed(job, counts),
            "failed": len(counts.failed),
        }
        status.update({key: value for key, value in numbers.items() if value})
        status.update(ready=counts.ready, terminating=0, uncountedTerminatedPods={})
        if _is_indexed(job):
            status["completedIndexes"] = ",".join(map(str, sorted(_indexes(counts.succeeded))))
        return status

    def _write_status(self, job: Obj, *, suspended: bool) -> None:
        now = self._cluster.timestamp()
        status = self._numbers(job, self._count(job))
        if suspended or objects.condition_of(job, "Suspended"):
            reason, message = (
                ("JobSuspended", "Job suspended") if suspended else ("JobResumed", "Job resumed")
            )
            condition = {
                "type": "Suspended",
                "status": str(suspended),
                "reason": reason,
                "message": message,
                "lastProbeTime": now,
            }
            if not objects.has_condition(job, "Suspended", str(suspended)):
                status["conditions"] = objects.with_condition(status.get("conditions") or [], condition, now)
                self._recorder.normal(job, reason.removeprefix("Job"), message)
        if not suspended:
            status.setdefault("startTime", now)
        self._cluster.set_status(JOBS, job, status)

    def _end(self, job: Obj, counts: Counts, verdict: Verdict) -> None:
        now = self._cluster.timestamp()
        self._remove(job, counts.active)
        status = self._numbers(job, Counts((), counts.succeeded, counts.failed))
        status.setdefault("startTime", now)
        conditions: list[Obj] = status.get("conditions") or []
        first = "SuccessCriteriaMet" if verdict.kind == "Complete" else "FailureTarget"
        for kind in (first, verdict.kind):
            condition = {"type": kind, "status": "True", "reason": verdict.reason, "message": verdict.message}
            conditions = objects.with_condition(conditions, {**condition, "lastProbeTime": now}, now)
        status["conditions"] = conditions
        if verdict.kind == "Complete":
            status["completionTime"] = now
            self._recorder.normal(job, "Completed", "Job completed")
        else:
            self._recorder.warning(job, verdict.reason, verdict.message)
        self._cluster.set_status(JOBS, job, status)

    def _expire(self, job: Obj, ended: Obj) -> float | None:
        kept = job["spec"].get("ttlSecondsAfterFinished")
        if kept is None:
            return None
        wait = objects.seconds_of(ended.get("lastTransitionTime")) + float(kept) - self._cluster.now()
        if wait > 0:
            return wait
        self._cluster.delete(JOBS, job)
        return None


def end_of(job: Obj) -> Obj | None:
    """The condition with which a Job ended."""
    for kind in ("Complete", "Failed"):
        condition = objects.condition_of(job, kind)
        if condition is not None and condition["status"] == "True":
            return condition
    return None


def judge(job: Obj, counts: Counts, now: float) -> Verdict | None:
    """Whether a Job is over, and how."""
    spec = job["spec"]
    restarts = sum(_restarts(pod) for pod in counts.active)
    if len(counts.failed) + restarts > int(spec.get("backoffLimit", 6)):
        return Verdict("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    started = objects.seconds_of(objects.status_of(job).get("startTime"))
    limit = spec.get("activeDeadlineSeconds")
    if limit is not None and started and now - started >= float(limit):
        return Verdict("Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
    completions = spec.get("completions")
    is_queue_done = completions is None and counts.succeeded and not counts.active
    if is_queue_done or (completions is not None and _completed(job, counts) >= int(completions)):
        return Verdict("Complete", "CompletionsReached", "Reached expected number of succeeded pods")
    return None


def _completed(job: Obj, counts: Counts) -> int:
    return len(_indexes(counts.succeeded)) if _is_indexed(job) else len(counts.succeeded)


def _is_indexed(job: Obj) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def _indexes(pods: Sequence[Obj]) -> set[int]:
    return {int(objects.annotations_of(pod).get(INDEX, "0")) for pod in pods}


def _free_indexes(job: Obj, counts: Counts) -> Iterator[int]:
    if not _is_indexed(job):
        return iter(())
    taken = _indexes([*counts.active, *counts.succeeded])
    return (index for index in range(int(job["spec"]["completions"])) if index not in taken)


def _restarts(pod: Obj) -> int:
    if pod["spec"].get("restartPolicy") != "OnFailure":
        return 0
    return sum(each.get("restartCount", 0) for each in objects.status_of(pod).get("containerStatuses") or [])


def _ended_at(pod: Obj) -> float:
    ends = [
        objects.seconds_of(((each.get("state") or {}).get("terminated") or {}).get("finishedAt"))
        for each in objects.status_of(pod).get("containerStatuses") or []
    ]
    return max(ends, default=0.0) or objects.created_at(pod)


def _pod_of(job: Obj, index: int | None) -> Obj:
    uid, name = objects.uid_of(job), objects.name_of(job)
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    pod = objects.pod_from(job, job["spec"]["template"], labels=labels)
    if index is None:
        return pod
    pod["metadata"].setdefault("annotations", {})[INDEX] = str(index)
    pod["metadata"]["labels"][INDEX] = str(index)
    pod["metadata"]["generateName"] = f"{name}-{index}-"
    pod["spec"]["hostname"] = f"{name}-{index}"
    for container in pod["spec"]["containers"]:
        source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.annotations['{INDEX}']"}}
        container.setdefault("env", []).append({"name": "JOB_COMPLETION_INDEX", "valueFrom": source})
    return pod
