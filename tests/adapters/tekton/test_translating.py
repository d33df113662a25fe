"""PipelineRuns and TaskRuns as Tekton itself writes them become runs; also those that somebody else started."""

from __future__ import annotations

from typing import Any

from jx.adapters.tekton.translating import body_of, run_of
from jx.domain.runs.runs import NewRun, RunState

# As Tekton's controller writes them: a failed step, one that was skipped after it, a task that never ran.
RUN: dict[str, Any] = {
    "metadata": {
        "name": "build-abc12",
        "creationTimestamp": "2026-11-01T12:00:00Z",
        "labels": {"tekton.dev/pipeline": "build"},
    },
    "status": {
        "startTime": "2026-11-01T12:00:01Z",
        "completionTime": "2026-11-01T12:01:00Z",
        "conditions": [
            {
                "type": "Succeeded",
                "status": "False",
                "reason": "Failed",
                "message": "Tasks Completed: 1 (Failed: 1, Cancelled 0), Skipped: 1",
            }
        ],
        "childReferences": [
            {"kind": "TaskRun", "name": "build-abc12-test", "pipelineTaskName": "test"},
            {"kind": "CustomRun", "name": "build-abc12-other", "pipelineTaskName": "other"},
        ],
        "skippedTasks": [{"name": "publish", "reason": "PipelineRun was stopping"}],
    },
}
TASK: dict[str, Any] = {
    "metadata": {"name": "build-abc12-test", "labels": {"tekton.dev/pipelineRun": "build-abc12"}},
    "status": {
        "podName": "build-abc12-test-pod",
        "startTime": "2026-11-01T12:00:02Z",
        "completionTime": "2026-11-01T12:00:59Z",
        "conditions": [
            {"type": "Succeeded", "status": "False", "reason": "Failed", "message": '"step-unit" exited'}
        ],
        "steps": [
            {
                "name": "unit",
                "container": "step-unit",
                "terminationReason": "Error",
                "terminated": {
                    "exitCode": 2,
                    "reason": "Error",
                    "startedAt": "2026-11-01T12:00:10Z",
                    "finishedAt": "2026-11-01T12:00:50Z",
                },
            },
            {
                "name": "report",
                "container": "step-report",
                "terminationReason": "Skipped",
                "terminated": {"exitCode": 1, "reason": "Error"},
            },
        ],
    },
}


def test_a_run_of_tekton_is_read_with_its_stages_and_steps() -> None:
    run = run_of(RUN, [TASK])
    assert (run.name, run.pipeline, run.build, run.state) == ("build-abc12", "build", "", RunState.FAILED)
    test, publish = run.stages
    assert (test.name, test.state, test.pod) == ("test", RunState.FAILED, "build-abc12-test-pod")
    assert (publish.name, publish.state) == ("publish", RunState.SKIPPED)
    unit, report = test.steps
    assert (unit.name, unit.state, unit.words, unit.container) == (
        "unit",
        RunState.FAILED,
        "exit code 2",
        "step-unit",
    )
    assert unit.completed is not None
    assert unit.started is not None
    assert (unit.completed - unit.started).seconds == 40
    assert report.state is RunState.SKIPPED


def test_a_run_of_which_nothing_is_known_yet_is_pending() -> None:
    fresh = {"metadata": {"name": "x", "creationTimestamp": "2026-11-01T12:00:00Z"}}
    assert run_of(fresh, []).state is RunState.PENDING
    waiting = {
        **RUN,
        "status": {"conditions": [{"type": "Succeeded", "status": "Unknown", "reason": "Running"}]},
    }
    assert run_of(waiting, []).state is RunState.PENDING


def test_cancelled_is_not_failed() -> None:
    condition = {"type": "Succeeded", "status": "False", "reason": "Cancelled", "message": "x"}
    assert run_of({**RUN, "status": {"conditions": [condition]}}, []).state is RunState.CANCELLED


def test_labels_of_a_run_are_kept_beside_those_that_say_what_it_is() -> None:
    given = {"team": "brie", "build": "nine", "jenkins.io/pipelineKind": "release"}
    body = body_of(NewRun("shop-1", "acme/shop/main", 1, {}, context="apply", labels=given), "jx")
    labels = body["metadata"]["labels"]
    assert (labels["team"], labels["jenkins.io/pipelineKind"]) == ("brie", "release")
    assert (labels["build"], labels["context"], labels["owner"]) == ("1", "apply", "acme")


def test_any_name_and_branch_make_an_object_that_kubernetes_takes() -> None:
    new = NewRun(
        "Acme_Shop-feat/X-" + "y" * 100, "Acme/Shop/feat/x_y", 12, {"pipelineSpec": {}}, context="apply"
    )
    body = body_of(new, "jx")
    assert len(body["metadata"]["name"]) <= 50
    assert body["metadata"]["labels"]["branch"] == "feat-x_y"
    assert run_of(body, []).pipeline == "Acme/Shop/feat/x_y"
