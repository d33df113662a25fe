"""Applies from a world in to a world out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.worlds import (
    BOB,
    DEV,
    World,
    config_map,
    definition,
    deployment,
    environment_tree,
    ref,
    secret,
)

from jx.domain.applying.applying import Action, ApplyResult, Hold
from jx.domain.environments import holds
from jx.domain.environments.guards import (
    Allowed,
    EmptyRender,
    ForeignObjects,
    Guard,
    LedgerMoved,
    NotTheReviewedPlan,
    OtherCluster,
    PlatformDowngrade,
    SeveralRefusals,
    TooManyDeletions,
)
from jx.domain.errors import Forbidden, Held, Invalid, Locked, Overtaken, Refused, Stale, Unavailable
from jx.domain.ledger.trailers import find_trailers
from jx.domain.names import EnvironmentName, Repo
from jx.domain.objects import membership
from jx.domain.trees import Tree
from jx.ports.repos import Draft

PASSWORD = "hunter22-very-secret"


@pytest.fixture
def world() -> World:
    world = World()
    world.offer("web", "1.0.0", deployment("web", "web:1"), secret("web", {"password": PASSWORD}))
    world.offer("web", "1.1.0", deployment("web", "web:2"), secret("web", {"password": PASSWORD + "!"}))
    world.offer("cache", "2.0.0", deployment("cache", "cache:2"), config_map("cache", {"size": "1"}))
    world.offer("jx-platform", "1.0.0", deployment("controller", "jx:1"))
    world.offer("jx-platform", "1.1.0", deployment("controller", "jx:broken"))
    world.offer("jx-platform", "0.9.0", deployment("controller", "jx:0"))
    return world


def apps(**versions: str) -> Tree:
    return environment_tree({key.replace("_", "-"): version for key, version in versions.items()})


# The usual way


def test_a_first_apply_on_an_empty_cluster_makes_the_namespace_and_everything_in_it(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    report = world.apply_head()
    assert report.is_good
    assert report.is_healthy
    namespace = world.get("Namespace", "jx", "")
    assert namespace is not None
    assert namespace["metadata"]["labels"]["env"] == "dev"
    assert namespace["metadata"]["labels"]["team"] == "jx"
    assert world.get("Deployment", "web")


def test_members_carry_the_labels_by_which_kubectl_and_jenkins_x_know_them(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    world.apply_head()
    web = world.get("Deployment", "web")
    assert web is not None
    assert web["metadata"]["labels"] == {
        "applyset.kubernetes.io/part-of": membership.applyset_id(DEV),
        "jenkins.io/chart-release": "jenkins-x",
        "jenkins.io/namespace": "jx",
    }


def test_a_second_apply_of_the_same_commit_sends_nothing_and_writes_no_entry(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    world.apply_head()
    writes, version = len(world.cluster.writes()), world.anchor.version
    report = world.apply_head()
    assert not report.plan.has_changes
    assert len(world.cluster.writes()) == writes
    assert world.anchor.version == version
    assert len(world.ledger_commits()) == 1


def test_a_commit_that_changes_nothing_in_the_cluster_is_still_accounted_for(world: World) -> None:
    tree = apps(web="1.0.0")
    world.commit(tree, "Install web")
    world.apply_head()
    before = world.ledger_files()
    revision = world.commit(tree.put("README.md", "Hello.\n"), "Say hello", BOB)
    world.apply_head()
    first, second = world.ledger_commits()
    assert (first.subject, first.author.name) == ("Install web", "Ann Lee")
    assert (second.subject, second.author.name) == ("Say hello", "Bob Ray")
    assert second.trailers["Jx-Source-Commit"] == revision
    assert world.ledger_files() == before


def test_what_is_no_longer_rendered_is_pruned_after_everything_was_sent(world: World) -> None:
    world.commit(apps(web="1.0.0", cache="2.0.0"))
    world.apply_head()
    world.commit(apps(web="1.1.0"))
    world.apply_head()
    assert world.get("Deployment", "cache") is None
    kinds = [kind for kind, _ in world.cluster.writes()]
    assert kinds == sorted(kinds, reverse=True)
    assert not [path for path in world.ledger_files() if "cache" in path]


def test_crds_are_there_before_objects_of_their_kinds(world: World) -> None:
    window = {"apiVersion": "shop.example.com/v1", "kind": "Window", "metadata": {"name": "front"}}
    world.offer("shop", "1.0.0", window, definition("shop.example.com", "Window"))
    world.commit(apps(shop="1.0.0"))
    assert world.apply_head().is_good
    assert world.get("Window", "front", group="shop.example.com")


def test_a_crd_that_is_never_established_stops_what_follows(world: World) -> None:
    crd = definition("shop.example.com", "Window")
    world.offer("shop", "1.0.0", crd, deployment("shop", "shop:1"))
    world.cluster.break_workload(
        ref("CustomResourceDefinition", "windows.shop.example.com", "", "apiextensions.k8s.io")
    )
    world.commit(apps(shop="1.0.0"))
    report = world.apply_head()
    assert report.result is ApplyResult.FAILED
    assert "not established" in report.message
    assert world.get("Deployment", "shop") is None


def test_a_workload_that_never_gets_ready_is_told_with_the_last_lines_of_its_pod(world: World) -> None:
    world.cluster.break_workload(ref("Deployment", "web"))
    waiting = {"name": "web", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    pod: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] = {"name": "web-1", "namespace": "jx", "labels": {"app": "web"}}
    pod["status"] = {"phase": "Pending", "containerStatuses": [waiting]}
    world.cluster.put(pod)
    world.cluster.pod_logs["jx", "web-1"] = f"cannot log in with {PASSWORD}"
    world.commit(apps(web="1.0.0"))
    report = world.apply_head(timeout=timedelta(seconds=3))
    assert report.result is ApplyResult.APPLIED
    assert not report.is_good
    assert report.unhealthy == ("Deployment.apps/web (namespace jx): 0 of 1 replicas are ready",)
    assert "ImagePullBackOff" in world.reporter.text
    assert PASSWORD not in world.reporter.text
    assert world.anchor.applied is not None
    assert not world.anchor.applied.is_verified


def test_a_newer_commit_breaks_off_the_wait_for_a_broken_older_one(world: World) -> None:
    world.cluster.break_workload(ref("Deployment", "web"))
    world.commit(apps(web="1.0.0"))
    request = world.request_head(timeout=timedelta(seconds=30))
    use_case = world.use_case()
    changes = world.cluster.changes

    def push_and_watch(*args: Any, **kwargs: Any) -> Any:
        world.commit(apps(web="1.1.0"))
        for seen in changes(*args, **kwargs):
            world.clock.move(timedelta(seconds=11))
            yield seen

    world.cluster.changes = push_and_watch  # type: ignore[method-assign]
    report = use_case(request)
    assert report.is_healthy is None


def test_what_was_healthy_is_remembered_as_verified(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    world.apply_head()
    assert world.anchor.applied is not None
    assert world.anchor.applied.is_verified


def test_what_is_healthy_since_somebody_else_applied_something_else_is_no_success(world: World) -> None:
    good = apps(web="1.0.0")
    world.commit(good)
    world.apply_head()
    web = ref("Deployment", "web", group="apps")
    world.cluster.break_workload(web)
    world.commit(apps(web="1.1.0"))
    request, changes = world.request_head(timeout=timedelta(seconds=30)), world.cluster.changes

    def go_back_and_watch(*args: Any, **kwargs: Any) -> Any:
        world.cluster.changes = changes  # type: ignore[method-assign]
        world.cluster.mend_workload(web)
        world.apply_by_hand(good)
        return changes(*args, **kwargs)

    world.cluster.changes = go_back_and_watch  # type: ignore[method-assign]
    report = world.use_case()(request)
    assert not report.is_good
    assert "has applied something else since" in report.unhealthy[0]


def test_a_dry_run_shows_the_plan_and_its_refusals_and_writes_nothing(world: World) -> None:
    world.cluster.put(config_map("cache", {}, namespace="jx", labels={"applyset.kubernetes.io/part-of": "x"}))
    world.commit(apps(cache="2.0.0"))
    report = world.apply_head(dry_run=True)
    assert report.plan.count(Action.CREATE) == 2
    assert isinstance(report.refusals[0], ForeignObjects)
    assert not report.is_good
    assert not world.cluster.writes()
    assert world.anchors.find(DEV) is None
    assert not world.ledger_commits()


def test_only_the_reviewed_plan_is_applied(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    reviewed = world.apply_head(dry_run=True).plan.digest
    world.commit(apps(web="1.0.0", cache="2.0.0"))
    with pytest.raises(NotTheReviewedPlan):
        world.apply_head(allowed=Allowed(reviewed=reviewed))
    world.apply_head(allowed=Allowed(reviewed=world.apply_head(dry_run=True).plan.digest))


def test_two_applies_at_once_never_interleave(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    world.locks.acquire(DEV, holder="somebody", lease=timedelta(minutes=2))
    with pytest.raises(Locked, match="somebody"):
        world.apply_head()
    assert not world.cluster.writes()
    world.clock.move(timedelta(minutes=3))
    assert world.apply_head().is_good


def test_a_lock_that_was_lost_stops_the_apply(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    use_case = world.use_case()
    send = world.cluster.send

    def lose_it(*args: Any, **kwargs: Any) -> Any:
        world.clock.move(timedelta(minutes=5))
        world.locks.acquire(DEV, holder="somebody else", lease=timedelta(minutes=2))
        return send(*args, **kwargs)

    world.cluster.send = lose_it  # type: ignore[method-assign]
    with pytest.raises(Locked):
        use_case(world.request_head())
    assert world.get("Deployment", "web") is None


def test_a_lock_that_a_person_takes_stops_the_apply_and_the_ledger_says_from_whom_and_why(
    world: World,
) -> None:
    world.commit(apps(web="1.0.0"))
    use_case, send, older = world.use_case(), world.cluster.send, world.request_head()
    newer = world.request_head(take_lock="it hangs")

    def interrupt(*args: Any, **kwargs: Any) -> Any:
        world.cluster.send = send  # type: ignore[method-assign]
        world.commit(apps(web="1.1.0"))
        assert world.use_case()(replace(world.request_head(), take_lock=newer.take_lock)).is_good
        return send(*args, **kwargs)

    world.cluster.send = interrupt  # type: ignore[method-assign]
    with pytest.raises(Overtaken):
        use_case(older)
    assert not world.apply_head().plan.has_changes
    (commit,) = world.ledger_commits()
    trailers = find_trailers(commit.message)
    assert (trailers["Jx-Lock-Taken-From"], trailers["Jx-Reason"]) == (older.holder, "it hangs")


def test_what_a_late_writer_changed_is_found_and_put_right(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    late = next(step for step in world.apply_head().plan.steps if step.ref.kind == "Deployment")
    world.commit(apps(web="1.1.0"))
    world.locks.acquire(DEV, holder="a dead controller", lease=timedelta(minutes=1))
    world.clock.move(timedelta(minutes=2))
    use_case, save = world.use_case(), world.anchors.save

    def save_late(anchor: Any) -> Any:
        if anchor.pending:  # everything is sent, and about to be recorded
            world.anchors.save = save  # type: ignore[method-assign]
            world.cluster.send(late)  # as where the cluster cannot be told of tokens
        return save(anchor)

    world.anchors.save = save_late  # type: ignore[method-assign]
    assert use_case(world.request_head()).is_good
    web = world.get("Deployment", "web")
    assert web is not None
    assert web["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"
    assert "a dead controller still wrote" in world.reporter.text


# Secrets and drawn values


def test_no_secret_value_is_in_ledger_anchor_events_report_or_diff(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    world.cluster.fail(Invalid(f'Secret "web" is invalid: data.password: Invalid value: "{PASSWORD}"'))
    reports = [world.apply_head(), world.apply_head()]
    world.commit(apps(web="1.1.0"))
    diff = world.diff_head()
    reports.append(world.apply_head())
    told = [str(world.ledger_files()), str([commit.message for commit in world.ledger_commits()])]
    told += [world.reporter.text, diff, repr(world.anchor), *(report.message for report in reports)]
    for text in told:
        assert "hunter22" not in text
    assert "<secret:password, changed>" in diff


def test_a_drawn_password_is_drawn_once_and_then_kept(world: World) -> None:
    drawn = "{apiVersion: v1, kind: Secret, metadata: {name: drawn}, stringData: {password: '{{ randAlphaNum 16 }}'}}"
    world.offer("vault", "1.0.0", drawn=drawn)
    world.offer("vault", "1.1.0", config_map("vault", {"a": "b"}), drawn=drawn)
    world.commit(apps(vault="1.0.0"))
    world.apply_head()
    first = world.get("Secret", "drawn")
    assert not world.apply_head().plan.has_changes
    world.commit(apps(vault="1.1.0"))
    assert world.apply_head().plan.count(Action.UPDATE) == 0
    second = world.get("Secret", "drawn")
    assert first is not None
    assert second is not None
    assert first["data"] == second["data"]


def test_a_first_plan_with_drawn_values_has_one_digest(world: World) -> None:
    drawn = (
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: drawn}, data: {token: '{{ randAlphaNum 16 }}'}}"
    )
    world.offer("vault", "1.0.0", drawn=drawn)
    world.commit(apps(vault="1.0.0"))
    digests = {world.apply_head(dry_run=True).plan.digest for _ in range(3)}
    assert len(digests) == 1


# What others do to the cluster


def test_a_change_behind_our_back_is_found_and_its_maker_is_named(world: World) -> None:
    world.commit(apps(cache="2.0.0"))
    world.apply_head()
    world.cluster.put(config_map("cache", {"size": "99"}, namespace="jx"), manager="kubectl-edit")
    plan = world.apply_head(dry_run=True).plan
    reasons = {step.ref.kind: step.reason for step in plan.changes}
    assert reasons == {"ConfigMap": "it was changed behind our back by kubectl-edit"}


def test_a_conflict_is_not_forced_unless_a_person_says_so(world: World) -> None:
    world.commit(apps(cache="2.0.0"))
    world.apply_head()
    world.cluster.put(config_map("cache", {"size": "99"}, namespace="jx"), manager="kubectl-edit")
    report = world.apply_head()
    assert report.result is ApplyResult.FAILED
    assert "kubectl-edit" in report.message
    assert world.apply_head(allowed=Allowed(frozenset({Guard.CONFLICTS}))).is_good
    cache = world.get("ConfigMap", "cache")
    assert cache is not None
    assert cache["data"] == {"size": "1"}


def test_what_was_deleted_behind_our_back_comes_back(world: World) -> None:
    world.commit(apps(cache="2.0.0"))
    world.apply_head()
    world.cluster.remove(ref("ConfigMap", "cache"))
    assert world.apply_head().is_good
    assert world.get("ConfigMap", "cache")


def test_objects_of_somebody_else_are_refused_with_their_owner(world: World) -> None:
    helm = {"meta.helm.sh/release-name": "theirs", "meta.helm.sh/release-namespace": "jx"}
    world.cluster.put(config_map("cache", {}, namespace="jx", annotations=helm))
    world.commit(apps(cache="2.0.0"))
    with pytest.raises(ForeignObjects, match="Helm release theirs") as caught:
        world.apply_head()
    assert caught.value.flag == "--allow foreign-objects"
    assert not world.cluster.writes()
    assert world.apply_head(allowed=Allowed(frozenset({Guard.FOREIGN_OBJECTS}))).is_good


def test_two_environments_never_take_or_prune_each_others_objects(world: World) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "shared"},
    }
    world.offer("rbac", "1.0.0", role)
    world.commit(apps(rbac="1.0.0"))
    world.apply_head()
    staging = Repo("memory://acme/environment-jx-staging")
    world.repos.create(staging)
    world.repo = staging
    world.commit(environment_tree({"rbac": "1.0.0"}, name="staging", namespace="jx-staging"))
    with pytest.raises(ForeignObjects, match="applyset-"):
        world.apply_head()


def test_data_is_never_pruned_unless_it_is_named(world: World) -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}}
    world.offer("store", "1.0.0", claim, deployment("store", "store:1"))
    world.commit(apps(store="1.0.0", web="1.0.0"))
    world.apply_head()
    world.commit(apps(web="1.0.0"))
    report = world.apply_head()
    assert [step.ref.name for step in report.plan.steps if step.action is Action.KEEP] == ["data"]
    assert world.get("PersistentVolumeClaim", "data")
    assert world.get("Deployment", "store") is None
    world.apply_head(allowed=Allowed(prunes=frozenset({"PersistentVolumeClaim/data"})))
    assert world.get("PersistentVolumeClaim", "data") is None


def test_a_lost_inventory_prunes_nothing_and_says_so(world: World) -> None:
    world.commit(apps(web="1.0.0", cache="2.0.0"))
    world.apply_head()
    world.anchors.forget_inventory(DEV)
    world.commit(apps(web="1.0.0"))
    report = world.apply_head()
    assert report.plan.count(Action.PRUNE) == 0
    assert world.get("Deployment", "cache")
    assert "the inventory is lost" in world.reporter.text
    assert world.apply_head().plan.count(Action.UNCHANGED) == 3


# Guards: the four wipe-outs on record, and others


def test_wipe_out_1_an_outage_that_renders_nothing_is_refused(world: World) -> None:
    world.commit(apps(web="1.0.0", cache="2.0.0"))
    world.apply_head()
    world.offer("web", "1.0.0")
    world.offer("cache", "2.0.0")
    before = dict(world.cluster.objects)
    with pytest.raises(Refused):
        world.apply_head()
    assert world.cluster.objects == before


def test_wipe_out_2_a_path_that_moved_is_an_error_not_an_empty_environment(world: World) -> None:
    tree = apps(web="1.0.0", cache="2.0.0")
    world.commit(tree)
    world.apply_head()
    head = world.repos.head(world.repo, "master")
    moved = Tree({path.replace("env/", "environments/"): blob for path, blob in tree.files.items()})
    world.repos.write(world.repo, "master", base=head, draft=Draft(moved, "Move it", BOB))
    before = dict(world.cluster.objects)
    with pytest.raises(Exception, match="no environment chart"):
        world.apply_head()
    assert world.cluster.objects == before


def test_wipe_out_3_a_generator_that_lost_its_list_is_refused(world: World) -> None:
    world.commit(apps(web="1.0.0", cache="2.0.0"))
    world.apply_head()
    world.commit(apps())
    with pytest.raises(SeveralRefusals) as caught:
        world.apply_head()
    assert {type(refusal) for refusal in caught.value.refusals} == {EmptyRender, TooManyDeletions}
    assert world.get("Deployment", "web")
    flags = Allowed(frozenset({Guard.EMPTY_RENDER, Guard.DELETIONS}))
    assert world.apply_head(allowed=flags).is_good
    assert world.get("Deployment", "web") is None
    assert world.get("Namespace", "jx", "")


def test_wipe_out_4_a_deleted_parent_takes_no_children_with_it(world: World) -> None:
    world.commit(apps(web="1.0.0", cache="2.0.0"))
    world.apply_head()
    world.anchors.remove(DEV)
    with pytest.raises(LedgerMoved) as caught:
        world.apply_head()
    assert caught.value.flag == "--allow ledger-moved"
    report = world.apply_head(allowed=Allowed(frozenset({Guard.LEDGER_MOVED})))
    assert report.is_good
    assert report.plan.count(Action.PRUNE) == 0
    assert len(world.ledger_commits()) == 2


def test_more_deletions_than_the_budget_are_refused_with_numbers_and_objects(world: World) -> None:
    world.offer("many", "1.0.0", *(config_map(f"m{number}", {}) for number in range(5)))
    world.commit(apps(web="1.0.0", many="1.0.0"))
    world.apply_head()
    world.commit(environment_tree({"web": "1.0.0"}, apply={"maxDeletions": 4}))
    with pytest.raises(TooManyDeletions, match="5 of 8 objects") as caught:
        world.apply_head()
    assert len(caught.value.refs) == 5


def test_a_platform_goes_back_to_versions_that_ran_here_only(world: World) -> None:
    world.commit(apps(jx_platform="1.0.0"))
    world.apply_head()
    world.commit(apps(jx_platform="1.1.0"))
    world.apply_head()
    world.commit(apps(jx_platform="1.0.0"), "Revert the platform")
    assert world.apply_head().is_good
    world.commit(apps(jx_platform="0.9.0"))
    with pytest.raises(PlatformDowngrade, match=r"from 1\.0\.0 to 0\.9\.0"):
        world.apply_head()
    assert world.apply_head(allowed=Allowed(frozenset({Guard.PLATFORM_DOWNGRADE}))).is_good


def test_another_namespace_than_before_is_refused(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    world.apply_head()
    with pytest.raises(OtherCluster, match="namespace jx -> elsewhere"):
        world.apply_head(namespace="elsewhere")
    assert world.get("Deployment", "web", "elsewhere") is None


def test_another_repository_than_before_is_refused(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    world.apply_head()
    other = Repo("memory://acme/environment-jx-other")
    world.repos.create(other)
    world.repo = other
    world.commit(apps(web="1.0.0"))
    with pytest.raises(OtherCluster, match="environment-jx-other"):
        world.apply_head()
    with pytest.raises(LedgerMoved):
        world.apply_head(allowed=Allowed(frozenset({Guard.OTHER_CLUSTER})))


def test_mistakes_of_all_objects_are_told_at_once(world: World) -> None:
    unknown = {"apiVersion": "shop.example.com/v1", "kind": "Window", "metadata": {"name": "front"}}
    world.offer("bad", "1.0.0", unknown, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})
    world.commit(apps(bad="1.0.0"))
    with pytest.raises(Invalid) as caught:
        world.apply_head()
    assert len(caught.value.problems) == 2
    assert all("bad/templates/" in problem.where for problem in caught.value.problems)


# Faults


def test_an_error_stops_later_waves_and_all_pruning_and_the_next_run_finishes(world: World) -> None:
    world.commit(apps(web="1.0.0", cache="2.0.0"))
    world.apply_head()
    world.commit(apps(web="1.1.0"))
    world.cluster.fail(Unavailable("the API server is gone"), only=lambda one: one.kind == "Secret")
    report = world.apply_head()
    assert report.result is ApplyResult.FAILED
    assert [one.can_retry for one in report.outcomes if one.error] == [True]
    assert world.get("Deployment", "cache")
    assert world.ledger_commits()[-1].trailers["Jx-Result"] == "failed"
    assert "jx/apps/Deployment/cache.yaml" in world.ledger_files()
    assert world.apply_head().is_good
    assert world.get("Deployment", "cache") is None
    assert world.ledger_commits()[-1].trailers["Jx-Result"] == "applied"


def test_the_same_failure_again_writes_no_further_entry(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    world.cluster.fail(Invalid("no"), times=9, only=lambda one: one.kind == "Namespace")
    for _ in range(3):
        assert world.apply_head().result is ApplyResult.FAILED
    assert len(world.ledger_commits()) == 1


def test_what_cannot_be_pushed_waits_in_the_anchor_and_is_pushed_later_in_order(world: World) -> None:
    def closed(*args: Any, **kwargs: Any) -> Any:
        raise Unavailable("the git server is down")

    world.commit(apps(web="1.0.0"), "One")
    append = world.repos.append
    world.repos.append = closed  # type: ignore[method-assign]
    report = world.apply_head()
    assert report.is_good
    assert report.ledger_commit == ""
    assert "waits in the cluster" in world.reporter.text
    world.commit(apps(web="1.1.0"), "Two")
    world.apply_head()
    assert len(world.anchor.pending) == 2
    world.repos.append = append  # type: ignore[method-assign]
    world.apply_head()
    assert [commit.subject for commit in world.ledger_commits()] == ["One", "Two"]
    assert not world.anchor.pending


def test_no_right_to_push_the_ledger_does_not_stop_a_rescue(world: World) -> None:
    def forbidden(*args: Any, **kwargs: Any) -> Any:
        raise Forbidden("bob may not push to jx-ledger")

    world.repos.append = forbidden  # type: ignore[method-assign]
    assert world.apply_by_hand(apps(web="1.0.0")).is_good
    assert len(world.anchor.pending) == 1


def test_a_ledger_that_somebody_else_wrote_is_not_written_over(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    world.apply_head()
    head = world.repos.head(world.repo, "jx-ledger")
    world.repos.write(world.repo, "jx-ledger", base=head, draft=Draft(Tree(), "Forge", BOB))
    world.commit(apps(web="1.1.0"))
    writes = len(world.cluster.writes())
    with pytest.raises(LedgerMoved):
        world.apply_head()
    assert len(world.cluster.writes()) == writes
    world.apply_head(allowed=Allowed(frozenset({Guard.LEDGER_MOVED})))
    assert "jx/apps/Deployment/web.yaml" in world.ledger_files()


def test_an_object_that_changes_while_it_is_pruned_is_looked_at_again(world: World) -> None:
    world.commit(apps(web="1.0.0", cache="2.0.0"))
    world.apply_head()
    world.commit(apps(web="1.0.0"))
    world.cluster.fail(Stale("it has another resourceVersion"), times=2, only=lambda one: one.name == "cache")
    assert world.apply_head().is_good
    assert world.get("Deployment", "cache") is None


def test_a_namesake_that_appears_while_an_object_is_pruned_is_left_alone(world: World) -> None:
    world.commit(apps(web="1.0.0", cache="2.0.0"))
    world.apply_head()
    world.commit(apps(web="1.0.0"))
    use_case, delete = world.use_case(), world.cluster.delete

    def swap(step: Any, **kwargs: Any) -> None:
        if step.ref.name == "cache" and step.ref.kind == "ConfigMap":
            world.cluster.remove(step.ref)
            world.cluster.put(config_map("cache", {"theirs": "1"}, namespace="jx"))
        delete(step, **kwargs)

    world.cluster.delete = swap  # type: ignore[method-assign]
    report = use_case(world.request_head())
    assert report.result is ApplyResult.FAILED
    cache = world.get("ConfigMap", "cache")
    assert cache is not None
    assert cache["data"] == {"theirs": "1"}


# Rescue and hold


def break_platform(world: World) -> None:
    world.commit(apps(jx_platform="1.0.0", web="1.0.0"), "Install")
    world.apply_head()
    world.commit(apps(jx_platform="1.1.0", web="1.0.0"), "Upgrade the platform")
    world.apply_head()


def test_pushing_the_revert_ends_the_hold_and_the_waiting_merge_is_applied(world: World) -> None:
    break_platform(world)
    waiting = world.commit(apps(jx_platform="1.1.0", web="1.1.0"), "Upgrade web")
    world.apply_by_hand(apps(jx_platform="1.0.0", web="1.0.0"), reason="CI is down")
    hold = world.anchor.holds[0]
    assert (hold.skips, hold.reason) == (waiting, "CI is down")
    with pytest.raises(Held, match="still holds the changes"):
        world.apply_head()
    controller = world.get("Deployment", "controller")
    assert controller is not None
    assert controller["spec"]["template"]["spec"]["containers"][0]["image"] == "jx:1"
    world.commit(apps(jx_platform="1.0.0", web="1.1.0"), "Revert the platform")
    assert world.apply_head().is_good
    assert world.anchor.holds == ()
    web = world.get("Deployment", "web")
    assert web is not None
    assert web["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"


def test_a_newer_merge_that_still_holds_the_broken_change_stays_held(world: World) -> None:
    break_platform(world)
    world.apply_by_hand(apps(jx_platform="1.0.0", web="1.0.0"))
    world.commit(apps(jx_platform="1.1.0", web="1.0.0", cache="2.0.0"), "Add a cache")
    with pytest.raises(Held):
        world.apply_head()


def test_pushing_exactly_what_was_applied_by_hand_ends_the_hold(world: World) -> None:
    break_platform(world)
    good = apps(jx_platform="1.0.0", web="1.0.0")
    world.apply_by_hand(good)
    revision = world.commit(good, "Revert the platform")
    report = world.apply_head()
    assert not report.plan.has_changes
    assert world.anchor.holds == ()
    assert world.ledger_commits()[-1].trailers["Jx-Source-Commit"] == revision


def test_a_fix_forward_ends_the_hold(world: World) -> None:
    world.offer("jx-platform", "1.2.0", deployment("controller", "jx:2"))
    break_platform(world)
    world.apply_by_hand(apps(jx_platform="1.0.0", web="1.0.0"))
    world.commit(apps(jx_platform="1.2.0", web="1.0.0"), "Mend the platform")
    assert world.apply_head().is_good


def test_applying_the_branchs_head_by_hand_holds_nothing(world: World) -> None:
    break_platform(world)
    head = world.request_head()
    world.apply_by_hand(head.tree)
    assert world.anchor.holds == ()


def test_a_rescue_with_the_git_server_down_holds_until_the_revert_is_pushed(world: World) -> None:
    def down(*args: Any, **kwargs: Any) -> Any:
        raise Unavailable("the git server is down")

    break_platform(world)
    good = apps(jx_platform="1.0.0", web="1.0.0")
    head, append = world.repos.head, world.repos.append
    world.repos.head, world.repos.append = down, down  # type: ignore[method-assign]
    assert world.apply_by_hand(good).is_good
    world.repos.head, world.repos.append = head, append  # type: ignore[method-assign]
    with pytest.raises(Held):
        world.apply_head()
    world.commit(good, "Revert the platform")
    assert world.apply_head().is_good


def test_a_persons_hold_stops_the_controller_but_not_a_person(world: World) -> None:
    break_platform(world)
    hold = Hold("bob", "a quiet week-end", world.clock.now(), kind=holds.PERSON)
    anchor = world.anchor
    world.anchors.save(type(anchor)(**{f: getattr(anchor, f) for f in anchor.__slots__} | {"holds": (hold,)}))
    world.commit(apps(jx_platform="1.0.0", web="1.1.0"))
    with pytest.raises(Held, match="quiet week-end"):
        world.apply_head()
    assert world.apply_by_hand(world.request_head().tree).is_good
    assert world.anchor.holds == (hold,)


def test_an_apply_by_hand_is_in_the_ledger_with_its_author_and_reason(world: World) -> None:
    break_platform(world)
    world.apply_by_hand(apps(jx_platform="1.0.0", web="1.0.0"), reason="CI is down")
    last = world.ledger_commits()[-1]
    assert last.author.name == "Bob Ray"
    assert last.trailers["Jx-Reason"] == "CI is down"
    assert last.trailers["Jx-Applied-By"] == world.cluster.user
    assert "Jx-Source-Commit" not in last.trailers


def test_the_name_of_the_environment_may_be_given(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    world.apply_head(environment=EnvironmentName("other"))
    assert world.anchors.find(EnvironmentName("other")) is not None


def test_when_the_server_is_gone_the_rest_is_not_tried_one_by_one(world: World) -> None:
    many = [config_map(f"c{number}", {"a": "1"}) for number in range(40)]
    world.offer("many", "1.0.0", *many)
    world.commit(apps(many="1.0.0"))
    world.cluster.fail(Unavailable("no answer"), times=100, only=lambda ref: ref.kind == "ConfigMap")
    report = world.apply_head()
    assert sum(bool(one.error) for one in report.outcomes) == 3
    assert sum(one.skipped for one in report.outcomes) == 37
    world.cluster._failures.clear()
    assert world.apply_head().is_good
