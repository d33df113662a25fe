"""Waiting for health: what is told meanwhile, and who is interrupted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.worlds import World, definition, deployment, environment_tree, ref

VAULT = "vault.banzaicloud.com"
WEB = ref("Deployment", "web")


@pytest.fixture
def world() -> World:
    world = World()
    world.offer("web", "1.0.0", deployment("web", "web:1"))
    world.offer("web", "1.1.0", deployment("web", "web:2"))
    world.cluster.break_workload(WEB)
    return world


def test_a_person_who_waits_is_not_interrupted_by_a_newer_commit(world: World) -> None:
    world.commit(environment_tree({"web": "1.0.0"}))
    tree = world.request_head().tree
    world.commit(environment_tree({"web": "1.1.0"}))
    world.cluster.pass_time = world.clock.move
    assert world.apply_by_hand(tree).is_healthy is False


def test_the_last_lines_of_a_pod_that_fails_are_told_while_its_workload_is_waited_for(world: World) -> None:
    world.commit(environment_tree({"web": "1.0.0"}))
    waiting = {"name": "web", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-1", "namespace": "jx", "labels": {"app": "web"}},
        "status": {"phase": "Running", "containerStatuses": [waiting]},
    }
    world.cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "jx"}})
    world.cluster.put(pod)
    world.cluster.pod_logs["jx", "web-1"] = "cannot open port 80"
    world.apply_head(timeout=timedelta(seconds=60))
    told = [event.message for event in world.reporter.events if "web-1" in event.message]
    assert told == ["pod web-1: container web: CrashLoopBackOff\n    cannot open port 80"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({}, "its operator has not seen it yet"),
        ({"conditions": [{"type": "Healthy", "status": "False"}]}, "it is sealed, or not initialized yet"),
        (
            {"conditions": [{"type": "Healthy", "status": "False", "error": "dial tcp: no route"}]},
            "it cannot be reached: dial tcp: no route",
        ),
        ({"conditions": [{"type": "Healthy", "status": "True"}]}, ""),
    ],
)
def test_an_apply_that_brings_a_vault_waits_until_it_is_unsealed(
    world: World, status: dict[str, object], words: str
) -> None:
    body = {"apiVersion": f"{VAULT}/v1", "kind": "Vault", "metadata": {"name": "safe"}}
    world.offer("safe", "1.0.0", definition(VAULT, "Vault"), body)
    world.commit(environment_tree({"safe": "1.0.0"}))
    world.apply_head(wait=False)
    world.cluster.objects[ref("Vault", "safe", group=VAULT)]["status"] = status
    report = world.apply_head(timeout=timedelta(minutes=5))
    assert report.is_healthy is not bool(words)
    assert [one.partition(": ")[2].startswith(words) for one in report.unhealthy] == [True] * bool(words)
