"""The status that Tekton would write: of a TaskRun from its pod, of a PipelineRun from its TaskRuns; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jx.adapters.local.node.steps import CANCEL
from jx.adapters.local.runner.deciding import Course, Decision, Seen, State, Wish, has_failed
from jx.adapters.local.runner.plan import Obj, Plan
from jx.adapters.local.runner.pods import API, SIDECAR, TASK_LABEL
from jx.adapters.local.runner.substitution import Values, names_in, substitute, substitute_param

TIMEOUT = "timeout: "
"""How a cancellation begins that is a timeout."""
_RESULT, _INTERNAL = 1, 3
_PULL = ("ErrImagePull", "ImagePullBackOff")


def condition(status: str, reason: str, message: str, now: str, before: Obj | None = None) -> list[Obj]:
    """The condition `Succeeded`; its time moves only when its status does."""
    old = succeeded(before or {})
    since = old.get("lastTransitionTime") if old.get("status") == status else None
    return [
        {
            "type": "Succeeded",
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": since or now,
        }
    ]


def succeeded(obj: Obj) -> Obj:
    """The condition `Succeeded` of an object; empty where it has none."""
    found = (obj.get("status") or {}).get("conditions") or ()
    return next((each for each in found if each.get("type") == "Succeeded"), {})


def is_done(obj: Obj) -> bool:
    """Whether a run has ended, whichever way."""
    return succeeded(obj).get("status") in ("True", "False")


def task_status(made: Obj, pod: Obj, now: str) -> Obj:
    """The status of a TaskRun whose attempt this pod is."""
    before = made.get("status") or {}
    every = (pod.get("status") or {}).get("containerStatuses") or []
    statuses = [each for each in every if not each["name"].startswith(SIDECAR)]
    phase = (pod.get("status") or {}).get("phase", "Pending")
    status = {
        "podName": pod["metadata"]["name"],
        "startTime": before.get("startTime") or now,
        "steps": [_step(each) for each in statuses],
        "taskSpec": made["spec"]["taskSpec"],
    }
    beside = [each for each in every if each["name"].startswith(SIDECAR)]
    if beside:
        status["sidecars"] = [_sidecar(each) for each in beside]
    if before.get("retriesStatus"):
        status["retriesStatus"] = before["retriesStatus"]
    if phase not in ("Succeeded", "Failed"):
        reason, message = ("Running", "Not all Steps in the Task have finished executing")
        if phase == "Pending":
            reason, message = "Pending", "pod status is Pending"
        return {**status, "conditions": condition("Unknown", reason, message, now, made)}
    results = _results(statuses, made["spec"]["taskSpec"])
    status |= {"completionTime": now, "results": results}
    if phase == "Succeeded":
        words = "All Steps have completed executing"
        return {**status, "conditions": condition("True", "Succeeded", words, now, made)}
    reason, words = _why_failed(made, pod, every)
    return {**status, "conditions": condition("False", reason, words, now, made)}


def ended(made: Obj, reason: str, message: str, now: str) -> Obj:
    """The status of a TaskRun that ends without its pod having ended."""
    before = made.get("status") or {}
    started = {"startTime": before.get("startTime") or now, "completionTime": now}
    return {**before, **started, "conditions": condition("False", reason, message, now, made)}


def seen_of(made: Obj) -> Seen:
    """What a TaskRun tells of its task."""
    found = succeeded(made)
    results = {each["name"]: each["value"] for each in (made.get("status") or {}).get("results") or ()}
    match found.get("status"):
        case "True":
            return Seen(State.SUCCEEDED, results, found["reason"])
        case "False":
            is_cancelled = found["reason"] == "TaskRunCancelled"
            return Seen(State.CANCELLED if is_cancelled else State.FAILED, results, found["reason"])
        case _:
            return Seen(State.RUNNING)


def run_status(run: Obj, plan: Plan, decision: Decision, made: Sequence[Obj], *, now: str) -> Obj:
    """The status of a PipelineRun."""
    before = run.get("status") or {}
    status: Obj = {
        "startTime": before.get("startTime") or now,
        "childReferences": _children(before, made, plan),
        "pipelineSpec": plan.spec,
    }
    if decision.skipped:
        status["skippedTasks"] = [
            {"name": name, "reason": reason.value} for name, reason in decision.skipped.items()
        ]
    if decision.is_final and any(task.is_final for task in plan.tasks):
        status["finallyStartTime"] = before.get("finallyStartTime") or now
    course, counts = decision.course, _counts(plan, decision.seen, decision)
    if not decision.is_over:
        reason = {
            Wish.CANCELLED_RUN_FINALLY: "CancelledRunningFinally",
            Wish.STOPPED_RUN_FINALLY: "StoppedRunningFinally",
        }
        word = "Cancelled" if course.wish is Wish.CANCELLED else reason.get(course.wish, "Running")
        return {**status, "conditions": condition("Unknown", word, counts, now, run)}
    status["completionTime"] = before.get("completionTime") or now
    ok, reason_word, words = _end(run, plan, decision.seen, course, counts=counts)
    if ok == "True" and decision.skipped:
        reason_word = "Completed"
    return {**status, "conditions": condition(ok, reason_word, words, now, run)}


def run_results(plan: Plan, values: Values) -> list[Obj]:
    """The results of a pipeline that can be told: those that name what is not there are left out."""
    found = []
    for each in plan.spec.get("results") or ():
        if all(_is_known(name, values) for name in names_in(each["value"])):
            value = each["value"]
            is_text = isinstance(value, str)
            found.append(
                {
                    "name": each["name"],
                    "value": substitute_param(value, values) if is_text else substitute(value, values),
                }
            )
    return found


def _is_known(name: str, values: Values) -> bool:
    return name in values


def _end(
    run: Obj, plan: Plan, seen: Mapping[str, Seen], course: Course, *, counts: str
) -> tuple[str, str, str]:
    name = run["metadata"]["name"]
    if course.late:
        return (
            "False",
            "PipelineRunTimeout",
            f'PipelineRun "{name}" failed to finish within "{course.limit}"',
        )
    if course.wish in (Wish.CANCELLED, Wish.CANCELLED_RUN_FINALLY):
        return "False", "Cancelled", f'PipelineRun "{name}" was cancelled'
    if has_failed(plan, seen):
        return "False", "Failed", counts
    if any(one.state is State.CANCELLED for one in seen.values()):
        return "False", "Cancelled", counts
    if course.wish is Wish.STOPPED_RUN_FINALLY:
        return "False", "Cancelled", f'PipelineRun "{name}" was stopped'
    return "True", "Succeeded", counts


def _counts(plan: Plan, seen: Mapping[str, Seen], decision: Decision) -> str:
    over = [one for one in seen.values() if one.is_over]
    failed = sum(one.state is State.FAILED for one in over)
    cancelled = sum(one.state is State.CANCELLED for one in over)
    words = f"Tasks Completed: {len(over)} (Failed: {failed}, Cancelled {cancelled})"
    left = len(plan.tasks) - len(over) - len(decision.skipped)
    if not decision.is_over:
        words += f", Incomplete: {left}"
    return f"{words}, Skipped: {len(decision.skipped)}"


def _children(before: Obj, made: Sequence[Obj], plan: Plan) -> list[Obj]:
    """Of all TaskRuns that there are or were."""
    found = [_child(each, plan) for each in made]
    there = {each["name"] for each in found}
    return [*(each for each in before.get("childReferences") or () if each["name"] not in there), *found]


def _child(made: Obj, plan: Plan) -> Obj:
    task = made["metadata"]["labels"][TASK_LABEL]
    found: Obj = {
        "apiVersion": API,
        "kind": "TaskRun",
        "name": made["metadata"]["name"],
        "pipelineTaskName": task,
    }
    when = plan.find(task).body.get("when")
    return {**found, "whenExpressions": when} if when else found


def _step(status: Obj) -> Obj:
    state = status.get("state") or {}
    found: Obj = {
        "name": status["name"].removeprefix("step-"),
        "container": status["name"],
        "imageID": status.get("imageID", ""),
    }
    if "terminated" in state:
        said = _said(state["terminated"], _INTERNAL)
        ended = {key: value for key, value in state["terminated"].items() if key != "message"}
        if "ExitCode" in said:
            ended |= {"exitCode": int(said["ExitCode"]), "reason": "Error"}
        word = said.get("Reason") or ("Completed" if ended["exitCode"] == 0 else "Error")
        return {**found, "terminated": ended, "terminationReason": word}
    if "running" in state and status.get("started"):
        return {**found, "running": state["running"]}
    return {**found, "waiting": state.get("waiting") or {"reason": "PodInitializing"}}


def _sidecar(status: Obj) -> Obj:
    found = {"name": status["name"].removeprefix(SIDECAR), "container": status["name"]}
    return {**found, "imageID": status.get("imageID", ""), **(status.get("state") or {})}


def _said(terminated: Obj, kind: int) -> dict[str, str]:
    try:
        entries = json.loads(terminated.get("message") or "[]")
    except ValueError:
        return {}
    return {each["key"]: each["value"] for each in entries if each.get("type") == kind}


def _results(statuses: Sequence[Obj], task: Obj) -> list[Obj]:
    told: dict[str, str] = {}
    for each in statuses:
        told |= _said((each.get("state") or {}).get("terminated") or {}, _RESULT)
    found = []
    for each in task.get("results") or ():
        if each["name"] in told:
            kind = each.get("type") or "string"
            found.append({"name": each["name"], "type": kind, "value": _typed(told[each["name"]], kind)})
    return found


def _typed(text: str, kind: str) -> Any:
    if kind == "string":
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, list if kind == "array" else dict) else text


def _why_failed(made: Obj, pod: Obj, statuses: Sequence[Obj]) -> tuple[str, str]:
    name = made["metadata"]["name"]
    cancel = (pod["metadata"].get("annotations") or {}).get(CANCEL, "")
    if cancel.startswith(TIMEOUT):
        return "TaskRunTimeout", f'TaskRun "{name}" failed to finish within "{cancel.removeprefix(TIMEOUT)}"'
    if cancel:
        return "TaskRunCancelled", f'TaskRun "{name}" was cancelled: {cancel}'
    for each in statuses:
        step = _step(each)
        code = step.get("terminated", {}).get("exitCode")
        word = step.get("terminationReason")
        if not code or word in ("Skipped", "Continued"):
            continue
        if word in _PULL:
            return (
                "TaskRunImagePullFailed",
                f'the image of step "{step["name"]}" is not there: {each["image"]}',
            )
        reason = "TaskRunTimeout" if word == "TimeoutExceeded" else "Failed"
        return reason, f'"{each["name"]}" exited with code {code}: {word}'
    return "Failed", (pod.get("status") or {}).get("message") or "the pod failed"
