"""Runs as values: their records, why they failed, which of them are old, and which a person means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jx.domain.errors import NotFound, Usage
from jx.domain.runs.activities import ActivityStatus
from jx.domain.runs.run_choice import RunChoice, choose_run, parse_pipeline
from jx.domain.runs.runs import Run, RunStage, RunState, RunStep, find_failure, find_obsolete, to_activity

AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def a_run(
    build: int = 1, *, state: RunState = RunState.SUCCEEDED, repo: str = "shop", context: str = "apply"
) -> Run:
    return Run(
        name=f"{repo}-{build}",
        pipeline=f"acme/{repo}/main",
        build=str(build),
        state=state,
        context=context,
        revision="a" * 40,
        created=AT + timedelta(minutes=build),
        stages=(
            RunStage(
                "build",
                state,
                steps=(
                    RunStep("clone", RunState.SUCCEEDED),
                    RunStep("test", state, words="exit code 2" if state is RunState.FAILED else ""),
                ),
                pod=f"{repo}-{build}-pod",
            ),
            RunStage("post", RunState.SKIPPED, words="When Expressions evaluated to false"),
        ),
    )


def test_the_record_of_a_run_has_its_stages_and_steps_under_its_number() -> None:
    record = to_activity(a_run(7))
    assert (record.name, record.pipeline, record.build) == ("acme-shop-main-7", "acme/shop/main", "7")
    assert record.started == AT + timedelta(minutes=7)
    assert [(step.name, step.depth) for step in record.steps] == [
        ("build", 0),
        ("clone", 1),
        ("test", 1),
        ("post", 0),
    ]
    assert record.steps[-1].status is ActivityStatus.NOT_EXECUTED


def test_pipelines_of_one_branch_have_records_of_their_own() -> None:
    assert to_activity(a_run(7, context="lint")).name == "acme-shop-main-lint-7"


@pytest.mark.parametrize("state", list(RunState))
def test_every_state_has_a_status_of_jenkins_x(state: RunState) -> None:
    assert to_activity(a_run(state=state)).status in ActivityStatus


def test_a_run_that_never_had_a_stage_says_why_in_its_record() -> None:
    bad = Run("x", "acme/shop/main", "1", RunState.FAILED, "apply", words="the pipeline has no tasks")
    assert [step.description for step in to_activity(bad).steps] == ["the pipeline has no tasks"]
    assert find_failure(bad) == "the pipeline has no tasks"


def test_a_failure_names_the_step() -> None:
    assert find_failure(a_run(state=RunState.FAILED)) == "step test of build failed: exit code 2"


def test_the_oldest_ended_runs_of_each_pipeline_are_obsolete() -> None:
    runs = [a_run(build) for build in range(1, 6)] + [a_run(1, repo="other")]
    runs.append(a_run(0, state=RunState.RUNNING))
    assert [run.name for run in find_obsolete(runs, keep=3)] == ["shop-1", "shop-2"]


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        (RunChoice(), "other-9"),
        (RunChoice("acme/shop/main"), "shop-2"),
        (RunChoice("shop-1"), "shop-1"),
        (RunChoice(repo="shop", build="1"), "shop-1"),
        (RunChoice(part="sho"), "shop-2"),
        (RunChoice(owner="acme", branch="main", context="apply"), "other-9"),
        (RunChoice(pod="shop-1-pod"), "shop-1"),
    ],
)
def test_the_newest_of_what_is_meant_is_taken(choice: RunChoice, name: str) -> None:
    assert choose_run([a_run(1), a_run(2), a_run(9, repo="other")], choice).name == name


def test_what_nobody_ran_is_told_with_what_there_is() -> None:
    with pytest.raises(NotFound) as caught:
        choose_run([a_run(1)], RunChoice("acme/shop/next", build="3"))
    assert caught.value.message == "there is no run of acme/shop/next --build 3"
    assert "acme/shop/main" in caught.value.hint


def test_a_pipeline_without_a_branch_is_masters() -> None:
    assert parse_pipeline("acme/shop") == "acme/shop/master"
    assert parse_pipeline("acme/shop/feat/x") == "acme/shop/feat/x"
    assert parse_pipeline("dev") == "dev"
    for wrong in ("acme//main", "/shop", "acme/shop/"):
        with pytest.raises(Usage):
            parse_pipeline(wrong)
