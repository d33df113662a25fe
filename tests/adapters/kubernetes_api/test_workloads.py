"""What the controllers make of workloads whose pods are played."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.workloads import FAST, World, condition, deployment, playing, service

from jx.adapters.local.kubernetes.controllers.play import PlaySettings
from jx.adapters.local.kubernetes.controllers.workloads import Settings

Obj = dict[str, Any]


@pytest.fixture
def world() -> Iterator[World]:
    with playing() as made:
        yield made


def complete(world: World, name: str = "web") -> Obj:
    """The deployment once its rollout is over, as `kubectl rollout status` sees it."""

    def look() -> Obj | None:
        obj = world.find("Deployment", name)
        if obj is None:
            return None
        status = obj.get("status") or {}
        wanted = obj["spec"].get("replicas", 1)
        is_seen = status.get("observedGeneration", 0) >= obj["metadata"]["generation"]
        done = all(
            status.get(key, 0) == wanted for key in ("replicas", "updatedReplicas", "availableReplicas")
        )
        return (
            obj if is_seen and done and condition(obj, "Progressing")[1] == "NewReplicaSetAvailable" else None
        )

    found: Obj = world.until(look)
    return found


def test_a_deployment_becomes_available_with_the_conditions_of_a_real_one(world: World) -> None:
    world.apply(deployment(replicas=3))
    done = complete(world)
    assert condition(done, "Available") == ("True", "MinimumReplicasAvailable")
    assert condition(done, "Progressing") == ("True", "NewReplicaSetAvailable")
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert done["metadata"]["generation"] == 1
    assert done["status"]["readyReplicas"] == 3
    assert "unavailableReplicas" not in done["status"]
    (replica_set,) = world.all("ReplicaSet")
    suffix = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert replica_set["metadata"]["name"] == f"web-{suffix}"
    pods = world.all("Pod")
    assert len(pods) == 3
    for pod in pods:
        assert pod["metadata"]["name"].startswith(f"web-{suffix}-")
        assert pod["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet"
        assert pod["status"]["phase"] == "Running"
        assert pod["spec"]["nodeName"] == "jx-local"
        assert condition(pod, "Ready")[0] == "True"
        assert pod["status"]["podIP"]


def test_events_tell_what_a_person_would_look_up(world: World) -> None:
    world.apply(deployment())
    complete(world)
    (replica_set,), (pod,) = world.all("ReplicaSet"), world.all("Pod")
    name = replica_set["metadata"]["name"]
    assert ("ScalingReplicaSet", f"Scaled up replica set {name} from 0 to 1") in world.events("web")
    assert ("SuccessfulCreate", f"Created pod: {pod['metadata']['name']}") in world.events(name)
    reasons = [reason for reason, _ in world.events(pod["metadata"]["name"])]
    assert {"Scheduled", "Pulled", "Created", "Started"} <= set(reasons)


def test_a_rolling_update_never_has_fewer_pods_than_allowed(world: World) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    world.apply(deployment(replicas=3, strategy=strategy))
    complete(world)
    start = len(world.history)
    world.apply(deployment(replicas=3, image="nginx:2", strategy=strategy))
    done = complete(world)
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    statuses = [
        obj["status"] for _, kind, obj in world.history[start:] if kind == "Deployment" and obj.get("status")
    ]
    assert min(status.get("availableReplicas", 0) for status in statuses) >= 3
    assert max(status.get("replicas", 0) for status in statuses) <= 4
    world.until(lambda: len(world.all("Pod")) == 3)
    assert {pod["spec"]["containers"][0]["image"] for pod in world.all("Pod")} == {"nginx:2"}


def test_recreate_has_no_new_pod_before_the_last_old_one_is_gone(world: World) -> None:
    strategy = {"type": "Recreate"}
    world.apply(deployment(replicas=2, strategy=strategy))
    complete(world)
    start = len(world.history)
    world.apply(deployment(replicas=2, image="nginx:2", strategy=strategy))
    complete(world)
    told = [
        (change, obj["spec"]["containers"][0]["image"])
        for change, kind, obj in world.history[start:]
        if kind == "Pod" and change in ("ADDED", "DELETED")
    ]
    assert told == [("DELETED", "nginx:1")] * 2 + [("ADDED", "nginx:2")] * 2


def test_going_back_to_an_older_template_uses_its_replica_set_again(world: World) -> None:
    for image in ("nginx:1", "nginx:2", "nginx:1"):
        world.apply(deployment(image=image))
        done = complete(world)
    assert len(world.all("ReplicaSet")) == 2
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"


def test_scaling_to_nothing_leaves_nothing_and_is_complete(world: World) -> None:
    world.apply(deployment(replicas=2))
    complete(world)
    world.patch("Deployment", "web", {"spec": {"replicas": 0}})
    complete(world)
    world.until(lambda: not world.all("Pod"))


def test_a_deleted_deployment_takes_its_replica_sets_and_pods_along(world: World) -> None:
    world.apply(deployment(replicas=2))
    complete(world)
    world.delete("Deployment", "web")
    world.until(lambda: not world.all("ReplicaSet") and not world.all("Pod"))


def test_a_deleted_pod_is_replaced(world: World) -> None:
    world.apply(deployment())
    complete(world)
    (pod,) = world.all("Pod")
    world.delete("Pod", pod["metadata"]["name"])
    world.until(
        lambda: [each["metadata"]["uid"] for each in world.all("Pod")] not in ([], [pod["metadata"]["uid"]])
    )
    complete(world)


@pytest.mark.parametrize(
    ("how", "reason"), [("image-pull", "ImagePullBackOff"), ("crash-loop", "CrashLoopBackOff")]
)
def test_a_pod_that_is_told_to_fail_shows_why(world: World, how: str, reason: str) -> None:
    world.apply(deployment(annotations={"local.jenkins-x.io/fail": how}))

    def look() -> Obj | None:
        for pod in world.all("Pod"):
            for status in pod.get("status", {}).get("containerStatuses") or []:
                if (status["state"].get("waiting") or {}).get("reason") == reason:
                    return pod
        return None

    pod = world.until(look)
    assert condition(pod, "Ready") == ("False", "ContainersNotReady")
    assert condition(world.get("Deployment", "web"), "Available") == ("False", "MinimumReplicasUnavailable")


def test_images_that_are_told_to_fail_fail_and_an_annotation_goes_before() -> None:
    play = PlaySettings.parse(0.02, ["shop/*:2=crash-loop", "bare=image-pull"])
    with playing(Settings(play=play, job_backoff_seconds=0.02)) as world:
        world.apply(deployment(image="shop/web:1"))
        complete(world)
        world.apply(deployment("broken", image="shop/web:2"))
        world.apply(deployment("other", image="bare", annotations={"local.jenkins-x.io/fail": "crash-loop"}))
        world.until(lambda: "CrashLoopBackOff" in reasons(world, "broken"))
        world.until(lambda: "CrashLoopBackOff" in reasons(world, "other"))


def reasons(world: World, name: str) -> list[str]:
    """What the containers of a deployment wait for."""
    return [
        status["state"].get("waiting", {}).get("reason", "")
        for pod in world.all("Pod", f"app={name}")
        for status in pod.get("status", {}).get("containerStatuses") or []
    ]


@pytest.mark.parametrize("text", ["image", "=crash-loop", "image=nonsense"])
def test_a_failure_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be IMAGE=HOW, HOW one of image-pull, crash-loop"):
        PlaySettings.parse(0.1, [text])


def test_a_pod_is_ready_after_the_time_that_is_set() -> None:
    with playing(Settings(play=PlaySettings.parse(3600, []))) as world:
        world.apply(deployment())
        world.apply(deployment("quick", annotations={"local.jenkins-x.io/ready-after-seconds": "0"}))
        complete(world, "quick")
        assert world.get("Deployment", "web")["status"].get("readyReplicas", 0) == 0


def test_a_rollout_that_does_not_get_ready_passes_its_deadline(world: World) -> None:
    stuck = deployment(annotations={"local.jenkins-x.io/fail": "never-ready"})
    stuck["spec"]["progressDeadlineSeconds"] = 1
    world.apply(stuck)
    world.until(
        lambda: (
            condition(world.get("Deployment", "web"), "Progressing") == ("False", "ProgressDeadlineExceeded")
        )
    )


def test_a_missing_secret_holds_a_pod_until_it_is_there(world: World) -> None:
    source = {"secretKeyRef": {"name": "login", "key": "password"}}
    world.apply(deployment(container={"env": [{"name": "PASSWORD", "valueFrom": source}]}))

    def waiting() -> str:
        for pod in world.all("Pod"):
            for status in pod.get("status", {}).get("containerStatuses") or []:
                if (status["state"].get("waiting") or {}).get("reason") == "CreateContainerConfigError":
                    return str(status["state"]["waiting"]["message"])
        return ""

    assert world.until(waiting) == 'secret "login" not found'
    world.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "data": {"password": "eA=="}}
    )
    complete(world)


def test_a_pod_that_no_node_fits_says_why(world: World) -> None:
    world.apply(deployment(pod={"nodeSelector": {"disk": "ssd"}}))

    def look() -> Any:
        return [condition(pod, "PodScheduled") for pod in world.all("Pod")] == [("False", "Unschedulable")]

    world.until(look)


def test_a_stateful_set_starts_its_pods_in_order_with_claims_of_their_own(world: World) -> None:
    world.apply(stateful_set(replicas=3))
    done = world.until_status("StatefulSet", "db", lambda status: status.get("readyReplicas") == 3)
    added = [
        obj["metadata"]["name"] for change, kind, obj in world.history if (change, kind) == ("ADDED", "Pod")
    ]
    assert added == ["db-0", "db-1", "db-2"]
    assert done["status"]["currentRevision"] == done["status"]["updateRevision"]
    claims = world.all("PersistentVolumeClaim")
    assert [claim["metadata"]["name"] for claim in claims] == ["data-db-0", "data-db-1", "data-db-2"]
    world.until(
        lambda: {each["status"].get("phase") for each in world.all("PersistentVolumeClaim")} == {"Bound"}
    )


def test_a_stateful_set_updates_from_the_last_pod_to_the_first(world: World) -> None:
    world.apply(stateful_set(replicas=2))
    world.until_status("StatefulSet", "db", lambda status: status.get("readyReplicas") == 2)
    start = len(world.history)
    generation = world.apply(stateful_set(replicas=2, image="postgres:2"))["metadata"]["generation"]
    world.until_status(
        "StatefulSet",
        "db",
        lambda status: (
            status.get("observedGeneration") == generation
            and status.get("updatedReplicas") == status.get("readyReplicas") == 2
            and status["currentRevision"] == status["updateRevision"]
        ),
    )
    added = [
        obj["metadata"]["name"]
        for change, kind, obj in world.history[start:]
        if (change, kind) == ("ADDED", "Pod")
    ]
    assert added == ["db-1", "db-0"]


def test_a_stateful_set_that_is_made_anew_takes_over_what_was_left_of_it(world: World) -> None:
    world.apply(stateful_set(replicas=2))
    world.until_status("StatefulSet", "db", lambda status: status.get("readyReplicas") == 2)
    pods = {pod["metadata"]["uid"] for pod in world.all("Pod")}
    world.delete("StatefulSet", "db", propagation="Orphan")
    world.until(lambda: world.find("StatefulSet", "db") is None)
    world.apply(stateful_set(replicas=2))
    world.until_status("StatefulSet", "db", lambda status: status.get("readyReplicas") == 2)
    assert {pod["metadata"]["uid"] for pod in world.all("Pod")} == pods
    (revision,) = world.all("ControllerRevision")
    uid = world.get("StatefulSet", "db")["metadata"]["uid"]
    assert [one["uid"] for one in revision["metadata"]["ownerReferences"]] == [uid]


def stateful_set(*, replicas: int, image: str = "postgres:1") -> Obj:
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    spec = {
        "replicas": replicas,
        "serviceName": "db",
        "selector": {"matchLabels": {"app": "db"}},
        "template": {
            "metadata": {"labels": {"app": "db"}},
            "spec": {"containers": [{"name": "main", "image": image}]},
        },
        "volumeClaimTemplates": [claim],
    }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec}


def test_a_daemon_set_has_one_pod_on_the_node_and_renews_it(world: World) -> None:
    def daemon_set(image: str) -> Obj:
        template = {
            "metadata": {"labels": {"app": "agent"}},
            "spec": {"containers": [{"name": "a", "image": image}]},
        }
        spec = {"selector": {"matchLabels": {"app": "agent"}}, "template": template}
        return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": spec}

    for image in ("agent:1", "agent:2"):
        generation = world.apply(daemon_set(image))["metadata"]["generation"]

        def is_renewed(status: Obj, seen: int = generation) -> bool:
            up = status.get("updatedNumberScheduled") == status.get("numberAvailable") == 1
            return up and status.get("observedGeneration") == seen

        done = world.until_status("DaemonSet", "agent", is_renewed)
        assert done["status"]["desiredNumberScheduled"] == 1
    world.until(lambda: [pod["spec"]["containers"][0]["image"] for pod in world.all("Pod")] == ["agent:2"])


def job(name: str = "once", *, annotations: dict[str, str] | None = None, **spec: Any) -> Obj:
    template = {
        "metadata": {"annotations": annotations or {}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]},
    }
    body = {"template": template, "backoffLimit": 6, "completions": 1, "parallelism": 1, **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": body}


def test_a_job_completes(world: World) -> None:
    world.apply(job(completions=3, parallelism=2))
    done = world.until_status("Job", "once", lambda status: status.get("completionTime"))
    assert condition(done, "Complete")[0] == "True"
    assert done["status"]["succeeded"] == 3
    assert ("Completed", "Job completed") in world.until(lambda: world.events("once"))


def test_a_job_fails_after_its_last_allowed_try(world: World) -> None:
    world.apply(job(annotations={"local.jenkins-x.io/fail": "job-failed"}, backoffLimit=1))
    world.until(lambda: condition(world.get("Job", "once"), "Failed") == ("True", "BackoffLimitExceeded"))
    assert world.get("Job", "once")["status"]["failed"] == 2


def test_a_finished_job_goes_after_its_time(world: World) -> None:
    world.apply(job(ttlSecondsAfterFinished=0))
    world.until(lambda: any(change == "DELETED" and kind == "Job" for change, kind, _ in world.history))


def test_a_suspended_job_starts_nothing_until_it_is_resumed(world: World) -> None:
    world.apply(job(suspend=True))
    world.until(lambda: condition(world.get("Job", "once"), "Suspended")[0] == "True")
    assert not world.all("Pod")
    world.patch("Job", "once", {"spec": {"suspend": False}})
    world.until_status("Job", "once", lambda status: status.get("completionTime"))


def test_endpoints_follow_the_readiness_of_pods(world: World) -> None:
    world.apply(service())
    world.apply(deployment(replicas=2))
    complete(world)

    def addresses() -> int:
        endpoints = world.find("Endpoints", "web") or {}
        return sum(len(subset.get("addresses") or []) for subset in endpoints.get("subsets") or [])

    world.until(lambda: addresses() == 2)
    world.until(lambda: [len(each["endpoints"]) for each in world.all("EndpointSlice")] == [2])
    (made,) = world.all("EndpointSlice")
    assert made["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
    assert made["ports"][0]["port"] == 8080
    world.patch("Deployment", "web", {"spec": {"replicas": 0}})
    world.until(lambda: addresses() == 0)
    world.delete("Service", "web")
    world.until(lambda: world.find("Endpoints", "web") is None and not world.all("EndpointSlice"))


def test_a_cron_job_starts_a_job_when_it_is_due_and_keeps_few_of_them() -> None:
    began: list[float] = []
    # It is half a second before a full minute until the CronJob is there; then the clock runs as fast as any.
    settings = Settings(
        play=FAST, now=lambda: 1_700_000_099.5 + (time.monotonic() - began[0] if began else 0.0)
    )
    with playing(settings) as world:
        template = {"spec": job()["spec"]}
        spec = {"schedule": "* * * * *", "jobTemplate": template}
        made = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"}, "spec": spec}
        world.apply(made)
        began.append(time.monotonic())
        world.until_status("CronJob", "tick", lambda status: status.get("lastScheduleTime"))
        (started,) = world.all("Job")
        assert started["metadata"]["name"] == "tick-28333335"
        assert world.get("CronJob", "tick")["status"]["lastScheduleTime"] == "2023-11-14T22:15:00Z"
        world.until_status("CronJob", "tick", lambda status: status.get("lastSuccessfulTime"))
