"""Tekton's own definitions and admission webhook judge the PipelineRuns of the tests, on the embedded API and on a real one.

Played by `make test-cluster`, after the tests whose runs are judged, in the same process.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.support import real_cluster, seen_runs, tekton
from tests.support.embedded import CLUSTERS, GROUP, fresh_name, real_api, running_api
from tests.support.random_pipelines import projects, run_of_text
from tests.support.side_by_side import played

from jx.adapters.kubernetes.api import Api
from jx.adapters.tekton.pipelines import TektonPipelines
from jx.adapters.tekton.translating import PIPELINE_RUNS, RUN_LABEL, TASK_RUNS
from jx.domain.errors import NotFound
from jx.domain.names import Repo, Revision
from jx.domain.pipelines import files, packs
from jx.domain.pipelines.compiling import compile_run
from jx.domain.pipelines.effective import Project, make_effective
from jx.domain.pipelines.packs import Packs
from jx.domain.pipelines.runs import Pull, RunRequest
from jx.domain.pipelines.syntax import PipelineKind
from jx.domain.runs.runs import NewRun, RunState

__all__ = ["real_api"]

pytestmark = [GROUP, real_cluster.NEEDS_REAL]
EVERYTHING = Path(__file__).parents[1] / "support" / "everything" / "jenkins-x.yml"
REPO = Repo("https://git.example.com/cheese/shop.git")
NOT_RUN = frozenset(
    {"PipelineValidationFailed", "PipelineInvalidGraph", "ParameterMissing", "InvalidWorkspaceBindings"}
    | {"CouldntGetPipeline", "CouldntGetTask", "CELEvaluationFailed", "ParameterTypeMismatch"}
)
"""Reasons with which the runner refuses a run; Tekton may well have more to say of such a one."""


@pytest.fixture(scope="module", params=CLUSTERS)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A cluster with Tekton's definitions and its webhook."""
    folder = tmp_path_factory.mktemp("tekton")
    folder.chmod(0o700)
    if request.param == "embedded":
        with running_api(folder) as own, tekton.installed(own, folder / "admin.kubeconfig", folder):
            yield own
        return
    kubeconfig = real_cluster.kubeconfig()
    assert kubeconfig
    real: Api = request.getfixturevalue("real_api")
    with tekton.installed(real, kubeconfig, folder):
        yield real


@pytest.fixture
def api(cluster: Api, request: pytest.FixtureRequest) -> Api:
    played(request, request.node.callspec.params["cluster"])
    return cluster


def refusals(api: Api, runs: list[dict[str, Any]]) -> list[str]:
    return [f"{run['metadata'].get('name')}: {why}" for run in runs if (why := tekton.refusal(api, run))]


def compiled(text: str, pack: str, packs: Packs) -> list[dict[str, Any]]:
    """The runs of all kinds of a file, with a version that is given and one that the run makes."""
    file = make_effective(files.parse_project(text), pack, packs, Project(repo=REPO))
    made = []
    for kind in PipelineKind:
        pulls = (Pull(12, Revision("b" * 40)),) if kind is PipelineKind.PULL_REQUEST else ()
        for version in ("", "1.2.3"):
            request = RunRequest(REPO, "master", kind, 1, Revision("a" * 40), pulls, version=version)
            try:
                made.append(compile_run(file, request))
            except NotFound:
                continue
    return made


def test_all_that_a_file_may_ask_for_is_accepted(api: Api) -> None:
    runs = compiled(EVERYTHING.read_text(), "none", Packs())
    assert len(runs) == 6
    assert refusals(api, runs) == []


def test_the_pipeline_of_environments_is_accepted(api: Api) -> None:
    runs = compiled("{}", packs.ENVIRONMENT, packs.bring_along())
    assert len(runs) == 4
    assert refusals(api, runs) == []


def test_pipelines_made_at_random_are_accepted(api: Api) -> None:
    made: list[dict[str, Any]] = []

    @settings(
        max_examples=20,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(projects())
    def make(text: str) -> None:
        made.append(run_of_text(text))

    make()
    assert len(made) >= 15
    assert refusals(api, made) == []


def test_what_tests_have_run_or_compiled_is_accepted(api: Api) -> None:
    def was_refused(run: dict[str, Any]) -> bool:
        conditions = (run.get("status") or {}).get("conditions") or [{}]
        return conditions[0].get("reason") in NOT_RUN

    runs = [run for run in seen_runs.every() if not was_refused(run)]
    assert "\n".join(refusals(api, runs)) == ""


def test_what_tekton_refuses_is_told_by_its_webhook(api: Api) -> None:
    (run,) = compiled(EVERYTHING.read_text(), "none", Packs())[:1]
    broken = copy.deepcopy(run)
    broken["spec"]["pipelineSpec"]["tasks"][0]["runAfter"] = ["nowhere"]
    (told,) = refusals(api, [broken])
    assert "validation.webhook.pipeline.tekton.dev" in told
    assert "nowhere" in told
    unknown = copy.deepcopy(run)
    unknown["spec"]["pipelineSpec"]["tasks"][0]["podSpec"] = {}
    assert "podSpec" in refusals(api, [unknown])[0]


# The port of runs over Tekton's definitions. Nobody runs them here, so the test writes what Tekton would.


@dataclass
class Tekton:
    """Runs of a namespace, and how they end."""

    api: Api
    pipelines: TektonPipelines

    def start(self, name: str) -> None:
        step = {"name": "say", "image": "tools", "script": "echo hello"}
        spec = {"pipelineSpec": {"tasks": [{"name": "first", "taskSpec": {"steps": [step]}}]}}
        made = NewRun(name, "acme/shop/main", 1, spec, "apply", "a" * 40, "Ann Lee", "feat: a")
        self.pipelines.start(made)

    def end(self, name: str, status: str, reason: str) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        task = f"{name}-first"
        body = {
            "apiVersion": TASK_RUNS.api_version,
            "kind": TASK_RUNS.kind,
            "metadata": {"name": task, "namespace": "default", "labels": {RUN_LABEL: name}},
            "spec": {"taskSpec": {"steps": [{"name": "say", "image": "tools", "script": "echo hello"}]}},
        }
        self.api.create(TASK_RUNS, "default", body)
        condition = {
            "type": "Succeeded",
            "status": status,
            "reason": reason,
            "message": "",
            "lastTransitionTime": now,
        }
        times = {"startTime": now, "completionTime": now, "conditions": [condition]}
        terminated = {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}
        step = {"name": "say", "container": "step-say", "terminated": terminated}
        self._write(TASK_RUNS, task, {**times, "podName": f"{task}-pod", "steps": [step]})
        child = {"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": task, "pipelineTaskName": "first"}
        self._write(PIPELINE_RUNS, name, {**times, "childReferences": [child]})

    def _write(self, kind: Any, name: str, status: dict[str, Any]) -> None:
        self.api.merge(kind, "default", name, {"status": status}, subresource="status")


@pytest.fixture
def engine(api: Api) -> Tekton:
    return Tekton(api, TektonPipelines(api, namespace="default"))


def test_a_run_is_started_once_found_listed_and_removed(engine: Tekton) -> None:
    name = fresh_name("shop")
    engine.start(name)
    engine.start(name)
    run = engine.pipelines.find(name)
    assert run is not None
    assert (run.pipeline, run.build, run.context, run.author, run.state) == (
        "acme/shop/main",
        "1",
        "apply",
        "Ann Lee",
        RunState.PENDING,
    )
    assert [one.name for one in engine.pipelines.list_all()].count(name) == 1
    engine.pipelines.remove(name)
    assert engine.pipelines.find(name) is None


def test_the_end_of_a_run_is_told_with_its_stages_and_steps(engine: Tekton) -> None:
    name = fresh_name("shop")
    engine.start(name)
    engine.end(name, "True", "Succeeded")
    run = engine.pipelines.find(name)
    assert run is not None
    assert run.state is RunState.SUCCEEDED
    assert [(stage.name, stage.state) for stage in run.stages] == [("first", RunState.SUCCEEDED)]
    assert [(step.name, step.state) for step in run.stages[0].steps] == [("say", RunState.SUCCEEDED)]
    assert not engine.pipelines.cancel(name)


def test_a_run_is_cancelled_in_the_words_of_tekton(engine: Tekton) -> None:
    name = fresh_name("shop")
    engine.start(name)
    assert engine.pipelines.cancel(name)
    assert engine.api.get(PIPELINE_RUNS, "default", name)["spec"]["status"] == "Cancelled"
    engine.end(name, "False", "Cancelled")
    run = engine.pipelines.find(name)
    assert run is not None
    assert run.state is RunState.CANCELLED
    with pytest.raises(NotFound):
        engine.pipelines.cancel("no-such-run")
