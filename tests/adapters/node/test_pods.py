"""Pods of listed images are real processes that do what their spec says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tests.support.node import POD_IP, RealWorld, expose, running_world, server
from tests.support.platform import eventually
from tests.support.workloads import condition, deployment

from jx.adapters.local.node.processes import identity_of


def test_a_pod_serves_through_the_ingress_from_an_address_of_its_own(world: RealWorld) -> None:
    expose(world)
    world.apply(server(args=["--greeting", "hello $(POD_IP)"]))
    world.until_ready()
    seen = world.seen("/some/path?x=1")
    (pod,) = world.all("Pod")
    assert seen["ip"] == pod["status"]["podIP"]
    assert seen["ip"].startswith("127.")
    assert seen["path"] == "/some/path?x=1"
    assert seen["args"] == ["--greeting", f"hello {seen['ip']}"]
    assert condition(pod, "Ready")[0] == "True"


def test_the_environment_is_what_the_spec_says_and_little_more(world: RealWorld, monkeypatch: Any) -> None:
    monkeypatch.setenv("NOT_FOR_PODS", "x")
    world.apply(config_map("settings", MODE="fast", LEVEL="3"))
    world.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "data": {"password": "eHl6"}}
    )
    variables = [
        POD_IP,
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "password"}}},
        {"name": "WHERE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "WHO", "value": "$(PASSWORD)@$(WHERE)"},
    ]
    source = [{"prefix": "APP_", "configMapRef": {"name": "settings"}}]
    expose(world)
    world.apply(server(container={"env": variables, "envFrom": source}))
    world.until_ready()
    env = world.seen()["env"]
    assert (env["APP_MODE"], env["APP_LEVEL"], env["WHO"]) == ("fast", "3", "xyz@default")
    assert "NOT_FOR_PODS" not in env
    assert env["KUBERNETES_SERVICE_HOST"] == "127.0.0.1"
    account = Path(env["JX_SERVICE_ACCOUNT_DIR"])
    assert (account / "namespace").read_text() == "default"
    assert (account / "token").read_text().count(".") == 2
    assert "BEGIN CERTIFICATE" in (account / "ca.crt").read_text()
    assert (account / "token").stat().st_mode & 0o777 == 0o600


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_volumes_are_found_below_the_root_that_the_environment_names(world: RealWorld) -> None:
    world.apply(config_map("settings", **{"a.yaml": "one"}))
    pod = {
        "volumes": [{"name": "settings", "configMap": {"name": "settings"}}, {"name": "work", "emptyDir": {}}]
    }
    mounts = [{"name": "settings", "mountPath": "/etc/app"}, {"name": "work", "mountPath": "/work"}]
    expose(world)
    world.apply(server(container={"volumeMounts": mounts}, pod=pod))
    world.until_ready()
    root = Path(world.seen()["env"]["JX_ROOTFS"])
    assert (root / "etc/app/a.yaml").read_text() == "one"
    assert (root / "work").is_dir()


def test_an_unknown_tag_shows_as_an_image_that_cannot_be_pulled(world: RealWorld) -> None:
    world.apply(server(tag="9"))
    world.until(lambda: world.waiting_reason() == ("ErrImagePull", "manifest for test/server:9 not found"))
    world.until(lambda: world.waiting_reason()[0] == "ImagePullBackOff")
    assert "manifest for test/server:9 not found" in world.waiting_reason()[1]
    assert condition(world.get("Deployment", "web"), "Available")[0] == "False"


def test_a_wrong_argument_ends_in_a_crash_loop_with_the_programs_own_words_in_the_log(
    world: RealWorld,
) -> None:
    world.apply(server(args=["--fail"]))
    world.until(
        lambda: (
            world.container_status().get("restartCount", 0) >= 2
            and world.waiting_reason()[0] == "CrashLoopBackOff"
        )
    )
    status = world.container_status()
    assert status["lastState"]["terminated"]["exitCode"] == 1
    (pod,) = world.all("Pod")
    log = world.cluster.node.open("default", pod["metadata"]["name"], "main", previous=True)
    assert log is not None
    assert "unknown argument: --fail" in log.read_text()
    assert condition(world.get("Deployment", "web"), "Available")[0] == "False"


def test_a_missing_secret_holds_the_container_until_it_is_there(world: RealWorld) -> None:
    source = {"secretKeyRef": {"name": "login", "key": "password"}}
    world.apply(server(container={"env": [POD_IP, {"name": "PASSWORD", "valueFrom": source}]}))
    world.until(lambda: world.waiting_reason() == ("CreateContainerConfigError", 'secret "login" not found'))
    world.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "data": {"password": "eA=="}}
    )
    world.until_ready()


def test_a_failing_readiness_probe_keeps_a_running_pod_out_of_the_service(world: RealWorld) -> None:
    probe = {"httpGet": {"path": "/unhealthy", "port": 8080}, "periodSeconds": 1}
    expose(world)
    world.apply(server(container={"readinessProbe": probe}))
    world.until(lambda: "running" in world.container_status().get("state", {}))
    (pod,) = world.all("Pod")
    name = pod["metadata"]["name"]
    world.until(
        lambda: (
            ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500")
            in world.events(name)
        )
    )
    assert condition(world.all("Pod")[0], "Ready") == ("False", "ContainersNotReady")
    status, text = world.ask()
    assert (status, text) == (503, b"no pod of service default/web is ready\n")


def test_a_failing_liveness_probe_restarts_the_container(world: RealWorld) -> None:
    probe = {"httpGet": {"path": "/unhealthy", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
    world.apply(server(container={"livenessProbe": probe}))
    world.until(lambda: world.container_status().get("restartCount", 0) >= 1)


def test_a_container_that_falls_is_started_again(world: RealWorld) -> None:
    expose(world)
    world.apply(server())
    world.until_ready()
    first = world.seen()["pid"]
    world.ask("/fall")
    world.until(
        lambda: world.container_status().get("restartCount") == 1 and world.container_status()["ready"]
    )
    assert world.seen()["pid"] != first
    assert world.container_status()["lastState"]["terminated"]["exitCode"] == 3


def test_a_container_is_started_again_although_nobody_may_write_what_came_of_it(world: RealWorld) -> None:
    expose(world)
    world.apply(server())
    world.until_ready()
    first = world.seen()["pid"]
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}
    webhook = {
        "name": "refuses.all.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 1,
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [rule],
    }
    world.apply(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "refuses-all"},
            "webhooks": [webhook],
        }
    )
    world.ask("/fall")

    def is_another() -> bool:
        status, body = world.ask()
        return status == 200 and json.loads(body)["pid"] != first

    eventually(is_another, seconds=60)


def test_recreate_ends_the_old_process_before_the_new_one_begins(world: RealWorld) -> None:
    strategy = {"type": "Recreate"}
    expose(world)
    world.apply(server(strategy=strategy))
    world.until_ready()
    old = world.seen()["pid"]
    alive_at_birth: list[bool] = []
    original = world.cluster.node._take

    def take(pod: Any, key: Any) -> Any:
        alive_at_birth.append(identity_of(old) is not None)
        return original(pod, key)

    world.cluster.node._take = take  # type: ignore[method-assign]
    world.apply(server(tag="2", strategy=strategy))
    world.until_ready()
    assert alive_at_birth == [False]
    assert world.seen()["pid"] != old


def test_a_process_that_ignores_sigterm_is_killed_when_its_time_is_up(world: RealWorld) -> None:
    expose(world)
    world.apply(server(args=["--stubborn"], pod={"terminationGracePeriodSeconds": 1}))
    world.until_ready()
    pid = world.seen()["pid"]
    world.delete("Deployment", "web")
    world.until(lambda: not world.all("Pod"))
    assert identity_of(pid) is None


def test_init_containers_run_one_after_the_other_before_the_others(world: RealWorld) -> None:
    volume = {"volumes": [{"name": "work", "emptyDir": {}}]}
    mount = [{"name": "work", "mountPath": "/scratch"}]
    steps = [
        {
            "name": name,
            "image": "test/shell:1",
            "volumeMounts": mount,
            "args": [f'echo {name} >> "$JX_ROOTFS/scratch/steps"'],
        }
        for name in ("first", "second")
    ]
    main = {"volumeMounts": mount, "args": ['cat "$JX_ROOTFS/scratch/steps"; exec sleep 60']}
    world.apply(deployment(image="test/shell:1", container=main, pod={**volume, "initContainers": steps}))
    world.until_ready()
    (pod,) = world.all("Pod")
    assert condition(pod, "Initialized")[0] == "True"
    log = world.cluster.node.open("default", pod["metadata"]["name"], "main", previous=False)
    assert log is not None
    world.until(
        lambda: (
            log.read_text() == "first\nsecond\n"
            or world.apply(config_map("tick", at=str(len(world.history)))) is None
        )
    )


def test_a_job_of_a_real_image_succeeds_or_fails_by_its_exit_code(world: RealWorld) -> None:
    for name, script in (("good", "exit 0"), ("bad", "exit 7")):
        spec = {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "test/shell:1", "args": [script]}],
        }
        body = {"template": {"spec": spec}, "backoffLimit": 0, "completions": 1, "parallelism": 1}
        world.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": body})
    world.until(lambda: condition(world.get("Job", "good"), "Complete")[0] == "True")
    world.until(lambda: condition(world.get("Job", "bad"), "Failed")[0] == "True")


def test_a_clean_stop_ends_all_processes_and_the_next_start_begins_them_again(folder: Path) -> None:
    with running_world(folder) as world:
        expose(world)
        world.apply(server(replicas=2))
        world.until_ready()
        pids = {process.pid for pod in world.cluster.node._pods.values() for process in pod.processes()}
        assert len(pids) == 2
    assert not any(identity_of(pid) for pid in pids)
    with running_world(folder) as world:
        world.until(lambda: all(condition(pod, "Ready")[0] == "True" for pod in world.all("Pod")))
        assert world.seen()["pid"] not in pids


def test_the_folder_of_a_pod_goes_with_it_and_is_its_users_alone(world: RealWorld) -> None:
    world.apply(server())
    world.until_ready()
    (folder,) = (world.cluster.node._pods_folder).iterdir()
    assert os.stat(folder).st_mode & 0o777 == 0o700
    world.delete("Deployment", "web")
    world.until(lambda: not world.all("Pod"))
    world.until(
        lambda: not folder.exists() or world.apply(config_map("tick", at=str(len(world.history)))) is None
    )
