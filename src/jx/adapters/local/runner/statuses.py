"""The status that Tekton would write: of a TaskRun from its pod, of a PipelineRun from its TaskRuns; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jx.adapters.local.node.steps import CANCEL
from jx.adapters.local.runner.deciding import Decision, Seen, Skip, State, Wish, has_failed
from jx.adapters.local.runner.plan import Obj, Plan, go_duration
from jx.adapters.local.runner.pods import API, ON_ERROR, SIDECAR, TASK_LABEL
from jx.adapters.local.runner.substitution import (
    Values,
    names_in,
    results_in,
    substitute,
    substitute_param,
)

TIMEOUT = "timeout: "
"""How a cancellation begins that is the timeout of its task."""
RUN_CANCELLED = "TaskRun cancelled as the PipelineRun it belongs to has been cancelled."
RUN_TIMED_OUT = "TaskRun cancelled as the PipelineRun it belongs to has timed out."
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
    cancel = (pod["metadata"].get("annotations") or {}).get(CANCEL, "")
    status = {
        "podName": pod["metadata"]["name"],
        "startTime": before.get("startTime") or now,
        "steps": [_step(each, why_ended(made, cancel)[0] if cancel else "") for each in statuses],
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
    status["completionTime"] = now
    results = _results(statuses, made["spec"]["taskSpec"])
    reason, words = "", ""
    if phase != "Succeeded":
        reason, words = _why_failed(made, pod, every)
    elif wrong := _mistyped(results):
        reason, results = "TaskRunValidationFailed", []
        words = f"results are not of the types that the task declares, or are no JSON: {wrong}"
    if results:
        status["results"] = results
    if reason:
        return {**status, "conditions": condition("False", reason, words, now, made)}
    words = "All Steps have completed executing"
    return {**status, "conditions": condition("True", "Succeeded", words, now, made)}


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
            is_cancelled = found["reason"] == "TaskRunCancelled" and RUN_TIMED_OUT not in found["message"]
            return Seen(State.CANCELLED if is_cancelled else State.FAILED, results, found["reason"])
        case _:
            return Seen(State.RUNNING)


def run_status(
    run: Obj, plan: Plan, decision: Decision, made: Sequence[Obj], values: Values, *, now: str
) -> Obj:
    """The status of a PipelineRun, with the `values` that its tasks may name by now."""
    before = run.get("status") or {}
    status: Obj = {
        "startTime": before.get("startTime") or now,
        "childReferences": _children(before, made, plan, values),
        "pipelineSpec": plan.spec,
    }
    skipped = _skipped(plan, decision, values) or (
        before.get("skippedTasks") if decision.is_cut_short else ()
    )
    if skipped:
        status["skippedTasks"] = skipped
    if any(plan.find(name).is_final for name in decision.seen):
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
    ok, reason_word, words = _end(run, plan, decision, counts=counts)
    if ok == "True" and decision.skipped:
        reason_word = "Completed"
    results = run_results(plan, values)
    missing = [] if decision.is_cut_short else _missing_results(plan, decision.seen)
    if results:
        status["results"] = results
    if missing:
        words = f"results of the pipeline name what its tasks did not make: {', '.join(missing)}"
        ok, reason_word = "False", "CouldntGetPipelineResult"
    return {**status, "conditions": condition(ok, reason_word, words, now, run)}


def _skipped(plan: Plan, decision: Decision, values: Values) -> list[Obj]:
    found = []
    for name, reason in decision.skipped.items():
        task = plan.find(name)
        skipped: Obj = {"name": name, "reason": reason.value}
        if task.body.get("when") and (reason is Skip.WHEN or not task.is_final):
            skipped["whenExpressions"] = substitute(task.body["when"], values)
        found.append(skipped)
    return found


def _missing_results(plan: Plan, seen: Mapping[str, Seen]) -> list[str]:
    """Results of the pipeline that name a result which a task that succeeded did not make."""
    return [
        each["name"]
        for each in plan.spec.get("results") or ()
        for task, result in sorted(results_in(each["value"]))
        if task in seen and seen[task].state is State.SUCCEEDED and result not in seen[task].results
    ]


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


def _end(run: Obj, plan: Plan, decision: Decision, *, counts: str) -> tuple[str, str, str]:
    name, course, seen = run["metadata"]["name"], decision.course, decision.seen
    if course.late == "pipeline":
        words = f'PipelineRun "{name}" failed to finish within "{course.limit}"'
        return "False", "PipelineRunTimeout", words
    if _were_tasks_late(plan, seen):
        limit = go_duration(plan.timeouts.get("tasks") or 0)
        words = f'PipelineRun "{name}" failed due to tasks failed to finish within "{limit}"'
        return "False", "PipelineRunTimeout", words
    if decision.invalid:
        return "False", "PipelineValidationFailed", counts
    if course.wish is Wish.CANCELLED:
        return "False", "Cancelled", f'PipelineRun "{name}" was cancelled'
    if has_failed(plan, seen):
        return "False", "Failed", counts
    if course.wish in (Wish.CANCELLED_RUN_FINALLY, Wish.STOPPED_RUN_FINALLY):
        return "False", "Cancelled", f'PipelineRun "{name}" was cancelled'
    if any(one.state is State.CANCELLED for one in seen.values()):
        return "False", "Cancelled", counts
    return "True", "Succeeded", counts


def _were_tasks_late(plan: Plan, seen: Mapping[str, Seen]) -> bool:
    """Whether the time of all tasks before `finally` was up: who ended for that has failed, and says that it was cancelled."""
    return any(
        one.state is State.FAILED and one.reason == "TaskRunCancelled" and not plan.find(name).is_final
        for name, one in seen.items()
    )


def _counts(plan: Plan, seen: Mapping[str, Seen], decision: Decision) -> str:
    over = [one for one in seen.values() if one.is_over]
    failed = [name for name, one in seen.items() if one.state is State.FAILED]
    ignored = sum(plan.find(name).may_fail for name in failed)
    cancelled = sum(one.state is State.CANCELLED for one in over)
    beside = f" (Ignored: {ignored})" if ignored and decision.is_over else ""
    words = f"Tasks Completed: {len(over)} (Failed: {len(failed)}{beside}, Cancelled {cancelled})"
    left = len(plan.tasks) - len(over) - len(decision.skipped) - len(decision.invalid)
    if not decision.is_over:
        words += f", Incomplete: {left}"
    words += f", Skipped: {len(decision.skipped)}"
    if decision.invalid:
        whys = "; ".join(why for _, why in sorted(decision.invalid.items()))
        words += f", Failed Validation: {len(decision.invalid)} ({whys})"
    return words


def _children(before: Obj, made: Sequence[Obj], plan: Plan, values: Values) -> list[Obj]:
    """Of all TaskRuns that there are or were."""
    found = [_child(each, plan, values) for each in made]
    there = {each["name"] for each in found}
    return [*(each for each in before.get("childReferences") or () if each["name"] not in there), *found]


def _child(made: Obj, plan: Plan, values: Values) -> Obj:
    task = made["metadata"]["labels"][TASK_LABEL]
    found: Obj = {
        "apiVersion": API,
        "kind": "TaskRun",
        "name": made["metadata"]["name"],
        "pipelineTaskName": task,
    }
    body = plan.find(task).body
    if shown := _display_name(made, body):
        found["displayName"] = shown
    if body.get("when"):
        found["whenExpressions"] = substitute(body["when"], values)
    return found


def _display_name(made: Obj, body: Obj) -> str:
    """That of the task, or the names of what its matrix includes and this TaskRun has."""
    given = {each["name"]: each["value"] for each in made["spec"].get("params") or ()}
    texts: dict[str, str | list[str]] = {
        f"params.{name}": value for name, value in given.items() if not isinstance(value, list)
    }
    met = [
        str(included["name"])
        for included in (body.get("matrix") or {}).get("include") or ()
        if included.get("name")
        and all(given.get(each["name"]) == each["value"] for each in included.get("params") or ())
    ]
    return str(substitute(" ".join(met) or body.get("displayName") or "", texts))


def _step(status: Obj, cut_short: str = "") -> Obj:
    """A step, from its container; `cut_short` is why the task was ended before it."""
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
            ended["exitCode"] = int(said["ExitCode"])
        word = said.get("Reason") or ("Completed" if ended["exitCode"] == 0 else "Error")
        if cut_short and word in ("Cancelled", "Skipped"):
            ended |= {"exitCode": 1, "reason": cut_short}
            word = cut_short
        elif word == "TimeoutExceeded":
            ended["exitCode"] = 1
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


def _mistyped(results: Sequence[Obj]) -> str:
    kinds: dict[str, type] = {"string": str, "array": list, "object": dict}
    return ", ".join(each["name"] for each in results if not isinstance(each["value"], kinds[each["type"]]))


def why_ended(made: Obj, cancel: str) -> tuple[str, str]:
    """Reason and message of a TaskRun that was ended before its time."""
    name = made["metadata"]["name"]
    if cancel.startswith(TIMEOUT):
        return "TaskRunTimeout", f'TaskRun "{name}" failed to finish within "{cancel.removeprefix(TIMEOUT)}"'
    return "TaskRunCancelled", f'TaskRun "{name}" was cancelled. {cancel}'


def _why_failed(made: Obj, pod: Obj, statuses: Sequence[Obj]) -> tuple[str, str]:
    cancel = (pod["metadata"].get("annotations") or {}).get(CANCEL, "")
    if cancel:
        return why_ended(made, cancel)
    if "deletionTimestamp" in pod["metadata"]:
        return "Failed", f"pod {pod['metadata']['name']} was deleted while it ran"
    reason, words = _why_step_failed(pod, statuses)
    if (made["metadata"].get("annotations") or {}).get(ON_ERROR) == "continue":
        reason = "FailureIgnored"
    return reason, words


def _why_step_failed(pod: Obj, statuses: Sequence[Obj]) -> tuple[str, str]:
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
        if word == "TimeoutExceeded":
            return (
                "StepFailed",
                f'"{each["name"]}" exited because the step exceeded the specified timeout limit',
            )
        what = "Sidecar" if each["name"].startswith(SIDECAR) else "Step"
        reason = f"{what}{'OOM' if each['state']['terminated'].get('reason') == 'OOMKilled' else 'Failed'}"
        return reason, f'"{each["name"]}" exited with code {code}: {word}'
    return "Failed", (pod.get("status") or {}).get("message") or "the pod failed"
