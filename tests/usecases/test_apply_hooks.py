"""Helm hooks around an apply: when they run, in which order, what becomes of them, and what a crash leaves to the next apply."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.support.fuses import Crash, Fuse
from tests.support.worlds import World, config_map, definition, deployment, environment_tree, ref

from jx.domain.applying.applying import Action, ApplyReport, ApplyResult
from jx.domain.applying.locking import LEASE
from jx.domain.environments.guards import Allowed, Guard
from jx.domain.errors import Refused
from jx.domain.objects.manifests import ObjectRef
from jx.domain.objects.membership import HOOK_OF

MIGRATE = ObjectRef("batch", "Job", "jx", "migrate")


def hook(
    name: str, phases: str, *, weight: int = 0, policy: str = "", kind: str = "Job", **more: Any
) -> dict[str, Any]:
    """A hook: a Job, or another kind without a spec."""
    annotations = {"helm.sh/hook": phases, "helm.sh/hook-weight": str(weight)}
    if policy:
        annotations["helm.sh/hook-delete-policy"] = policy
    spec = {"template": {"spec": {"containers": [{"name": "run", "image": "run:1"}]}}}
    body = (
        {"apiVersion": "batch/v1", "kind": kind, "spec": spec}
        if kind == "Job"
        else {"apiVersion": "v1", "kind": kind}
    )
    return {**body, "metadata": {"name": name, "annotations": annotations, **more}}


@pytest.fixture
def world() -> World:
    world = World()
    world.offer("web", "1.0.0", deployment("web", "web:1"), hook("migrate", "pre-install,pre-upgrade"))
    world.offer("web", "1.1.0", deployment("web", "web:2"), hook("migrate", "pre-install,pre-upgrade"))
    world.offer("redis", "1.0.0", config_map("redis", {"a": "1"}))
    return world


def install(world: World, **apps: str) -> ApplyReport:
    world.commit(environment_tree(apps or {"web": "1.0.0"}))
    return world.apply_head()


def names(world: World) -> list[str]:
    """What was sent and deleted, in order."""
    return [f"{word} {found.name}" for word, found in world.cluster.writes() if isinstance(found, ObjectRef)]


def fresh(world: World) -> None:
    world.cluster.requests.clear()


# When


def test_a_first_install_runs_install_hooks_after_the_namespace_and_before_the_rest(world: World) -> None:
    report = install(world)
    assert report.is_good
    assert names(world) == ["send jx", "send migrate", "send web"]
    assert [(one.step.phase, one.error) for one in report.hooks] == [("pre-install", "")]


def test_an_apply_that_changes_nothing_runs_none(world: World) -> None:
    install(world)
    fresh(world)
    report = world.apply_head()
    assert not report.plan.has_changes
    assert names(world) == []


def test_an_upgrade_runs_upgrade_hooks(world: World) -> None:
    install(world)
    fresh(world)
    report = install(world, web="1.1.0")
    assert [one.step.phase for one in report.hooks] == ["pre-upgrade"]
    assert names(world) == ["delete migrate", "send migrate", "send web"]


def test_healing_what_somebody_changed_runs_none(world: World) -> None:
    install(world)
    world.cluster.put(deployment("web", "other:1") | {"metadata": {"name": "web", "namespace": "jx"}})
    fresh(world)
    report = world.apply_head(allowed=Allowed(frozenset({Guard.CONFLICTS})))
    assert report.plan.count(Action.UPDATE) == 1
    assert names(world) == ["send web"]


def test_hooks_of_an_app_run_when_that_app_changes_and_not_for_others(world: World) -> None:
    install(world)
    fresh(world)
    report = install(world, web="1.0.0", redis="1.0.0")
    assert report.hooks == ()
    assert names(world) == ["send redis"]


def test_an_app_that_is_new_is_installed_whatever_else_is_there(world: World) -> None:
    install(world, redis="1.0.0")
    report = install(world, web="1.0.0", redis="1.0.0")
    assert [one.step.phase for one in report.hooks] == ["pre-install"]


def test_a_hook_that_changes_runs_although_no_object_does(world: World) -> None:
    world.offer("web", "1.0.1", deployment("web", "web:1"), hook("migrate", "post-upgrade"))
    install(world)
    report = install(world, web="1.0.1")
    assert [one.step.phase for one in report.hooks] == ["post-upgrade"]


def test_an_environment_that_was_applied_before_hooks_ran_does_not_run_them_out_of_the_blue(
    world: World,
) -> None:
    world.offer("old", "1.0.0", deployment("web", "web:1"))
    install(world, old="1.0.0")
    world.offer("old", "1.0.1", deployment("web", "web:1"), hook("migrate", "pre-upgrade"))
    report = install(world, old="1.0.1")
    assert report.hooks == ()


# In which order


def test_phases_weights_kinds_and_names_give_the_order(world: World) -> None:
    world.offer(
        "all",
        "1.0.0",
        hook("post", "post-install"),
        hook("heavy", "pre-install", weight=5),
        hook("light", "pre-install", weight=-5),
        hook("b", "pre-install"),
        hook("a", "pre-install"),
        hook("account", "pre-install", kind="ServiceAccount"),
        config_map("between", {"a": "1"}),
    )
    install(world, all="1.0.0")
    sent = [word.removeprefix("send ") for word in names(world)]
    assert sent == ["jx", "light", "account", "a", "b", "heavy", "between", "post"]


def test_a_plan_shows_the_hooks_that_would_run(world: World) -> None:
    world.commit(environment_tree({"web": "1.0.0"}))
    report = world.apply_head(dry_run=True)
    assert [(one.phase, one.ref) for one in report.plan.hooks] == [("pre-install", MIGRATE)]
    assert names(world) == []


# What becomes of them


def test_hooks_are_no_members_and_are_never_pruned(world: World) -> None:
    install(world)
    left = world.get("Job", "migrate", group="batch")
    assert left is not None
    assert left["metadata"]["labels"][HOOK_OF] == "dev"
    assert "applyset.kubernetes.io/part-of" not in left["metadata"]["labels"]
    assert [item.ref for item in world.anchor.hooks.left] == [MIGRATE]
    install(world, redis="1.0.0")
    assert world.get("Job", "migrate", group="batch") is not None


def test_what_is_deleted_on_success_goes_when_its_phase_is_over(world: World) -> None:
    policy = "before-hook-creation,hook-succeeded"
    world.offer(
        "job",
        "1.0.0",
        hook("account", "pre-install", policy=policy, kind="ServiceAccount"),
        hook("run", "pre-install", policy=policy),
        config_map("job", {}),
    )
    install(world, job="1.0.0")
    assert names(world) == ["send jx", "send account", "send run", "delete run", "delete account", "send job"]
    assert world.anchor.hooks.left == ()


def test_a_failed_hook_stops_the_apply_and_shows_the_last_lines_of_its_pod(world: World) -> None:
    world.cluster.break_workload(MIGRATE)
    world.cluster.pods_of[MIGRATE] = "connecting ...\ncannot reach the database"
    report = install(world)
    assert report.result is ApplyResult.FAILED
    assert "pre-install hook Job.batch/migrate (namespace jx): the job failed" in report.message
    assert "last lines of pod migrate-" in report.message
    assert "cannot reach the database" in report.message
    assert names(world) == ["send jx", "send migrate"]
    assert world.get("Job", "migrate", group="batch") is not None


def test_the_next_apply_runs_again_what_failed(world: World) -> None:
    world.cluster.break_workload(MIGRATE)
    install(world)
    world.cluster.mend_workload(MIGRATE)
    report = world.apply_head()
    assert report.is_good
    assert [one.step.phase for one in report.hooks] == ["pre-install"]
    assert world.apply_head().hooks == ()


def test_hook_failed_deletes_a_failed_hook_and_keeps_its_words(world: World) -> None:
    world.offer("job", "1.0.0", hook("migrate", "pre-install", policy="hook-failed"))
    world.cluster.break_workload(MIGRATE)
    world.cluster.pods_of[MIGRATE] = "no such table"
    report = install(world, job="1.0.0")
    assert "no such table" in report.message
    assert world.get("Job", "migrate", group="batch") is None


def test_a_hook_that_does_not_end_fails_within_its_limit(world: World) -> None:
    world.cluster.never_ends(MIGRATE)
    world.commit(environment_tree({"web": "1.0.0"}))
    report = world.apply_head(timeout=timedelta(seconds=30))
    assert "it did not end within 30 s: the job has not started" in report.message
    assert world.get("Deployment", "web") is None


def test_a_failed_post_hook_leaves_what_was_sent_and_is_run_again(world: World) -> None:
    world.offer("job", "1.0.0", config_map("job", {}), hook("migrate", "post-install"))
    world.cluster.break_workload(MIGRATE)
    report = install(world, job="1.0.0")
    assert report.result is ApplyResult.FAILED
    assert world.get("ConfigMap", "job") is not None
    world.cluster.mend_workload(MIGRATE)
    fresh(world)
    assert world.apply_head().is_good
    assert names(world) == ["delete migrate", "send migrate"]


def test_secret_values_are_in_no_error_of_a_hook(world: World) -> None:
    made = hook("token", "pre-install", kind="Secret") | {"stringData": {"token": "hunter22-and-more"}}
    world.offer("job", "1.0.0", made, hook("migrate", "pre-install", weight=1))
    world.cluster.break_workload(MIGRATE)
    world.cluster.pods_of[MIGRATE] = "login with hunter22-and-more failed"
    report = install(world, job="1.0.0")
    assert "login with <redacted> failed" in report.message
    assert "hunter22" not in report.message + world.reporter.text


def test_an_object_that_no_hook_made_is_not_replaced_by_one(world: World) -> None:
    world.cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "jx"}})
    theirs = hook("migrate", "pre-install", namespace="jx")
    theirs["metadata"].pop("annotations")
    world.cluster.put(theirs)
    with pytest.raises(Refused, match=r"Job.batch/migrate .* somebody who made it without a hook"):
        install(world)
    assert names(world) == []


def test_a_kill_at_any_call_leaves_no_hook_unfinished(world: World) -> None:
    def fresh_world() -> World:
        made = World()
        made.offer(
            "web",
            "1.0.0",
            deployment("web", "web:1"),
            hook("migrate", "pre-install"),
            hook("after", "post-install"),
        )
        made.commit(environment_tree({"web": "1.0.0"}))
        return made

    dry, fuse = fresh_world(), Fuse()
    dry.use_case(fuse.wrap)(dry.request_head())
    for at in range(1, fuse.calls + 1):
        killed = fresh_world()
        with pytest.raises(Crash):
            killed.use_case(Fuse(at, after=at % 2 == 0).wrap)(killed.request_head())
        killed.clock.move(LEASE + timedelta(seconds=1))
        assert killed.apply_head().is_good, f"killed at call {at}"
        assert killed.cluster.objects.keys() == dry.cluster.objects.keys(), f"killed at call {at}"
        assert killed.anchor.hooks.seen == dry.anchor.hooks.seen
        assert killed.anchor.hooks.pending == ()
        assert killed.apply_head().hooks == ()


def test_crds_of_helm_2_are_applied_as_objects(world: World) -> None:
    crd = definition("shop.example.com", "Window")
    crd["metadata"]["annotations"] = {"helm.sh/hook": "crd-install"}
    world.offer("job", "1.0.0", crd)
    report = install(world, job="1.0.0")
    assert report.hooks == ()
    assert ref("CustomResourceDefinition", "windows.shop.example.com", "", "apiextensions.k8s.io") in {
        item.ref for item in world.anchor.inventory
    }
