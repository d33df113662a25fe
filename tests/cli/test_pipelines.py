"""An engine on the embedded platform: a merge is applied by a run, which people can look at, start again and stop."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import Any

import pytest
from tests.support.platform import Machine, eventually

from jx.adapters.local.node.veils import find_veil

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-pipelines"), pytest.mark.timeout(300)]
DEV = "dana/environment-local-dev/master"


def activities(machine: Machine) -> list[dict[str, Any]]:
    """The records of dev's pipeline, oldest first."""
    shown: list[dict[str, Any]] = json.loads(
        machine.jx("get", "activities", "-f", DEV, "-o", "json").ok().out
    )
    return shown


def is_settled(machine: Machine) -> bool:
    """Whether no run goes on, and the newest has its whole record."""
    shown = json.loads(machine.jx("get", "pipelines", "-o", "json").ok().out)
    of_dev = [one for one in shown if one["name"] == DEV]
    return all(
        one["status"] not in ("running", "pending") and one["last_build"] == newest(machine)["build"]
        for one in of_dev
    )


def newest(machine: Machine) -> dict[str, Any]:
    return activities(machine)[-1]


def kube(machine: Machine) -> str:
    """kubectl, in the platform's namespace."""
    return f"kubectl --kubeconfig {machine.kubeconfig()} -n jx"


def task(name: str, script: str, *, after: str = "") -> dict[str, Any]:
    """A task of one step."""
    spec = {"steps": [{"name": "say", "image": "none", "script": script}]}
    return {"name": name, "taskSpec": spec, **({"runAfter": [after]} if after else {})}


def apply_run(machine: Machine, name: str, *tasks: dict[str, Any]) -> None:
    """A PipelineRun that somebody starts by kubectl."""
    run = {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"name": name},
        "spec": {"pipelineSpec": {"tasks": tasks}},
    }
    (machine.folder / "run.json").write_text(json.dumps(run))
    machine.shell(f"{kube(machine)} apply -f {machine.folder}/run.json").ok()


def await_run(machine: Machine, name: str) -> None:
    machine.shell(f"{kube(machine)} wait --for=condition=Succeeded pipelinerun/{name} --timeout=80s").ok()


def test_a_merge_is_applied_by_one_run_and_its_record_has_its_steps(engine: Machine) -> None:
    eventually(lambda: is_settled(engine), seconds=60)
    record = newest(engine)
    assert [step["name"] for step in record["steps"]] == ["environment", "git-clone", "env-apply"]
    assert {step["status"] for step in record["steps"]} == {"Succeeded"}
    assert record["author"] == "Ann Lee"
    assert len([one for one in activities(engine) if one["revision"] == record["revision"]]) == 1


def test_a_pull_request_is_checked_by_a_run_that_has_no_login_but_where_it_clones(engine: Machine) -> None:
    pull = engine.jx("add", "app", "dashboard", user="ann").ok().pull
    pipeline = f"dana/environment-local-dev/PR-{pull}"

    def records() -> list[dict[str, Any]]:
        return [
            one
            for one in json.loads(engine.jx("get", "activities", "-f", pipeline, "-o", "json").ok().out)
            if one["status"] in ("Succeeded", "Failed")
        ]

    eventually(records, seconds=60)
    (record,) = records()
    assert record["status"] == "Succeeded", engine.jx("get", "build", "logs", pipeline).out
    assert [step["name"] for step in record["steps"]] == ["environment", "git-clone", "verify-pr"]
    shown = engine.jx("get", "build", "logs", pipeline).ok().out
    assert f"pull request #{pull} of dana/environment-local-dev, merged onto " in shown
    assert "ok        plain secrets: none in " in shown
    assert "ok        pipeline: jenkins-x.yml" in shown, (
        "all of the repository is looked at, not the step's folder"
    )
    assert "create Deployment.apps/jenkins-x-dashboard (namespace jx)" in shown
    assert "Nothing stands against it here." in shown
    account = "system:serviceaccount:jx:jx-checks"
    for verb, what, answer in (("get", "secrets", "no"), ("create", "pods", "no"), ("list", "pods", "yes")):
        asked = engine.shell(f"{kube(engine)} auth can-i {verb} {what} --as {account} || true").ok()
        assert asked.out.split()[-1] == answer


def test_it_is_verified_by_a_run_on_a_throw_away_commit_that_nobody_is_shown(engine: Machine) -> None:
    told = engine.jx("step", "verify", "install").ok().out
    assert re.search(r"a pipeline ran, and its status is on commit [0-9a-f]{12}, which is thrown away", told)
    assert "jx-verify" not in engine.jx("get", "pipelines").ok().out
    assert "jx-verify" not in engine.jx("get", "activities", "-f", "environment-local-dev").ok().out


def test_the_logs_of_a_run_stay_when_it_is_cleared_away(engine: Machine) -> None:
    eventually(lambda: is_settled(engine), seconds=60)
    build = newest(engine)["build"]
    shown = engine.jx("get", "build", "logs", DEV, "--build", build).ok().out
    assert "Environment applied in namespace jx" in shown
    pods = (
        engine.jx(
            "get", "build", "pods", "--repo", "environment-local-dev", "--branch", "master", "--build", build
        )
        .ok()
        .out
    )
    name = pods.splitlines()[-1].split()[-1]
    engine.shell(f"{kube(engine)} logs {name} -c step-env-apply | grep -q 'Environment applied'").ok()
    engine.shell(
        f"{kube(engine)} delete pipelinerun --all --wait; {kube(engine)} wait --for=delete pod/{name} --timeout=30s"
    ).ok()
    assert engine.jx("get", "build", "logs", DEV, "--build", build).ok().out == shown


def test_a_pipeline_is_started_once_more_by_hand_with_a_number_of_its_own(engine: Machine) -> None:
    before = {one["build"] for one in activities(engine)}
    shown = engine.jx("start", "pipeline", "dev", "--tail").ok()
    assert "nothing changes in the cluster" in shown.out
    eventually(lambda: len(activities(engine)) == len(before) + 1, seconds=60)
    assert newest(engine)["build"] not in before
    assert DEV in engine.jx("get", "pipelines").ok().out


APPLICATION = """
buildPack: none
pipelineConfig:
  pipelines:
    release:
      pipeline:
        agent: {image: go}
        stages: [{name: build, steps: [{name: say, command: "echo $WORD from $PWD of $REPO_NAME"}]}]
"""


def test_what_is_no_environments_is_run_as_its_file_says(engine: Machine) -> None:
    clone = engine.clone("application", user="ann")
    (clone / "jenkins-x.yml").write_text(APPLICATION)
    push = "git checkout -qb shop && git commit -qam 'Build it' && git push -q origin shop"
    engine.shell(f'eval "$(jx --as ann local env)"; {push}', cwd=clone).ok()
    pipeline = "dana/environment-local-dev/shop"
    shown = engine.jx("start", "pipeline", pipeline, "-e", "WORD=hello", "--tail").ok().out
    assert re.search(r"hello from /\S+ of environment-local-dev", shown)
    listed = json.loads(engine.jx("get", "pipelines", "-f", pipeline, "-o", "json").ok().out)
    assert [(one["name"], one["last_build"], one["status"]) for one in listed] == [
        (pipeline, "1", "succeeded")
    ]


def test_a_runner_that_is_killed_is_started_again_and_goes_on_with_what_runs(engine: Machine) -> None:
    go_on, notes = engine.folder / "go-on", engine.folder / "notes"
    wait = f"echo ran >> {notes}; while ! test -e {go_on}; do sleep 0.05; done"
    apply_run(engine, "killed", task("first", wait), task("second", "true", after="first"))
    eventually(notes.exists, seconds=60)
    (record,) = engine.platform().glob("kubernetes/pods/*/processes/runner")
    os.kill(int(record.read_text().split()[0]), signal.SIGKILL)
    go_on.touch()
    await_run(engine, "killed")
    assert notes.read_text() == "ran\n"


def test_a_step_of_a_pipeline_applies_only_the_head_as_it_was_cloned_and_heeds_holds(engine: Machine) -> None:
    in_run = {"JX_PIPELINE_RUN": "some-run", "JX_ENVIRONMENT": "dev"}
    clone = engine.clone("step")
    apply = ("step", "env", "apply", "-b")
    engine.shell("git checkout -q HEAD~1", cwd=clone).ok()
    assert "overtaken by" in engine.jx(*apply, cwd=clone, env=in_run).ok().out
    engine.shell("git checkout -q master; echo x >> README.md", cwd=clone).ok()
    assert "is not a commit" in engine.jx(*apply, cwd=clone, env=in_run).ended(2).err
    engine.shell("git checkout -q README.md", cwd=clone).ok()
    engine.jx("hold", "dev", "--reason", "we look at it").ok()
    assert "we look at it" in engine.jx(*apply, cwd=clone, env=in_run).ended(3).err
    engine.jx("resume", "dev").ok()


def test_what_is_meant_wrongly_is_told(engine: Machine) -> None:
    assert "there is no run of --build 77" in engine.jx("get", "build", "logs", "--build", "77").ended(4).err
    assert "no environment's pipeline" in engine.jx("start", "pipeline", "acme/shop/main").ended(4).err
    eventually(lambda: is_settled(engine), seconds=60)
    assert "has ended" in engine.jx("stop", "pipeline", DEV).ended(3).err


@pytest.mark.skipif(find_veil(()).kind == "none", reason="this machine has neither bwrap nor unshare")
def test_a_step_sees_nothing_of_the_platforms_folder_and_its_token_ends_with_it(engine: Machine) -> None:
    platform = f"{engine.jx_home}/platforms/local"
    script = f"ls {platform}/tokens || true; cat {platform}/forge/admin.token || true"
    apply_run(engine, "looks", task("look", script))
    await_run(engine, "looks")
    text = engine.shell(f"{kube(engine)} logs looks-look-pod").ok().out
    token = (engine.platform() / "forge" / "admin.token").read_text().strip()
    assert token not in text
    assert "dana" not in text.replace(str(engine.folder), "")
