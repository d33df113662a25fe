"""Cases of PipelineRuns, played on whatever runs them, and what of their ends has to be told alike."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from jx.adapters.kubernetes.api import PODS, Api, Resource
from jx.adapters.tekton.translating import PIPELINE_RUNS, TASK_RUNS
from jx.domain.errors import Stale

Obj = dict[str, Any]
FOLDER = Path(__file__).parents[1] / "parity" / "runs"
RECORD = FOLDER / "answers.json"
_SECONDS = 240
_TIMED = ("failure-beside", "stopped-with-finally")
_KINDS = {kind: Resource("tekton.dev/v1", f"{kind.lower()}s", kind) for kind in ("Task", "Pipeline")}


@dataclass(frozen=True)
class Case:
    """One run, and what is done to it."""

    name: str
    spec: Obj
    objects: tuple[Obj, ...] = ()
    then: Mapping[str, str] = field(default_factory=dict)
    differs: Mapping[str, str] = field(default_factory=dict)
    """By path: why the runner tells it otherwise."""


def cases(limit: str) -> tuple[Case, ...]:
    """All of them, with this time limit where they try one out."""
    documents = yaml.safe_load_all((FOLDER / "cases.yaml").read_text().replace("@limit", limit))
    return tuple(Case(**{**each, "objects": tuple(each.get("objects", ()))}) for each in documents)


def names() -> tuple[str, ...]:
    return tuple(case.name for case in cases("1s"))


def batches(every: Sequence[Case]) -> tuple[tuple[Case, ...], ...]:
    """Those whose time is limited, and then all others, which would keep the machine from them."""
    limited = tuple(case for case in every if "timeout" in case.name or case.name in _TIMED)
    return limited, tuple(case for case in every if case not in limited)


def recorded() -> dict[str, Obj]:
    """What Tekton told of each case."""
    found: dict[str, Obj] = json.loads(RECORD.read_text())
    return found


def is_recording() -> bool:
    return bool(os.environ.get("JX_PARITY_RECORD"))


def record(told: Mapping[str, Obj]) -> None:
    """Keep what Tekton told."""
    RECORD.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")


def start(api: Api, every: Iterable[Case]) -> None:
    for case in every:
        for body in case.objects:
            try:
                api.create(_KINDS[body["kind"]], "default", body)
            except Stale:
                continue
        body = {"apiVersion": PIPELINE_RUNS.api_version, "kind": PIPELINE_RUNS.kind}
        api.create(PIPELINE_RUNS, "default", {**body, "metadata": {"name": case.name}, "spec": case.spec})


def ends(api: Api, every: Iterable[Case], limit: str) -> dict[str, Obj]:
    """What is told of all runs, once they have ended; what is to be done to them meanwhile is done."""
    left = {case.name: case for case in every}
    told: dict[str, Obj] = {}
    done: set[str] = set()
    last, pause = time.monotonic() + _SECONDS, threading.Event()
    while left:
        assert time.monotonic() < last, f"these do not end: {', '.join(sorted(left))}; {_stuck(api)}"
        runs = _by_name(api, PIPELINE_RUNS)
        made = _by_name(api, TASK_RUNS)
        for name, case in list(left.items()):
            if case.then and name not in done and _runs(made.get(f"{name}-{case.then['runs']}") or {}):
                patch = {"spec": {"status": case.then["status"]}}
                api.merge(PIPELINE_RUNS, "default", name, patch)
                done.add(name)
            own = [each for each in made.values() if each["metadata"]["labels"][_RUN] == name]
            if _is_over(runs[name]) and all(_is_over(each) for each in own):
                text = json.dumps(view(runs[name], own)).replace(f'{limit}\\"', '@limit\\"')
                told[name] = json.loads(text.replace(f'"{limit}"', '"@limit"'))
                del left[name]
        pause.wait(0.2)
    return told


_RUN = "tekton.dev/pipelineRun"


def _by_name(api: Api, kind: Resource) -> dict[str, Obj]:
    return {each["metadata"]["name"]: each for each in api.list_pages(kind, "default")[0]}


def _stuck(api: Api) -> str:
    """Of each pod that has not ended, what its containers do."""
    pods = [
        each for each in api.list_pages(PODS, "default")[0] if _phase(each) not in ("Succeeded", "Failed")
    ]
    shown = {
        pod["metadata"]["name"]: [
            _phase(pod),
            *(str(each.get("state")) for each in (pod.get("status") or {}).get("containerStatuses") or ()),
        ]
        for pod in pods
    }
    return json.dumps(shown)


def _phase(pod: Obj) -> str:
    return str((pod.get("status") or {}).get("phase"))


def _is_over(obj: Obj) -> bool:
    condition = _condition(obj.get("status") or {})
    return condition.get("status") in ("True", "False")


def _runs(made: Obj) -> bool:
    return any("running" in step for step in (made.get("status") or {}).get("steps") or ())


def _condition(status: Obj) -> Obj:
    every: list[Obj] = status.get("conditions") or []
    found = next((each for each in every if each["type"] == "Succeeded"), {})
    kept = {key: found[key] for key in ("status", "reason", "message") if key in found}
    # What a task was told to wait for before its time was up is a matter of the moment.
    return {key: str(value).partition("\nPrevious status: ")[0] for key, value in kept.items()}


# What is left out are times, uids, and what a run was given


def view(run: Obj, made: Iterable[Obj]) -> Obj:
    """What of a run and its TaskRuns has to be told alike."""
    status = run["status"]
    kept = {
        "succeeded": _condition(status),
        "children": sorted(
            (
                {key: value for key, value in each.items() if key != "apiVersion"}
                for each in status.get("childReferences") or ()
            ),
            key=lambda each: str(each["name"]),
        ),
        "skipped": sorted(status.get("skippedTasks") or (), key=lambda each: str(each["name"])),
        "results": status.get("results") or [],
        "times": sorted(key for key in status if key.endswith("Time")),
        "taskRuns": {each["metadata"]["name"]: _task(each) for each in made},
    }
    return {key: value for key, value in kept.items() if value}


def _task(made: Obj) -> Obj:
    status, spec = made["status"], made["spec"]
    kept = {
        "params": spec.get("params"),
        "timeout": spec.get("timeout"),
        "retries": spec.get("retries"),
        **_attempt(status),
        "retried": [_attempt(each) for each in status.get("retriesStatus") or ()],
    }
    return {key: value for key, value in kept.items() if value}


def _attempt(status: Obj) -> Obj:
    kept = {
        "succeeded": _condition(status),
        "pod": status.get("podName"),
        "results": status.get("results"),
        "steps": [_step(each) for each in status.get("steps") or ()],
        "sidecars": sorted(each["name"] for each in status.get("sidecars") or ()),
        "times": sorted(key for key in status if key.endswith("Time")),
    }
    return {key: value for key, value in kept.items() if value}


def _step(step: Obj) -> Obj:
    state = next((key for key in ("terminated", "running", "waiting") if key in step), "")
    held = step.get(state) or {}
    kept = {
        "name": step["name"],
        "container": step.get("container"),
        "state": state,
        "exitCode": held.get("exitCode"),
        "reason": held.get("reason"),
        "terminationReason": step.get("terminationReason"),
    }
    return {key: value for key, value in kept.items() if value is not None}


def compared(told: Obj, recorded: Obj) -> dict[str, tuple[Any, Any]]:
    """What is told otherwise. Of a task whose time was up before it had begun, as happens on a busy machine, its steps are not
    compared."""
    both = [json.loads(json.dumps(each)) for each in (told, recorded)]
    every = {name for each in both for name in each.get("taskRuns", {}) if _was_late(each["taskRuns"][name])}
    for each in both:
        for name in every:
            for key in ("steps", "pod"):
                each["taskRuns"].get(name, {}).pop(key, None)
    return differences(*both)


def _was_late(made: Obj) -> bool:
    ended = made["succeeded"].get("reason") in ("TaskRunCancelled", "TaskRunTimeout")
    return ended and not all(step["state"] for step in made.get("steps") or [{"state": ""}])


def differences(ours: Any, theirs: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """What is told otherwise, by its path: ours and theirs."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found: dict[str, tuple[Any, Any]] = {}
        for key in sorted(ours.keys() | theirs.keys()):
            found |= differences(ours.get(key), theirs.get(key), f"{path}.{key}" if path else str(key))
        return found
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        found = {}
        for number, pair in enumerate(zip(ours, theirs, strict=True)):
            found |= differences(*pair, f"{path}[{number}]")
        return found
    return {} if ours == theirs else {path: (ours, theirs)}
