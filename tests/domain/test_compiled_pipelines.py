"""Compiled pipelines: what Tekton is told to do for a file."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
from tests.support.seen_runs import seen

from jx.domain.errors import Invalid, NotFound
from jx.domain.names import Repo, Revision
from jx.domain.pipelines import files
from jx.domain.pipelines.compiling import compile_run
from jx.domain.pipelines.effective import Project, make_effective
from jx.domain.pipelines.packs import Packs
from jx.domain.pipelines.runs import Pull, RunRequest
from jx.domain.pipelines.syntax import PipelineKind
from jx.domain.trees import Tree

REPO = Repo("https://git.example.com/Cheese/Shop.git")
MASTER, HEAD, OTHER = Revision("a" * 40), Revision("b" * 40), Revision("c" * 40)


def request(kind: PipelineKind = PipelineKind.RELEASE, **settings: Any) -> RunRequest:
    return RunRequest(
        **{"repo": REPO, "branch": "master", "kind": kind, "build": 7, "revision": MASTER, **settings}
    )


def run(text: str, kind: PipelineKind = PipelineKind.RELEASE, **settings: Any) -> dict[str, Any]:
    file = files.parse_project(textwrap.dedent(text))
    effective = make_effective(file, file.build_pack or "none", Packs(), Project(repo=REPO))
    return seen(compile_run(effective, request(kind, **settings)))


def pipeline(text: str, **settings: Any) -> dict[str, Any]:
    """The run of a pipeline in its own syntax."""
    head = "buildPack: none\npipelineConfig:\n  pipelines:\n    release:\n      pipeline:\n        agent: {image: golang}\n"
    return run(head + textwrap.indent(textwrap.dedent(text), " " * 8), **settings)


def tasks(made: dict[str, Any], where: str = "tasks") -> dict[str, dict[str, Any]]:
    return {task["name"]: task for task in made["spec"]["pipelineSpec"][where]}


def steps(made: dict[str, Any], task: str, where: str = "tasks") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tasks(made, where)[task]["taskSpec"]["steps"]
    return found


def names(made: dict[str, Any], task: str) -> list[str]:
    return [step["name"] for step in steps(made, task)]


def env(step: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one.get("value", "<from elsewhere>") for one in step["env"]}


ONE = "stages: [{name: Build all, steps: [{name: make, command: make, args: [all, '-j$CPUS'], dir: src}]}]"


def test_a_run_is_named_after_repository_branch_and_build() -> None:
    made = pipeline(ONE, context="deploy", namespace="jx", labels={"team": "brie", "build": "seven"})
    assert made["apiVersion"] == "tekton.dev/v1"
    assert made["metadata"]["name"] == "cheese-shop-master-deploy-7"
    assert made["metadata"]["namespace"] == "jx"
    assert made["metadata"]["labels"] == {
        "owner": "Cheese", "repository": "Shop", "branch": "master", "context": "deploy", "build": "seven",
        "jenkins.io/pipelineType": "build", "jenkins.io/pipelineKind": "release", "team": "brie",
    }  # fmt: skip
    assert made["metadata"]["annotations"]["jenkins.io/pipeline"] == "Cheese/Shop/master"
    assert made["metadata"]["annotations"]["jenkins.io/revision"] == MASTER
    assert made["spec"]["taskRunTemplate"] == {"serviceAccountName": "tekton-bot"}


def test_long_names_stay_apart_and_fit() -> None:
    branches = [f"feature/{'very-' * 20}long-{end}" for end in ("a", "b")]
    found = [request(branch=branch).name for branch in branches]
    assert len(set(found)) == 2
    assert all(len(name) <= 50 and name.endswith("-7") for name in found)
    assert request(branch="feature/Small_Cheese").name == "cheese-shop-feature-small-cheese-7"


def test_a_step_runs_in_a_shell_in_its_folder() -> None:
    made = pipeline(ONE)
    assert names(made, "build-all") == ["git-clone", "make"]
    step = steps(made, "build-all")[1]
    assert (step["image"], step["command"], step["args"], step["workingDir"]) == (
        "golang", ["/bin/sh", "-c"], ["make all -j$CPUS"], "/workspace/source/src",
    )  # fmt: skip
    assert tasks(made)["build-all"]["taskSpec"]["metadata"]["labels"] == {
        "jenkins.io/task-stage-name": "build-all"
    }


def test_the_file_may_name_the_registry() -> None:
    text = "dockerRegistryHost: registry.example.com\ndockerRegistryOwner: cheese\n" + VERSIONED
    told = env(steps(run(text, version="1"), "from-build-pack")[1])
    assert (told["DOCKER_REGISTRY"], told["DOCKER_REGISTRY_ORG"]) == ("registry.example.com", "cheese")
    told = env(steps(run(text, version="1", docker_registry="other"), "from-build-pack")[1])
    assert told["DOCKER_REGISTRY"] == "other"


def test_two_dollars_reach_the_shell_as_two() -> None:
    made = pipeline("stages: [{name: a, steps: [{command: 'kill $$; echo $(date) $HOME'}]}]")
    assert steps(made, "a")[1]["args"] == ["kill $$$$; echo $(date) $HOME"]


def test_the_older_way_to_name_the_version_is_taken() -> None:
    made = pipeline(
        "stages: [{name: a, steps: [{command: 'echo ${inputs.params.version} $(params.build_id)'}]}]"
    )
    assert steps(made, "a")[1]["args"] == ["echo $(params.version) $(params.build_id)"]


def test_steps_are_told_what_they_run_for() -> None:
    made = pipeline(ONE, version="1.2.3", docker_registry="registry.example.com")
    told = env(steps(made, "build-all")[1])
    assert told["JOB_NAME"] == "Cheese/Shop/master"
    assert (told["BUILD_NUMBER"], told["VERSION"], told["PULL_BASE_SHA"]) == (
        "7",
        "$(params.version)",
        MASTER,
    )
    assert (told["DOCKER_REGISTRY"], told["PIPELINE_KIND"]) == ("registry.example.com", "release")
    assert "PULL_NUMBER" not in told
    assert made["spec"]["params"] == [
        {"name": "version", "value": "1.2.3"},
        {"name": "build_id", "value": "7"},
    ]


def test_a_files_variables_go_before_the_runs_own_and_inner_ones_before_outer_ones() -> None:
    made = pipeline("""
        env: [{name: A, value: pipeline}, {name: B, value: pipeline}, {name: C, value: pipeline}, {name: D, value: pipeline}]
        options: {containerOptions: {env: [{name: D, value: container}, {name: E, value: container}]}}
        stages:
        - name: outer
          env: [{name: B, value: outer}, {name: C, value: outer}]
          stages:
          - name: inner
            env: [{name: C, value: inner}, {name: APP_NAME, value: mine}]
            steps:
            - command: make
              env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: forge, key: token}}}]
        """)
    step = steps(made, "inner")[1]
    told = env(step)
    assert [told[name] for name in "ABCDE"] == ["pipeline", "outer", "inner", "pipeline", "container"]
    assert told["APP_NAME"] == "mine"
    assert {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "forge", "key": "token"}}} in step["env"]
    assert "TOKEN" not in env(steps(made, "inner")[0])


def test_a_pull_request_is_merged_onto_its_base() -> None:
    text = (
        "buildPack: none\npipelineConfig: {pipelines: {pullRequest: {pipeline: {agent: {image: go}, "
        + ONE
        + "}}}}\n"
    )
    made = run(text, PipelineKind.PULL_REQUEST, pulls=(Pull(12, HEAD),))
    assert made["metadata"]["name"] == "cheese-shop-pr-12-7"
    clone, make = steps(made, "build-all")
    assert env(clone)["PULL_HEADS"] == f"refs/pull/12/head={HEAD}"
    told = env(make)
    assert (told["PULL_NUMBER"], told["PULL_PULL_SHA"], told["BRANCH_NAME"]) == ("12", HEAD, "PR-12")
    assert told["PULL_REFS"] == f"master:{MASTER},12:{HEAD}"
    assert told["PREVIEW_VERSION"] == "$(params.version)"
    assert made["spec"]["params"][0]["value"] == "0.0.0-SNAPSHOT-PR-12-7"
    batch = run(
        text, PipelineKind.PULL_REQUEST, pulls=(Pull(12, HEAD), Pull(3, OTHER, "refs/merge-requests/3/head"))
    )
    clone = steps(batch, "build-all")[0]
    assert env(clone)["PULL_HEADS"] == f"refs/pull/12/head={HEAD} refs/merge-requests/3/head={OTHER}"
    assert env(clone)["JOB_TYPE"] == "batch"


STAGES = """
    stages:
    - {name: first, steps: [{command: a}]}
    - name: both
      parallel:
      - {name: left, steps: [{command: b}]}
      - name: right
        stages:
        - {name: r1, steps: [{command: c}]}
        - {name: r2, steps: [{command: d}]}
    - {name: last, steps: [{command: e}]}
    """


def test_stages_run_one_after_another_and_parallel_ones_at_once() -> None:
    made = pipeline(STAGES)
    assert {name: task.get("runAfter", []) for name, task in tasks(made).items()} == {
        "first": [], "left": ["first"], "r1": ["first"], "r2": ["r1"], "last": ["left", "r2"],
    }  # fmt: skip


def test_the_first_stage_clones_and_the_others_share_its_volume() -> None:
    made = pipeline(STAGES, storage="5Gi")
    assert [name for name in tasks(made) if "git-clone" in names(made, name)] == ["first"]
    (workspace,) = made["spec"]["workspaces"]
    assert workspace["volumeClaimTemplate"]["spec"]["resources"] == {"requests": {"storage": "5Gi"}}
    assert all(
        task["workspaces"] == [{"name": "source", "workspace": "source"}] for task in tasks(made).values()
    )


def test_one_stage_alone_needs_no_volume() -> None:
    assert pipeline(ONE)["spec"]["workspaces"] == [{"name": "source", "emptyDir": {}}]


def test_where_several_stages_would_be_first_a_task_of_its_own_clones() -> None:
    made = pipeline("""
        stages:
        - name: both
          parallel:
          - {name: clone, steps: [{command: a}]}
          - {name: right, options: {workspace: Other}, steps: [{command: b}]}
          - {name: left, steps: [{command: b}]}
        - {name: end, options: {workspace: Other}, steps: [{command: c}]}
        """)
    assert {name: task.get("runAfter", []) for name, task in tasks(made).items()} == {
        "clone-2": [], "clone": ["clone-2"], "right": [], "left": ["clone-2"], "end": ["clone", "right", "left"],
    }  # fmt: skip
    assert names(made, "clone-2") == ["git-clone"]
    assert names(made, "right")[0] == "git-clone"
    assert [one["name"] for one in made["spec"]["workspaces"]] == ["source", "other"]
    assert tasks(made)["end"]["workspaces"] == [{"name": "source", "workspace": "other"}]


def test_a_matrix_runs_a_stage_for_each_combination() -> None:
    made = pipeline("""
        stages:
        - name: test
          matrix: {GO: [1.20, '1.21'], OS: [linux]}
          steps: [{command: make test}]
        """)
    task = tasks(made)["test"]
    assert task["matrix"] == {
        "params": [{"name": "GO", "value": ["1.20", "1.21"]}, {"name": "OS", "value": ["linux"]}]
    }
    assert [one["name"] for one in task["taskSpec"]["params"]] == ["version", "build_id", "GO", "OS"]
    assert env(steps(made, "test")[0])["GO"] == "$(params.GO)"
    assert task["runAfter"] == ["clone"]
    assert "volumeClaimTemplate" in made["spec"]["workspaces"][0]


def test_timeouts_and_retries_are_told_to_tekton() -> None:
    made = pipeline("""
        options: {timeout: {time: 2, unit: days}}
        stages:
        - name: a
          options: {timeout: {time: 90}, retry: 3}
          steps: [{command: make}]
        """)
    assert made["spec"]["timeouts"] == {"pipeline": "48h0m0s"}
    assert (tasks(made)["a"]["timeout"], tasks(made)["a"]["retries"]) == ("1m30s", 3)
    assert pipeline(ONE)["spec"]["timeouts"] == {"pipeline": "240h0m0s"}


def test_what_belongs_to_pods_stands_beside_the_pipeline() -> None:
    made = pipeline("""
        options:
          tolerations: [{key: gpu, operator: Exists}]
          podLabels: {example.com/Team: Brie cheese}
        stages:
        - name: a
          options:
            tolerations: [{key: spot, operator: Exists}]
            podLabels: {size: big}
            volumes: [{name: cache, emptyDir: {}}]
            sidecars: [{name: db, image: postgres, resources: {limits: {cpu: 1}}}]
            containerOptions:
              resources: {requests: {cpu: 0.5}, limits: {memory: 1Gi}}
              securityContext: {privileged: true}
              volumeMounts: [{name: cache, mountPath: /cache}]
          steps: [{command: make}]
        """)
    assert made["spec"]["taskRunTemplate"]["podTemplate"] == {
        "tolerations": [{"key": "gpu", "operator": "Exists"}]
    }
    assert made["metadata"]["labels"]["example.com/Team"] == "Brie-cheese"
    assert made["spec"]["taskRunSpecs"] == [
        {
            "pipelineTaskName": "a",
            "computeResources": {"requests": {"cpu": "0.5"}, "limits": {"memory": "1Gi"}},
            "podTemplate": {"tolerations": [{"key": "spot", "operator": "Exists"}]},
            "metadata": {"labels": {"size": "big"}},
        }
    ]
    spec = tasks(made)["a"]["taskSpec"]
    assert spec["volumes"] == [{"name": "cache", "emptyDir": {}}]
    assert spec["sidecars"] == [
        {"name": "db", "image": "postgres", "computeResources": {"limits": {"cpu": "1"}}}
    ]
    (make,) = spec["steps"]
    assert make["volumeMounts"] == [{"name": "cache", "mountPath": "/cache"}]
    assert make["securityContext"] == {"privileged": True}
    assert "resources" not in make


def test_what_clones_stands_alone_where_a_sidecar_could_write_beside_it() -> None:
    made = pipeline("""
        options:
          sidecars: [{name: db, image: postgres}]
          volumes: [{name: cache, emptyDir: {}}]
        stages:
        - {name: a, steps: [{command: make}]}
        """)
    clone = tasks(made)["clone"]["taskSpec"]
    assert [step["name"] for step in clone["steps"]] == ["git-clone"]
    assert not {"sidecars", "volumes"} & clone.keys()
    assert "volumeMounts" not in clone["steps"][0]
    assert tasks(made)["a"]["runAfter"] == ["clone"]
    assert "sidecars" in tasks(made)["a"]["taskSpec"]


def test_devices_are_given_to_each_step_and_the_rest_to_the_pod_once() -> None:
    made = pipeline("""
        stages:
        - name: train
          options:
            containerOptions:
              resources: {limits: {cpu: 4, nvidia.com/gpu: 1}, requests: {cpu: 0.5, nvidia.com/gpu: 1}}
          steps: [{command: a}, {command: b}]
        """)
    assert "taskRunSpecs" not in made["spec"]
    clone, first, second = steps(made, "train")
    assert "computeResources" not in clone
    limits = {"cpu": "4", "nvidia.com/gpu": "1"}
    assert first["computeResources"] == {"limits": limits, "requests": {"cpu": "0.5", "nvidia.com/gpu": "1"}}
    assert second["computeResources"] == {"limits": limits, "requests": {"cpu": "0", "nvidia.com/gpu": "1"}}


def test_loops_are_unrolled_with_the_value_in_a_variable() -> None:
    made = pipeline("""
        stages:
        - name: a
          steps:
          - image: helm
            dir: charts
            loop:
              variable: CHART
              values: [one, two]
              steps: [{name: lint, command: helm lint $CHART}, {command: helm test, image: own}]
        """)
    assert {step["workingDir"] for step in steps(made, "a")[1:]} == {"/workspace/source/charts"}
    found = [(step["name"], step["image"], env(step).get("CHART")) for step in steps(made, "a")[1:]]
    assert found == [
        ("lint1", "helm", "one"), ("step2", "own", "one"), ("lint2", "helm", "two"), ("step4", "own", "two"),
    ]  # fmt: skip


def test_steps_that_come_to_the_same_name_are_told_with_their_line() -> None:
    with pytest.raises(Invalid, match="cannot be run") as caught:
        pipeline("""\
            stages:
            - name: a
              steps:
              - {name: lint1, command: a}
              - loop:
                  variable: X
                  values: [a]
                  steps:
                  - {name: lint, command: b}
            """)
    assert [str(one) for one in caught.value.problems] == [
        "jenkins-x.yml:15: step lint1 of stage a is lint1 to Tekton, as another one is"
    ]


def test_post_runs_at_the_end_by_what_became_of_it() -> None:
    made = pipeline("""
        stages:
        - name: a
          steps: [{command: make}]
          post: [{condition: failure, steps: [{command: cry}]}]
        - {name: b, steps: [{command: make}]}
        post:
        - {condition: success, steps: [{command: cheer}]}
        - {condition: always, steps: [{command: sweep}]}
        - {condition: always, steps: [{command: dust}]}
        """)
    last = tasks(made, "finally")
    assert {name: task.get("when") for name, task in last.items()} == {
        "post-a-failure": [{"input": "$(tasks.a.status)", "operator": "in", "values": ["Failed"]}],
        "post-success": [
            {"input": "$(tasks.status)", "operator": "in", "values": ["Succeeded", "Completed"]}
        ],
        "post-always": None,
        "post-always-2": None,
    }
    assert steps(made, "post-always", "finally")[0]["args"] == ["sweep"]
    assert "git-clone" not in str(last["post-always"])


VERSIONED = """
buildPack: none
pipelineConfig:
  agent: {image: go}
  pipelines:
    release:
      setVersion: {steps: [{sh: 'echo \\$(next-version) > VERSION', name: next-version}]}
      build: {steps: [{sh: make, name: make}]}
    post:
      steps:
      - {groovy: success, steps: [{sh: cheer, name: cheer}]}
      - {groovy: failure, steps: [{sh: cry, name: cry}]}
"""


def test_the_version_is_made_first_and_told_to_all_who_follow() -> None:
    made = run(VERSIONED)
    assert names(made, "set-version") == ["git-clone", "next-version", "read-version"]
    assert steps(made, "set-version")[1]["args"] == ["echo $(next-version) > VERSION"]
    assert steps(made, "set-version")[1]["image"] == "gcr.io/jenkinsxio/builder-go"
    assert "VERSION" not in env(steps(made, "set-version")[1])
    assert tasks(made)["set-version"]["taskSpec"]["results"] == [{"name": "version", "type": "string"}]
    build = tasks(made)["from-build-pack"]
    assert build["runAfter"] == ["set-version"]
    assert build["params"][0] == {"name": "version", "value": "$(tasks.set-version.results.version)"}
    last = {name: task["params"][0]["value"] for name, task in tasks(made, "finally").items()}
    assert last == {
        "post-success": "$(tasks.set-version.results.version)",
        "post-failure": "$(params.version)",
    }


def test_steps_that_make_the_version_have_an_image_though_nobody_gave_one() -> None:
    text = """
    buildPack: none
    pipelineConfig:
      pipelines:
        release:
          setVersion: {steps: [{sh: echo 1 > VERSION}]}
          pipeline: {stages: [{name: a, steps: [{command: make, image: own}]}]}
    """
    assert steps(run(text), "set-version")[1]["image"] == "gcr.io/jenkinsxio/builder-maven"


def test_a_version_that_is_given_is_not_made_again() -> None:
    assert list(tasks(run(VERSIONED, version="1.2.3"))) == ["from-build-pack"]
    assert list(tasks(run("noReleasePrepare: true\n" + VERSIONED))) == ["from-build-pack"]


def test_names_of_pod_templates_become_images() -> None:
    text = "stages: [{name: a, steps: [{command: make}, {command: npm, image: nodejs}, {command: x, image: 'alpine:3'}]}]"
    images = [step["image"] for step in steps(pipeline(text, pod_templates={"golang": "own/go:1"}), "a")]
    assert images == ["jx/builder", "own/go:1", "gcr.io/jenkinsxio/builder-nodejs", "alpine:3"]


def test_images_without_a_tag_get_that_of_the_version_stream() -> None:
    stream = (
        Tree()
        .put("docker/gcr.io/jenkinsxio/builder-go.yml", "version: 2.1.7\n")
        .put("docker/helm.yml", "version: 3.1")
    )
    images = ["go", "docker.io/helm", "helm:2", "helm@sha256:1", "own/x"]
    text = (
        "stages: [{name: a, steps: ["
        + ", ".join(f"{{command: a, image: '{image}'}}" for image in images)
        + "]}]"
    )
    found = [step["image"] for step in steps(pipeline(text, version_stream=stream), "a")[1:]]
    assert found == [
        "gcr.io/jenkinsxio/builder-go:2.1.7",
        "docker.io/helm:3.1",
        "helm:2",
        "helm@sha256:1",
        "own/x",
    ]


def test_kaniko_runs_with_the_shell_that_it_has() -> None:
    made = pipeline("""
        stages:
        - name: a
          steps: [{command: /kaniko/executor, args: [--context=.]}, {command: /kaniko/warmer --fast, args: [--image=a]}]
        """)
    executor, warmer = steps(made, "a")[1:]
    assert (executor["command"], executor["args"]) == (
        ["/busybox/sh", "-c"],
        ["/kaniko/executor --context=."],
    )
    assert (warmer["command"], warmer["args"]) == (["/kaniko/warmer", "--fast"], ["--image=a"])


def test_a_kind_that_the_file_has_not_is_told_with_those_that_it_has() -> None:
    with pytest.raises(NotFound, match=r"jenkins-x\.yml has no feature pipeline") as caught:
        run(VERSIONED, PipelineKind.FEATURE)
    assert caught.value.hint == "it has: release"


@pytest.mark.parametrize(
    "settings",
    [
        {"branch": "$(params.version)"},
        {"branch": "--upload-pack=evil"},
        {"version": "$(cat /etc/passwd)"},
        {"pulls": (Pull(1, HEAD, "--upload-pack=evil"),)},
        {"pulls": (Pull(1, HEAD, "refs/pull/1/head $(x)"),)},
        {"build": 0},
        {"storage": "much"},
        {"source": "../../etc"},
        {"namespace": "Jx"},
        {"account": "tekton bot"},
    ],
)
def test_what_kubernetes_or_git_would_take_for_something_else_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        request(**settings)


def test_the_same_request_makes_the_same_run() -> None:
    assert pipeline(STAGES) == pipeline(STAGES)
