"""One look at one run: what has happened since the last, what is to be done, and what is written down of it.

Each step of a look can be done again: names of TaskRuns and pods follow from the run, so who comes back after a crash meets what
it made. A pod is made at most once for each attempt; one that is gone is not made again, and its attempt has failed.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable
from dataclasses import dataclass

from jx.adapters.kubernetes.api import PODS, Api, Resource
from jx.adapters.local.node.steps import CANCEL
from jx.adapters.local.runner import statuses
from jx.adapters.local.runner.deciding import Course, Seen, State, Wish, combine, decide, values_of
from jx.adapters.local.runner.places import Places
from jx.adapters.local.runner.plan import BadRun, Obj, Plan, Task, go_duration, read_plan, seconds_of
from jx.adapters.local.runner.pods import (
    TASK_LABEL,
    child_name,
    claim_of,
    place_in_matrix,
    pod_of,
    run_values,
    task_runs,
)
from jx.adapters.local.runner.references import resolved
from jx.adapters.local.runner.seen import PIPELINE_RUNS, TASK_RUNS, Known
from jx.domain.errors import Forbidden, Invalid, NotFound, Refused, Stale

CLAIMS = Resource("v1", "persistentvolumeclaims", "PersistentVolumeClaim")
_NAMED = {
    "Pipeline": Resource(PIPELINE_RUNS.api_version, "pipelines", "Pipeline"),
    "Task": Resource(PIPELINE_RUNS.api_version, "tasks", "Task"),
}
_ENDED = ("Succeeded", "Failed")
_FOR_GOOD = (Invalid, Refused, Forbidden)
"""What the API says no to, it says no to the next time: a quota, a policy, a right that is missing."""


@dataclass
class Runs:
    """Looks at runs. Owned by one thread."""

    api: Api
    namespace: str
    known: Known
    places: Places
    now: Callable[[], float] = time.time

    def look(self, name: str) -> float | None:
        """Look at a run; the seconds after which it is to be looked at again without any news."""
        run = self.known.find(PIPELINE_RUNS, name)
        if run is None or "deletionTimestamp" in run["metadata"]:
            self._give_up(name)
            return None
        if statuses.is_done(run):
            self._tidy(run)
            return None
        wish = _wish(run)
        if wish is Wish.PENDING:
            self._write(
                run,
                {
                    "conditions": statuses.condition(
                        "Unknown", "PipelineRunPending", "it waits for a person", self._text(), run
                    )
                },
            )
            return None
        try:
            plan = read_plan(resolved(run, self._find))
        except BadRun as error:
            self._refuse(run, error)
            return None
        return self._go_on(run, plan, wish)

    def _find(self, kind: str, name: str) -> Obj | None:
        """A pipeline or task of the namespace; None where there is none, or no such kind."""
        try:
            return self.api.get(_NAMED[kind], self.namespace, name)
        except NotFound:
            return None
        except Forbidden as error:
            raise BadRun(f"CouldntGet{kind}", error.message) from error

    def _go_on(self, run: Obj, plan: Plan, wish: Wish) -> float | None:
        now = self.now()
        started = _seconds((run.get("status") or {}).get("startTime")) or now
        course = self._course(run, plan, wish, started=started, now=now)
        for each in self._children(run):
            self._tend(run, each, course)
        try:
            decision = decide(plan, _seen(run, self._children(run)), course)
            for task in decision.begin:
                self._begin(run, plan, task, course)
            if decision.begin:
                decision = decide(plan, _seen(run, self._children(run)), course)
        except BadRun as error:
            self._refuse(run, error)
            return None
        made = self._children(run)
        values = {**run_values(run), **values_of(plan, decision.seen, decision.skipped)}
        status = statuses.run_status(run, plan, decision, made, values, now=self._text())
        written = self._write(run, status)
        if decision.is_over:
            self._tidy(written)
            return None
        return self._due(written, plan, started, now)

    # One task

    def _begin(self, run: Obj, plan: Plan, task: Task, course: Course) -> None:
        made = self._children(run)
        for each in run["spec"].get("workspaces") or ():
            if "volumeClaimTemplate" in each and not made:
                self._create(CLAIMS, claim_of(run, each))
        seen = _seen(run, made)
        skipped = decide(plan, seen, course).skipped
        values = {**run_values(run), **values_of(plan, seen, skipped)}
        for body in task_runs(run, plan, task, values):
            created = self._create(TASK_RUNS, body)
            self._tend(run, created, course)

    def _tend(self, run: Obj, made: Obj, course: Course) -> None:
        if statuses.is_done(made):
            return
        attempt = len((made.get("status") or {}).get("retriesStatus") or ())
        name = pod_name(made, attempt)
        pod = self.known.find(PODS, name)
        if pod is None:
            self._make_pod(run, made, attempt, course)
            return
        self.places.hold(name, run["metadata"]["name"])
        phase = (pod.get("status") or {}).get("phase")
        if phase not in _ENDED:
            self._maybe_cancel(made, pod, course)
            self._write(made, statuses.task_status(made, pod, self._text()))
            return
        status = statuses.task_status(made, pod, self._text())
        written = self._write(made, self._retried(made, status, attempt) or status)
        self.places.give_back(name)
        if not statuses.is_done(written):
            self._make_pod(run, written, attempt + 1, course)

    def _retried(self, made: Obj, status: Obj, attempt: int) -> Obj | None:
        """The status in which the next attempt begins, where this one failed and there is one."""
        found = status["conditions"][0]
        if found["status"] != "False" or found["reason"] == "TaskRunCancelled":
            return None
        if attempt >= int(made["spec"].get("retries") or 0):
            return None
        earlier = (made.get("status") or {}).get("retriesStatus") or []
        last = {key: value for key, value in status.items() if key != "retriesStatus"}
        return {
            "conditions": statuses.condition("Unknown", "ToBeRetried", found["message"], self._text()),
            "retriesStatus": [*earlier, last],
            "taskSpec": status["taskSpec"],
        }

    def _make_pod(self, run: Obj, made: Obj, attempt: int, course: Course) -> None:
        name = pod_name(made, attempt)
        if (made.get("status") or {}).get("podName") == name:
            self.places.give_back(name)
            words = f"pod {name} was deleted while it ran"
            self._write(made, statuses.ended(made, "Failed", words, self._text()))
            return
        why = self._why_cancel(made, course)
        if why:
            self.places.give_back(name)
            self._write(made, statuses.ended(made, *statuses.why_ended(made, why), self._text()))
            return
        if not self.places.ask(name, run["metadata"]["name"], self.known.arrival(run)):
            words = f"it waits for a place; {self.places.where(name)} are before it"
            status = {
                **(made.get("status") or {}),
                "conditions": statuses.condition("Unknown", "Pending", words, self._text(), made),
            }
            if not statuses.succeeded(made):
                self._write(made, status)
            return
        try:
            pod = self._create(PODS, pod_of(made, attempt))
        except BadRun as error:
            self.places.give_back(name)
            self._write(made, statuses.ended(made, error.reason, error.message, self._text()))
            return
        except (*_FOR_GOOD, NotFound) as error:
            self.places.give_back(name)
            self._write(made, statuses.ended(made, "PodCreationFailed", error.message, self._text()))
            return
        self._write(made, statuses.task_status(made, pod, self._text()))

    def _maybe_cancel(self, made: Obj, pod: Obj, course: Course) -> None:
        why = self._why_cancel(made, course)
        if why and CANCEL not in (pod["metadata"].get("annotations") or {}):
            patch = {"metadata": {"annotations": {CANCEL: why}}}
            self.known.put(self.api.merge(PODS, self.namespace, pod["metadata"]["name"], patch))

    def _why_cancel(self, made: Obj, course: Course) -> str:
        is_final = made["metadata"]["labels"].get("tekton.dev/memberOf") == "finally"
        if course.wish is Wish.CANCELLED or (course.wish is Wish.CANCELLED_RUN_FINALLY and not is_final):
            return statuses.RUN_CANCELLED
        if course.late == "pipeline" or (course.late and (course.late == "finally") == is_final):
            return statuses.RUN_TIMED_OUT
        started = _seconds((made.get("status") or {}).get("startTime"))
        limit = seconds_of(made["spec"].get("timeout") or "0")
        if started and limit and self.now() - started >= limit:
            return f"{statuses.TIMEOUT}{made['spec']['timeout']}"
        return ""

    # Time

    def _course(self, run: Obj, plan: Plan, wish: Wish, *, started: float, now: float) -> Course:
        """What was asked for, and what took longer than its time."""
        for name, end in _ends(run, plan, started).items():
            if now >= end:
                return Course(wish, name, go_duration(plan.timeouts[name] or 0))
        return Course(wish)

    def _due(self, run: Obj, plan: Plan, started: float, now: float) -> float | None:
        """Until the next time limit is reached."""
        ends = [*_ends(run, plan, started).values()]
        for each in self._children(run):
            begun = _seconds((each.get("status") or {}).get("startTime"))
            limit = seconds_of(each["spec"].get("timeout") or "0")
            if begun and limit and not statuses.is_done(each):
                ends.append(begun + limit)
        left = [end - now for end in ends if end > now]
        return min(left) + 0.01 if left else None

    # The API

    def _children(self, run: Obj) -> list[Obj]:
        def age(made: Obj) -> tuple[str, str, int]:
            task = made["metadata"]["labels"][TASK_LABEL]
            return made["metadata"].get("creationTimestamp", ""), task, place_in_matrix(made)[0]

        return sorted(self.known.owned(TASK_RUNS, run), key=age)

    def _create(self, kind: Resource, body: Obj) -> Obj:
        """Made, or met: it has a name that follows from its run."""
        try:
            found = self.api.create(kind, self.namespace, body)
        except Stale:
            found = self.api.get(kind, self.namespace, body["metadata"]["name"])
            if _owner(found) != _owner(body):
                words = f"{kind.kind} {body['metadata']['name']} is there, and belongs to somebody else"
                raise BadRun("CouldntCreate", words) from None
        except _FOR_GOOD as error:
            if kind is PODS:
                raise
            raise BadRun("CouldntCreate", error.message) from error
        if kind is not CLAIMS:
            self.known.put(found)
        return found

    def _write(self, obj: Obj, status: Obj) -> Obj:
        """Write a status, where it says something new."""
        before = obj.get("status") or {}
        if before == status:
            return obj
        patch = {**{key: None for key in before if key not in status}, **status}
        kind = PIPELINE_RUNS if obj["kind"] == PIPELINE_RUNS.kind else TASK_RUNS
        name = obj["metadata"]["name"]
        written = self.api.merge(kind, self.namespace, name, {"status": patch}, subresource="status")
        self.known.put(written)
        return written

    def _refuse(self, run: Obj, error: BadRun) -> None:
        now = self._text()
        for each in self._children(run):
            self._tend(run, each, Course(Wish.CANCELLED))
        before = run.get("status") or {}
        found = statuses.condition("False", error.reason, error.message, now, run)
        self._write(
            run,
            {
                **before,
                "startTime": before.get("startTime") or now,
                "completionTime": now,
                "conditions": found,
            },
        )

    def _tidy(self, run: Obj) -> None:
        """After the end: what the run worked on is not kept, its TaskRuns, pods and logs are."""
        for each in self._children(run):
            attempts = len((each.get("status") or {}).get("retriesStatus") or ())
            self.places.give_back(pod_name(each, attempts))
        for each in run["spec"].get("workspaces") or ():
            if "volumeClaimTemplate" in each:
                try:
                    self.api.delete(CLAIMS, self.namespace, claim_of(run, each)["metadata"]["name"])
                except NotFound:
                    continue

    def _give_up(self, name: str) -> None:
        self.places.give_back_run(name)

    def _text(self) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now()))


def pod_name(made: Obj, attempt: int) -> str:
    """The name of the pod of an attempt."""
    return child_name(made["metadata"]["name"], f"pod-retry{attempt}" if attempt else "pod")


def _ends(run: Obj, plan: Plan, started: float) -> dict[str, float]:
    """When the time is up of what goes on: of the whole run, and of its tasks or of `finally`."""
    final = _seconds((run.get("status") or {}).get("finallyStartTime"))
    begun = {"pipeline": started, **({"finally": final} if final else {"tasks": started})}
    limits = {name: plan.timeouts.get(name) for name in begun}
    return {name: begun[name] + limit for name, limit in limits.items() if limit is not None}


def _seen(run: Obj, made: list[Obj]) -> dict[str, Seen]:
    """By the name of the task. A TaskRun that was there and is gone has failed: it is not made again."""
    there = {each["metadata"]["name"] for each in made}
    found: dict[str, list[Seen]] = {}
    missing: dict[str, int] = {}
    for each in made:
        task = each["metadata"]["labels"][TASK_LABEL]
        found.setdefault(task, []).append(statuses.seen_of(each))
        missing[task] = place_in_matrix(each)[1] - len(found[task])
    for each in (run.get("status") or {}).get("childReferences") or ():
        if each["name"] not in there:
            gone = Seen(State.FAILED, {}, "TaskRunDeleted")
            found.setdefault(each["pipelineTaskName"], []).append(gone)
            missing[each["pipelineTaskName"]] = 0
    # Of a matrix that is not complete, the rest is still to be made.
    return {task: combine(several) for task, several in found.items() if missing[task] <= 0}


def _wish(run: Obj) -> Wish:
    try:
        return Wish(run["spec"].get("status") or "")
    except ValueError:
        return Wish.NONE


def _owner(obj: Obj) -> str:
    found = obj["metadata"].get("ownerReferences") or [{}]
    return str(found[0].get("uid", ""))


def _seconds(text: str | None) -> float:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) if text else 0.0
