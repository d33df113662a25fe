"""From a task of a run to its TaskRun, and from a TaskRun to its pod of steps; pure."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jx.adapters.local.node.step import EXITS, RESULTS
from jx.adapters.local.node.steps import ANNOTATION, ROOT
from jx.adapters.local.runner.plan import BadRun, Obj, Plan, Task, seconds_of
from jx.adapters.local.runner.substitution import Values, named, names_in, substitute, substitute_param

API = "tekton.dev/v1"
RUN_LABEL = "tekton.dev/pipelineRun"
TASK_LABEL = "tekton.dev/pipelineTask"
TASK_RUN_LABEL = "tekton.dev/taskRun"
MANAGED_LABEL = "app.kubernetes.io/managed-by"
MANAGER = "tekton-pipelines"
ON_ERROR = "local.jenkins-x.io/on-error"
"""On a TaskRun, `continue` where its failure does not count."""
MATRIX = "local.jenkins-x.io/matrix"
"""On TaskRuns of a matrix: which of how many it is, as `0/4`."""
SIDECAR = "sidecar-"
"""How the names of containers begin that are sidecars."""
DEFAULT_ACCOUNT = "default"
_GRACE_SECONDS = 10
_KEPT = (
    *("name", "image", "command", "args", "env", "envFrom", "workingDir", "volumeMounts", "resources"),
    *("ports", "readinessProbe"),
)
_NAME_LENGTH = 63


def child_name(parent: str, suffix: str) -> str:
    """`parent-suffix`, cut to what a name may be; cut names are told apart by a digest."""
    name = f"{parent}-{suffix}"
    if len(name) <= _NAME_LENGTH:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: _NAME_LENGTH - 13].rstrip('-.')}-{digest}"


def place_in_matrix(made: Obj) -> tuple[int, int]:
    """Which of how many a TaskRun is."""
    place, _, count = (made["metadata"].get("annotations") or {}).get(MATRIX, "0/1").partition("/")
    return int(place), int(count)


def owned_by(owner: Obj) -> list[Obj]:
    """The reference by which an object goes with its owner."""
    meta = owner["metadata"]
    return [
        {
            "apiVersion": API,
            "kind": owner["kind"],
            "name": meta["name"],
            "uid": meta["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def combinations(task: Task, values: Values) -> list[Mapping[str, str]]:
    """The parameters of each TaskRun of a task: one for every combination of the values of its matrix, or just one. BadRun for a
    matrix without values."""
    matrix = task.body.get("matrix") or {}
    given = matrix.get("params") or ()
    lists = [(str(each["name"]), substitute_param(each["value"], values)) for each in given]
    for name, found in lists:
        if not isinstance(found, list) or not found:
            words = f"task {task.name}: {name} of its matrix has no list of values"
            raise BadRun("PipelineValidationFailed", words)
    names = [name for name, _ in lists]
    # The first parameter changes fastest.
    turned = itertools.product(*(texts for _, texts in reversed(lists)))
    every: list[dict[str, str]] = [dict(zip(names, reversed(each), strict=True)) for each in turned]
    return _with_included(every if lists else [], names, matrix, values) or [*every]


def _with_included(
    every: list[dict[str, str]], names: list[str], matrix: Obj, values: Values
) -> list[Mapping[str, str]]:
    """Combinations with what `include` adds: to those whose values it names, to all where it names none, else as one more."""
    found: list[dict[str, str]] = [dict(each) for each in every]
    for included in matrix.get("include") or ():
        params = {
            str(each["name"]): str(substitute(each["value"], values)) for each in included.get("params") or ()
        }
        shared = {name: params[name] for name in names if name in params}
        met = [each for each in found[: len(every)] if shared.items() <= each.items()]
        for each in met:
            each.update(params)
        if not met:
            found.append(params)
    return list(found)


def task_runs(run: Obj, plan: Plan, task: Task, values: Values) -> list[Obj]:
    """The TaskRuns of a task: one, or those of its matrix, each of which knows how many they are."""
    every = combinations(task, values)
    if "matrix" not in task.body:
        return [_task_run(run, plan, task, values, {})]
    made = []
    for number, combination in enumerate(every):
        one = _task_run(run, plan, task, values, combination)
        one["metadata"]["name"] = child_name(run["metadata"]["name"], f"{task.name}-{number}")
        one["metadata"]["annotations"][MATRIX] = f"{number}/{len(every)}"
        made.append(one)
    return made


def _task_run(run: Obj, plan: Plan, task: Task, values: Values, combination: Mapping[str, str]) -> Obj:
    """The TaskRun of a task, its parameters as they are now."""
    meta = run["metadata"]
    template = run["spec"].get("taskRunTemplate") or {}
    given = run["spec"].get("taskRunSpecs") or ()
    own: Obj = next((each for each in given if each.get("pipelineTaskName") == task.name), {})
    params = [
        {"name": each["name"], "value": substitute_param(each["value"], values)}
        for each in task.body.get("params") or ()
    ]
    params += [{"name": name, "value": value} for name, value in sorted(combination.items())]
    labels = {
        **(meta.get("labels") or {}),
        **((task.spec.get("metadata") or {}).get("labels") or {}),
        **((own.get("metadata") or {}).get("labels") or {}),
        RUN_LABEL: meta["name"],
        TASK_LABEL: task.name,
        "tekton.dev/memberOf": "finally" if task.is_final else "tasks",
        MANAGED_LABEL: MANAGER,
    }
    spec = {
        "params": params,
        "taskSpec": substitute(task.spec, _inherited(task.spec, values)),
        "serviceAccountName": own.get("serviceAccountName")
        or template.get("serviceAccountName")
        or DEFAULT_ACCOUNT,
        "computeResources": own.get("computeResources"),
        "timeout": str(task.body.get("timeout") or "1h0m0s"),
        "retries": task.retries,
        "workspaces": list(_workspaces(run, plan, task)),
    }
    name = child_name(meta["name"], task.name)
    return {
        "apiVersion": API,
        "kind": "TaskRun",
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": {**_annotations(run), **({ON_ERROR: "continue"} if task.may_fail else {})},
            "ownerReferences": owned_by(run),
        },
        "spec": {key: value for key, value in spec.items() if value not in ([], None)},
    }


def pod_of(made: Obj, attempt: int) -> Obj:
    """The pod of a TaskRun's attempt (0 is the first). BadRun where something that it needs is missing."""
    meta, spec = made["metadata"], made["spec"]
    task: Obj = spec["taskSpec"]
    mounts = list(_mounts(spec))
    values = _task_values(made, mounts, attempt)
    steps = [_step(number, each, task) for number, each in enumerate(task["steps"])]
    known: list[Obj] = substitute(steps, values)
    known += substitute([_sidecar(each) for each in task.get("sidecars") or ()], values)
    known = [_with_true_places(each, [mount["mountPath"] for _, mount in mounts]) for each in known]
    wishes = {each["name"]: _wish(each) for each in known}
    volumes = [substitute(each, values) for each in task.get("volumes") or ()]
    volumes += [volume for volume, _ in mounts]
    volumes += [{"name": name, "emptyDir": {}} for name in (RESULTS, EXITS)]
    name = child_name(meta["name"], f"pod-retry{attempt}" if attempt else "pod")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "labels": {**meta["labels"], TASK_RUN_LABEL: meta["name"]},
            "annotations": {**(meta.get("annotations") or {}), ANNOTATION: json.dumps(wishes)},
            "ownerReferences": owned_by(made),
        },
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": spec["serviceAccountName"],
            "terminationGracePeriodSeconds": _GRACE_SECONDS,
            "containers": [_container(each, [mount for _, mount in mounts], spec) for each in known],
            "volumes": volumes,
        },
    }


def claim_of(run: Obj, workspace: Obj) -> Obj:
    """The claim that a run makes for a workspace of its own, which goes with the run."""
    template = workspace["volumeClaimTemplate"]
    meta = template.get("metadata") or {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": _claim_name(run, workspace),
            "namespace": run["metadata"]["namespace"],
            "labels": {**(meta.get("labels") or {}), RUN_LABEL: run["metadata"]["name"]},
            "ownerReferences": owned_by(run),
        },
        "spec": template["spec"],
    }


def _claim_name(run: Obj, workspace: Obj) -> str:
    seed = f"{workspace['name']}-{run['metadata']['uid']}"
    return f"pvc-{hashlib.sha256(seed.encode()).hexdigest()[:10]}"


def _inherited(spec: Obj, values: Values) -> dict[str, str | list[str]]:
    """What reaches into a task from its run: all but the parameters that the task has itself."""
    own = [f"params.{each['name']}" for each in spec.get("params") or ()]
    return {
        key: value
        for key, value in values.items()
        if not any(key == name or key.startswith((f"{name}.", f"{name}[")) for name in own)
    }


def _annotations(run: Obj) -> dict[str, str]:
    """Those of the run that are not the client's own affair."""
    given = run["metadata"].get("annotations") or {}
    return {key: value for key, value in given.items() if not key.startswith("kubectl.kubernetes.io/")}


def _workspaces(run: Obj, plan: Plan, task: Task) -> Iterator[Obj]:
    bound = {each["name"]: each for each in run["spec"].get("workspaces") or ()}
    named_here = {each["name"]: each for each in task.body.get("workspaces") or ()}
    declared = {each["name"]: each for each in task.spec.get("workspaces") or ()}
    used = {name.split(".")[1] for name in names_in(task.spec) if name.startswith("workspaces.")}
    for name in [*declared, *sorted(used - declared.keys())]:
        source = named_here.get(name, {}).get("workspace") or name
        binding = bound.get(source)
        if binding is None:
            if name in declared and not declared[name].get("optional"):
                raise BadRun(
                    "InvalidWorkspaceBindings", f"task {task.name}: nothing is bound to workspace {name}"
                )
            continue
        found = {**binding, "name": name}
        if "volumeClaimTemplate" in found:
            del found["volumeClaimTemplate"]
            found["persistentVolumeClaim"] = {"claimName": _claim_name(run, binding)}
        paths = [found.pop("subPath", ""), named_here.get(name, {}).get("subPath", "")]
        path = "/".join(each.strip("/") for each in paths if each)
        yield {**found, "subPath": path} if path else found


def _mounts(spec: Obj) -> Iterator[tuple[Obj, Obj]]:
    """The volume and the mount of each workspace of a TaskRun."""
    declared = {each["name"]: each for each in spec["taskSpec"].get("workspaces") or ()}
    for number, each in enumerate(spec.get("workspaces") or ()):
        source = {
            key: each[key]
            for key in ("emptyDir", "persistentVolumeClaim", "configMap", "secret", "projected")
            if key in each
        }
        if not source:
            raise BadRun(
                "InvalidWorkspaceBindings", f"workspace {each['name']} is bound to nothing that is there here"
            )
        where = declared.get(each["name"], {}).get("mountPath") or f"/workspace/{each['name']}"
        mount = {"name": f"ws-{number}", "mountPath": where}
        if each.get("subPath"):
            mount["subPath"] = each["subPath"]
        yield {"name": f"ws-{number}", **source}, mount


def _task_values(made: Obj, mounts: list[tuple[Obj, Obj]], attempt: int) -> dict[str, str | list[str]]:
    meta, spec = made["metadata"], made["spec"]
    task: Obj = spec["taskSpec"]
    given = {each["name"]: each["value"] for each in spec.get("params") or ()}
    values: dict[str, str | list[str]] = {
        "context.taskRun.name": meta["name"],
        "context.taskRun.namespace": meta["namespace"],
        "context.taskRun.uid": meta.get("uid", ""),
        "context.task.name": meta["name"],
        "context.task.retry-count": str(attempt),
    }
    for each in task.get("params") or ():
        if each["name"] not in given and "default" not in each:
            words = f"task {meta['labels'][TASK_LABEL]}: parameter {each['name']} has no value"
            raise BadRun("TaskRunValidationFailed", words)
        values |= named(f"params.{each['name']}", given.get(each["name"], each.get("default")))
    for number, each in enumerate(task["steps"]):
        name = f"step-{each.get('name') or f'unnamed-{number}'}"
        values[f"steps.{name}.exitCode.path"] = f"{ROOT}/tekton/steps/{name}/exitCode"
    for each in task.get("results") or ():
        values[f"results.{each['name']}.path"] = f"{ROOT}/tekton/results/{each['name']}"
    for each in task.get("workspaces") or ():
        values |= {f"workspaces.{each['name']}.bound": "false", f"workspaces.{each['name']}.path": ""}
    for each, (volume, mount) in zip(spec.get("workspaces") or (), mounts, strict=True):
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
        values |= {
            f"workspaces.{each['name']}.path": f"{ROOT}{mount['mountPath']}",
            f"workspaces.{each['name']}.bound": "true",
            f"workspaces.{each['name']}.claim": claim,
            f"workspaces.{each['name']}.volume": volume["name"],
        }
    return values


def _step(number: int, step: Obj, task: Obj) -> Obj:
    """A step with what all steps of its task share; what it says itself goes before."""
    template = task.get("stepTemplate") or {}
    env = {each["name"]: each for each in [*(template.get("env") or ()), *(step.get("env") or ())]}
    found = {**template, **step}
    if env:
        found["env"] = list(env.values())
    name = f"step-{step.get('name') or f'unnamed-{number}'}"
    return {**found, "name": name}


def _sidecar(sidecar: Obj) -> Obj:
    """What runs beside the steps, and ends with the last of them."""
    return {**sidecar, "name": f"{SIDECAR}{sidecar['name']}"}


def _with_true_places(step: Obj, mounts: list[str]) -> Obj:
    """Workspaces are mounted below a folder of the pod, so where a step names one by its path, it is told the true one."""
    if not mounts:
        return step
    paths = "|".join(re.escape(path.rstrip("/")) for path in sorted(mounts, key=len, reverse=True))
    literal = re.compile(rf"(?<![\w./)])(?:{paths})(?![\w-])")

    def placed(text: str) -> str:
        return literal.sub(lambda match: f"{ROOT}{match[0]}", text)

    found = dict(step)
    for key in ("command", "args"):
        if key in step:
            found[key] = [placed(each) for each in step[key]]
    if step.get("script"):
        found["script"] = placed(step["script"])
    if "env" in step:
        found["env"] = [
            {**each, "value": placed(each["value"])} if "value" in each else each for each in step["env"]
        ]
    return found


def _wish(step: Obj) -> Obj:
    wish: dict[str, Any] = {}
    if step["name"].startswith(SIDECAR):
        wish["isSidecar"] = True
    if step.get("script"):
        wish["script"] = step["script"]
    if step.get("onError"):
        wish["onError"] = step["onError"]
    if step.get("timeout"):
        wish["timeoutSeconds"] = seconds_of(str(step["timeout"]))
    return wish


def _container(step: Obj, mounts: list[Obj], spec: Obj) -> Obj:
    found = {key: step[key] for key in _KEPT if step.get(key)}
    found.setdefault("image", "none")
    of_task = None if step["name"].startswith(SIDECAR) else spec.get("computeResources")
    resources = step.get("computeResources") or of_task
    if resources:
        found["resources"] = resources
    own = [{**each, "mountPath": _plain(each["mountPath"])} for each in found.get("volumeMounts") or ()]
    found["volumeMounts"] = [
        *own,
        *mounts,
        {"name": RESULTS, "mountPath": "/tekton/results"},
        {"name": EXITS, "mountPath": "/tekton/steps"},
    ]
    if "workingDir" in found:
        found["workingDir"] = _plain(found["workingDir"])
    return found


def _plain(path: str) -> str:
    return path.removeprefix(ROOT)


def run_values(run: Obj) -> Mapping[str, str]:
    """What any task may name of the run itself."""
    meta = run["metadata"]
    return {
        "context.pipelineRun.name": meta["name"],
        "context.pipelineRun.namespace": meta["namespace"],
        "context.pipelineRun.uid": meta["uid"],
        "context.pipeline.name": meta["name"],
    }
