"""PipelineRuns are run as Tekton runs them, and their status says what Tekton's would."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.runner import RunnerWorld, message, outcome, pipeline_run, task
from tests.support.workloads import Obj

RESULT = {"results": [{"name": "version"}]}


def children(run: Obj) -> dict[str, str]:
    return {each["pipelineTaskName"]: each["name"] for each in run["status"]["childReferences"]}


def test_tasks_run_in_their_order_and_the_status_is_tektons(world: RunnerWorld, name: str) -> None:
    tasks = [task("second", "echo 2", runAfter=["first"]), task("first", "echo 1", "echo 1b")]
    world.start(name, tasks=tasks)
    run = world.ended(name)
    assert outcome(run) == ("True", "Succeeded")
    assert message(run) == "Tasks Completed: 2 (Failed: 0, Cancelled 0), Skipped: 0"
    assert run["status"]["startTime"] <= run["status"]["completionTime"]
    assert children(run) == {"first": f"{name}-first", "second": f"{name}-second"}
    first, second = world.task_run(f"{name}-first"), world.task_run(f"{name}-second")
    assert first["status"]["completionTime"] <= second["status"]["startTime"]
    assert outcome(first) == ("True", "Succeeded")
    assert first["status"]["podName"] == f"{name}-first-pod"
    steps = first["status"]["steps"]
    assert [each["container"] for each in steps] == ["step-unnamed-0", "step-unnamed-1"]
    assert [each["terminated"]["exitCode"] for each in steps] == [0, 0]
    assert {each["terminationReason"] for each in steps} == {"Completed"}
    assert world.log("second", run=name) == b"2\n"


def test_parameters_results_and_workspaces_reach_where_they_are_named(world: RunnerWorld, name: str) -> None:
    write = "printf 1.2.3 > $(results.version.path); echo $(params.greeting) > $(workspaces.source.path)/a"
    first = task("first", write, spec=RESULT)
    read = "echo $(params.version) $(params.list[1]) $(cat $(workspaces.source.path)/a)"
    second = task(
        "second",
        read,
        params=[
            {"name": "version", "value": "$(tasks.first.results.version)"},
            {"name": "list", "value": "$(params.names[*])"},
        ],
        spec={"params": [{"name": "version"}, {"name": "list", "type": "array"}]},
    )
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    world.start(
        name,
        tasks=[first, second],
        params_=[
            {"name": "greeting", "default": "hello"},
            {"name": "names", "type": "array", "default": ["a", "b"]},
        ],
        workspaces_=[{"name": "source"}],
        workspaces=[{"name": "source", "volumeClaimTemplate": {"spec": claim}}],
        results=[{"name": "released", "value": "$(tasks.first.results.version)"}],
    )
    run = world.ended(name)
    assert outcome(run) == ("True", "Succeeded")
    assert world.log("second", run=name) == b"1.2.3 b hello\n"
    assert run["status"]["results"] == [{"name": "released", "value": "1.2.3"}]
    told = world.task_run(f"{name}-first")["status"]["results"]
    assert told == [{"name": "version", "type": "string", "value": "1.2.3"}]
    world.until(lambda: not [one for one in world.all("PersistentVolumeClaim") if name in str(one)])


def test_after_a_failure_nothing_begins_but_finally_which_knows(world: RunnerWorld, name: str) -> None:
    world.start(
        name,
        tasks=[task("first", "exit 3"), task("second", "true", runAfter=["first"])],
        finally_=[task("tell", "echo $(tasks.first.status) $(tasks.status)")],
    )
    run = world.ended(name)
    assert outcome(run) == ("False", "Failed")
    assert message(run) == "Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 1"
    assert run["status"]["skippedTasks"] == [{"name": "second", "reason": "PipelineRun was stopping"}]
    assert world.log("tell", run=name) == b"Failed Failed\n"
    first = world.task_run(f"{name}-first")
    assert outcome(first) == ("False", "StepFailed")
    assert message(first).startswith('"step-unnamed-0" exited with code 3')


def test_when_decides_and_who_needs_what_was_not_made_is_skipped(world: RunnerWorld, name: str) -> None:
    never: list[Obj] = [{"input": "$(params.branch)", "operator": "notin", "values": ["main"]}]
    needs = [{"name": "v", "value": "$(tasks.off.results.version)"}]
    world.start(
        name,
        params=[{"name": "branch", "value": "main"}],
        params_=[{"name": "branch"}],
        tasks=[
            task("off", "true", when=never, spec=RESULT),
            task("after", "echo on", runAfter=["off"]),
            task("needs", "true", params=needs, spec={"params": [{"name": "v"}]}),
        ],
    )
    run = world.ended(name)
    assert outcome(run) == ("True", "Completed")
    skipped = {each["name"]: each["reason"] for each in run["status"]["skippedTasks"]}
    assert skipped == {"off": "When Expressions evaluated to false", "needs": "Results were missing"}
    assert world.log("after", run=name) == b"on\n"


def test_when_may_be_an_expression_of_cel_on_what_others_made(world: RunnerWorld, name: str) -> None:
    makes = {"results": [{"name": "size"}]}
    world.start(
        name,
        params_=[{"name": "branch", "default": "main"}],
        tasks=[
            task("measure", "printf 12 > $(results.size.path)", spec=makes),
            task("big", "echo big", when=[{"cel": "int('$(tasks.measure.results.size)') > 10"}]),
            task("small", "echo small", when=[{"cel": "!('$(params.branch)' in ['main'] && 1 < 2)"}]),
        ],
    )
    run = world.ended(name)
    assert outcome(run) == ("True", "Completed")
    skipped = [(each["name"], each["reason"]) for each in run["status"]["skippedTasks"]]
    assert skipped == [("small", "When Expressions evaluated to false")]
    assert world.log("big", run=name) == b"big\n"


@pytest.mark.parametrize(
    ("when", "reason", "words"),
    [
        ({"cel": "'main' =="}, "CELEvaluationFailed", "task never: when: 'main' ==: "),
        ({"cel": "branch == 'main'"}, "CELEvaluationFailed", "undeclared reference to 'branch'"),
        ({"cel": "'main'"}, "CELEvaluationFailed", "'main' is 'main', which is neither true nor false"),
        ({"cel": "int('$(params.branch)') > 1"}, "CELEvaluationFailed", "int('main') > 1: "),
        (
            {"cel": "true", "input": "a", "operator": "in", "values": ["a"]},
            "PipelineValidationFailed",
            "cel and input, operator, values exclude each other",
        ),
    ],
)
def test_an_expression_that_is_no_yes_or_no_fails_the_run(
    world: RunnerWorld, name: str, when: Obj, reason: str, words: str
) -> None:
    branch = {"name": "branch", "default": "main"}
    world.start(name, params_=[branch], tasks=[task("never", "true", when=[when])])
    run = world.ended(name)
    assert outcome(run) == ("False", reason)
    assert words in message(run)


def test_a_matrix_is_a_task_run_for_each_combination_and_its_results_are_lists(
    world: RunnerWorld, name: str
) -> None:
    versions = [{"name": "os", "value": ["a", "b"]}, {"name": "v", "value": "$(params.versions[*])"}]
    spec = {"params": [{"name": "os"}, {"name": "v"}], "results": [{"name": "version"}]}
    told = [{"name": "all", "value": "$(tasks.each.results.version[*])"}]
    world.start(
        name,
        params_=[{"name": "versions", "type": "array", "default": ["1", "2"]}],
        tasks=[
            task(
                "each",
                "printf $(params.os)$(params.v) > $(results.version.path)",
                matrix={"params": versions},
                spec=spec,
            ),
            task(
                "tell",
                params=told,
                spec={
                    "params": [{"name": "all", "type": "array"}],
                    "steps": [{"image": "tools", "command": ["echo"], "args": ["$(params.all[*])"]}],
                },
            ),
        ],
    )
    run = world.ended(name)
    assert outcome(run) == ("True", "Succeeded")
    assert len(run["status"]["childReferences"]) == 5
    made = world.task_run(f"{name}-tell")
    assert made["spec"]["params"] == [{"name": "all", "value": ["a1", "b1", "a2", "b2"]}]


def test_a_matrix_takes_in_what_is_to_be_included(world: RunnerWorld, name: str) -> None:
    def params(**values: str) -> list[Obj]:
        return [{"name": key, "value": value} for key, value in values.items()]

    include = [
        {"name": "all", "params": params(flag="-v")},
        {"name": "one", "params": params(os="b", color="red")},
        {"name": "more", "params": params(os="c")},
    ]
    spec = {"params": [{"name": one, "default": "none"} for one in ("os", "flag", "color")]}
    matrix = {"params": [{"name": "os", "value": ["a", "b"]}], "include": include}
    says = "echo $(params.os) $(params.flag) $(params.color)"
    world.start(name, tasks=[task("each", says, matrix=matrix, spec=spec)])
    assert outcome(world.ended(name)) == ("True", "Succeeded")
    told = [world.log(f"each-{number}", run=name) for number in range(3)]
    assert told == [b"a -v none\n", b"b -v red\n", b"c none none\n"]


def test_a_sidecar_runs_beside_the_steps_and_ends_with_them(world: RunnerWorld, name: str) -> None:
    beside: Obj = {"name": "db", "image": "tools", "script": "echo up > both/up; exec sleep 1000"}
    beside |= {"workingDir": "/workspace", "volumeMounts": [{"name": "s", "mountPath": "/workspace/both"}]}
    mounts = {"volumeMounts": [{"name": "s", "mountPath": "/workspace/both"}]}
    waits = "until [ -e $JX_ROOTFS/workspace/both/up ]; do sleep 0.05; done; cat $JX_ROOTFS/workspace/both/up"
    spec = {"sidecars": [beside], "stepTemplate": mounts, "volumes": [{"name": "s", "emptyDir": {}}]}
    world.start(name, tasks=[task("first", waits, spec=spec)])
    run = world.ended(name)
    assert outcome(run) == ("True", "Succeeded"), message(run)
    assert world.log("first", run=name) == b"up\n"
    (told,) = world.task_run(f"{name}-first")["status"]["sidecars"]
    assert (told["name"], told["terminated"]["exitCode"]) == ("db", 0)
    assert [one["name"] for one in world.task_run(f"{name}-first")["status"]["steps"]] == ["unnamed-0"]


def test_a_cancelled_run_ends_its_sidecars(world: RunnerWorld, name: str) -> None:
    beside = {"name": "db", "image": "tools", "script": "echo beside; exec sleep 1000"}
    tasks = [task("first", "echo begun; sleep 1000", spec={"sidecars": [beside]})]
    world.start(name, tasks=tasks)
    world.log_until(lambda: world.log("first", run=name) == b"begun\n")
    world.wish(name, "Cancelled")
    assert outcome(world.ended(name)) == ("False", "Cancelled")
    (told,) = world.task_run(f"{name}-first")["status"]["sidecars"]
    assert "terminated" in told


def test_a_workspace_may_be_named_by_its_path(world: RunnerWorld, name: str) -> None:
    first = task(
        "first",
        "echo one > /workspace/source/a; cd '/workspace/source' && cat a ${NONE:-/workspace/source}/a",
        spec={"workspaces": [{"name": "source"}]},
    )
    first["taskSpec"]["steps"].append(
        {
            "image": "tools",
            "command": ["/bin/sh", "-c"],
            "args": ['cat "$PLACE"/a; echo /workspace/sources'],
            "env": [{"name": "PLACE", "value": "/workspace/source"}],
        }
    )
    bound = [{"name": "source", "emptyDir": {}}]
    world.start(name, tasks=[first], workspaces_=[{"name": "source"}], workspaces=bound)
    run = world.ended(name)
    assert outcome(run) == ("True", "Succeeded"), message(run)
    assert world.log("first", run=name) == b"one\none\n"
    assert world.log("first", step="step-unnamed-1", run=name) == b"one\n/workspace/sources\n"


def test_pipelines_and_tasks_of_the_namespace_are_run_by_their_names(world: RunnerWorld, name: str) -> None:
    steps = [{"image": "tools", "script": "echo $(params.word)"}]
    said = {"params": [{"name": "word"}], "steps": steps}
    named = {"metadata": {"name": name}, "apiVersion": "tekton.dev/v1"}
    world.apply({**named, "kind": "Task", "spec": said})
    given = [{"name": "word", "value": "$(params.word)"}]
    pipeline = {
        "params": [{"name": "word"}],
        "tasks": [{"name": "say", "taskRef": {"name": name}, "params": given}],
        "finally": [task("end", "echo over")],
    }
    world.apply({**named, "kind": "Pipeline", "spec": pipeline})
    body = pipeline_run(name, params=[{"name": "word", "value": "hello"}])
    del body["spec"]["pipelineSpec"]
    body["spec"]["pipelineRef"] = {"name": name}
    world.apply(body)
    run = world.ended(name)
    assert outcome(run) == ("True", "Succeeded"), message(run)
    assert world.log("say", run=name) == b"hello\n"
    assert run["status"]["pipelineSpec"]["tasks"][0]["taskSpec"]["steps"] == steps


def test_a_task_is_tried_again_as_often_as_it_says(world: RunnerWorld, name: str) -> None:
    script = 'case "$JX_ROOTFS" in *) echo $(context.taskRun.name); exit 1;; esac'
    world.start(name, tasks=[task("first", script, retries=2)])
    run = world.ended(name)
    assert outcome(run) == ("False", "Failed")
    made = world.task_run(f"{name}-first")
    assert len(made["status"]["retriesStatus"]) == 2
    assert [world.log("first", run=name, attempt=n) for n in range(3)] == [f"{name}-first\n".encode()] * 3


@pytest.mark.parametrize(
    ("spec", "reasons"),
    [
        ({"tasks": [task("slow", "sleep 100", timeout="300ms")]}, ("Failed", "TaskRunTimeout")),
        (
            {"tasks": [task("slow", "sleep 100")], "timeouts": {"pipeline": "1s"}},
            ("PipelineRunTimeout", "TaskRunCancelled"),
        ),
    ],
    ids=["of the task", "of the run"],
)
def test_what_takes_too_long_is_ended(
    world: RunnerWorld, name: str, spec: dict[str, Any], reasons: tuple[str, str]
) -> None:
    world.start(name, **spec)
    run = world.ended(name)
    assert outcome(run) == ("False", reasons[0])
    assert outcome(world.task_run(f"{name}-slow")) == ("False", reasons[1])


def test_a_cancelled_run_ends_what_runs_and_begins_nothing(world: RunnerWorld, name: str) -> None:
    tasks = [task("first", "echo begun; sleep 1000"), task("second", "true", runAfter=["first"])]
    world.start(name, tasks=tasks, finally_=[task("tell", "true")])
    world.log_until(lambda: world.log("first", run=name) == b"begun\n")
    world.wish(name, "Cancelled")
    run = world.ended(name)
    assert outcome(run) == ("False", "Cancelled")
    assert outcome(world.task_run(f"{name}-first")) == ("False", "TaskRunCancelled")
    assert set(children(run)) == {"first"}
    assert world.log("first", run=name).startswith(b"begun\n")


def test_a_gracefully_cancelled_run_still_runs_finally(world: RunnerWorld, name: str) -> None:
    world.start(name, tasks=[task("first", "echo begun; sleep 1000")], finally_=[task("tell", "echo told")])
    world.log_until(lambda: world.log("first", run=name) == b"begun\n")
    world.wish(name, "CancelledRunFinally")
    assert outcome(world.ended(name)) == ("False", "Cancelled")
    assert world.log("tell", run=name) == b"told\n"


def test_a_pending_run_waits_for_a_person(world: RunnerWorld, name: str) -> None:
    world.start(name, tasks=[task("first", "true")], status="PipelineRunPending")
    world.until(lambda: outcome(world.run(name)) == ("Unknown", "PipelineRunPending"))
    assert "childReferences" not in world.run(name)["status"]
    world.wish(name, "")
    assert outcome(world.ended(name)) == ("True", "Succeeded")


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        ({"pipelineSpec": {"tasks": []}}, "PipelineValidationFailed", "no tasks"),
        ({"pipelineRef": {"name": "x"}, "pipelineSpec": None}, "CouldntGetPipeline", "no Pipeline x"),
        (
            {"pipelineRef": {"resolver": "git"}, "pipelineSpec": None},
            "CouldntGetPipeline",
            "resolver is not there",
        ),
        ({"tasks": [{"name": "a", "taskRef": {"name": "x"}}]}, "CouldntGetTask", "no Task x"),
        ({"tasks": [task("a", "true", runAfter=["b"])]}, "PipelineInvalidGraph", "comes after b"),
        (
            {"tasks": [task("a", "true", runAfter=["b"]), task("b", "true", runAfter=["a"])]},
            "PipelineInvalidGraph",
            "wait for each other: a, b",
        ),
        ({"tasks": [task("a", "true")], "params_": [{"name": "p"}]}, "ParameterMissing", "parameter p"),
        (
            {"tasks": [task("a", "true")], "workspaces_": [{"name": "w"}]},
            "InvalidWorkspaceBindings",
            "workspace w",
        ),
        ({"tasks": [task("a", "true", timeout="soon")]}, "PipelineValidationFailed", "no duration"),
        (
            {"tasks": [task("a", "true", spec={"sidecars": [{"name": "s", "lifecycle": {"x": 1}}]})]},
            "PipelineValidationFailed",
            "sidecar",
        ),
    ],
)
def test_what_cannot_be_run_fails_at_once_and_says_why(
    world: RunnerWorld, name: str, spec: dict[str, Any], reason: str, words: str
) -> None:
    given = {key: value for key, value in spec.items() if value is not None}
    if "pipelineSpec" in spec:
        body = pipeline_run(name)
        body["spec"] = {key: value for key, value in spec.items() if value is not None}
        world.apply(body)
    else:
        world.start(name, **given)
    run = world.ended(name)
    assert outcome(run) == ("False", reason)
    assert words in message(run)


def test_a_secret_that_is_missing_fails_the_task(world: RunnerWorld, name: str) -> None:
    env = [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "no-such", "key": "token"}}}]
    world.start(name, tasks=[task("a", "true", spec={"stepTemplate": {"env": env}})])
    assert outcome(world.ended(name)) == ("False", "Failed")
    assert b"no-such" in world.log("a", run=name)


def test_a_pod_that_somebody_deletes_fails_its_task_and_is_not_made_again(
    world: RunnerWorld, name: str
) -> None:
    world.start(name, tasks=[task("first", "echo begun; sleep 1000")])
    world.log_until(lambda: world.log("first", run=name) == b"begun\n")
    world.delete("Pod", f"{name}-first-pod")
    assert outcome(world.ended(name)) == ("False", "Failed")
    assert outcome(world.task_run(f"{name}-first")) == ("False", "Failed")
    # The node tells that the pod has failed, and takes it away after that; one made again would sleep on.
    world.until(lambda: world.find("Pod", f"{name}-first-pod") is None)


def test_a_run_that_is_deleted_takes_everything_with_it(world: RunnerWorld, name: str) -> None:
    world.start(name, tasks=[task("first", "echo begun; sleep 1000")])
    world.log_until(lambda: world.log("first", run=name) == b"begun\n")
    world.api.delete(world.api.resource("tekton.dev", "PipelineRun"), "default", name)
    world.until(lambda: world.find("Pod", f"{name}-first-pod") is None)


@pytest.mark.parametrize(
    ("what", "reason"), [("pods", "Failed"), ("count/taskruns.tekton.dev", "CouldntCreate")]
)
def test_what_the_api_refuses_for_good_ends_the_run_and_is_told(
    world: RunnerWorld, name: str, what: str, reason: str
) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "tight"},
        "spec": {"hard": {what: "0"}},
    }
    world.apply(quota)
    try:
        world.until(lambda: (world.get("ResourceQuota", "tight").get("status") or {}).get("hard"), 60)
        world.start(name, tasks=[task("first", "echo never")])
        run = world.ended(name)
    finally:
        world.delete("ResourceQuota", "tight")
    assert outcome(run) == ("False", reason)
    told = message(run) if reason == "CouldntCreate" else message(world.task_run(f"{name}-first"))
    assert "exceeded quota" in told
