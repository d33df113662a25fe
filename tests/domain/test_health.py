from __future__ import annotations

from typing import Any

import pytest

from jx.domain.objects import health
from jx.domain.objects.health import State

VAULT = "vault.banzaicloud.com/v1alpha1"


def make(kind: str, status: dict[str, Any], *, api: str = "apps/v1", generation: int = 1, **spec: Any) -> Any:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": "web", "generation": generation},
        "spec": spec,
        "status": status,
    }


def condition(kind: str, status: str, message: str = "", reason: str = "") -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status, "message": message, "reason": reason}]}


READY = {
    "observedGeneration": 1,
    "replicas": 2,
    "updatedReplicas": 2,
    "readyReplicas": 2,
    "availableReplicas": 2,
}
SCHEDULED = {
    "observedGeneration": 1,
    "desiredNumberScheduled": 2,
    "updatedNumberScheduled": 2,
    "numberAvailable": 2,
    "numberReady": 2,
}


@pytest.mark.parametrize(
    ("body", "state", "message"),
    [
        (make("Deployment", READY, replicas=2), State.CURRENT, "2 of 2 replicas are ready"),
        (make("Deployment", {}, replicas=2), State.IN_PROGRESS, "not seen it"),
        (
            make("Deployment", READY, generation=2, replicas=2),
            State.IN_PROGRESS,
            "generation 1, the newest is 2",
        ),
        (
            make("Deployment", READY | {"updatedReplicas": 1}, replicas=2),
            State.IN_PROGRESS,
            "1 of 2 replicas are up",
        ),
        (make("Deployment", READY | {"replicas": 3}, replicas=2), State.IN_PROGRESS, "1 old replicas"),
        (
            make("Deployment", READY | {"readyReplicas": 0}, replicas=2),
            State.IN_PROGRESS,
            "0 of 2 replicas are r",
        ),
        (
            make(
                "Deployment", READY | condition("Progressing", "False", "stuck", "ProgressDeadlineExceeded")
            ),
            State.FAILED,
            "stuck",
        ),
        (
            make("Deployment", {"observedGeneration": 1}, replicas=0),
            State.CURRENT,
            "0 of 0",
        ),
        (make("StatefulSet", READY, replicas=2), State.CURRENT, "2 of 2"),
        (make("StatefulSet", READY | {"readyReplicas": 1}, replicas=2), State.IN_PROGRESS, "1 of 2"),
        (
            make(
                "StatefulSet",
                READY | {"updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"},
                replicas=2,
            ),
            State.IN_PROGRESS,
            "1 of 2 replicas are updated",
        ),
        (make("DaemonSet", SCHEDULED), State.CURRENT, "2 of 2"),
        (make("DaemonSet", SCHEDULED | {"numberReady": 1}), State.IN_PROGRESS, "1 of 2 pods are ready"),
        (make("ReplicaSet", READY, replicas=2), State.CURRENT, ""),
        (make("Job", condition("Complete", "True"), api="batch/v1"), State.CURRENT, "complete"),
        (
            make("Job", condition("Failed", "True", "backoff limit"), api="batch/v1"),
            State.FAILED,
            "backoff limit",
        ),
        (make("Job", {"startTime": "now", "active": 1}, api="batch/v1"), State.IN_PROGRESS, "1 active"),
        (make("Pod", {"phase": "Running"} | condition("Ready", "True"), api="v1"), State.CURRENT, "ready"),
        (make("Pod", {"phase": "Succeeded"}, api="v1"), State.CURRENT, "its end"),
        (make("Pod", {"phase": "Failed", "reason": "Evicted"}, api="v1"), State.FAILED, "Evicted"),
        (make("Pod", condition("PodScheduled", "False", "no node"), api="v1"), State.IN_PROGRESS, "no node"),
        (
            make(
                "Pod",
                {
                    "containerStatuses": [
                        {"name": "web", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
                    ]
                },
                api="v1",
            ),
            State.FAILED,
            "container web: CrashLoopBackOff",
        ),
        (
            make("CustomResourceDefinition", condition("Established", "True"), api="apiextensions.k8s.io/v1"),
            State.CURRENT,
            "established",
        ),
        (
            make(
                "CustomResourceDefinition",
                condition("NamesAccepted", "False", "taken"),
                api="apiextensions.k8s.io/v1",
            ),
            State.FAILED,
            "taken",
        ),
        (make("APIService", {}, api="apiregistration.k8s.io/v1"), State.IN_PROGRESS, "not available"),
        (make("PersistentVolumeClaim", {"phase": "Pending"}, api="v1"), State.IN_PROGRESS, "Pending"),
        (make("Service", {}, api="v1", type="LoadBalancer"), State.IN_PROGRESS, "no address"),
        (make("Service", {}, api="v1"), State.CURRENT, ""),
        (make("ConfigMap", {}, api="v1"), State.CURRENT, ""),
        (
            make("Certificate", condition("Ready", "False", "issuing"), api="cert-manager.io/v1"),
            State.IN_PROGRESS,
            "issuing",
        ),
        (make("Certificate", condition("Ready", "True"), api="cert-manager.io/v1"), State.CURRENT, ""),
        (
            make("Kustomization", condition("Stalled", "True", "no path"), api="x.example.com/v1"),
            State.FAILED,
            "no path",
        ),
        (make("Vault", {}, api=VAULT), State.IN_PROGRESS, "its operator has not seen it yet"),
        (
            make("Vault", condition("Healthy", "False"), api=VAULT),
            State.IN_PROGRESS,
            "sealed, or not initialized",
        ),
        (
            make(
                "Vault",
                {"conditions": [{"type": "Healthy", "status": "False", "error": "dial tcp"}]},
                api=VAULT,
            ),
            State.IN_PROGRESS,
            "cannot be reached: dial tcp",
        ),
        (make("Vault", condition("Healthy", "True"), api=VAULT), State.CURRENT, "it is unsealed"),
        (
            make("Window", condition("Reconciling", "True", "busy"), api="x.example.com/v1"),
            State.IN_PROGRESS,
            "busy",
        ),
    ],
)
def test_health_is_what_kstatus_says(body: Any, state: State, message: str) -> None:
    found = health.assess(body)
    assert found.state is state
    assert message in found.message


def test_what_is_being_deleted_is_on_its_way_out() -> None:
    body = make("Deployment", READY)
    body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert health.assess(body).state is State.TERMINATING
