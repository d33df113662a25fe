from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.support.worlds import config_map, definition, deployment, ref, secret

from jx.adapters.local.memory_cluster import MemoryCluster
from jx.domain.applying import inventories, placing, planning
from jx.domain.applying.applying import Action, InventoryItem, Outcome, Step, body_hash
from jx.domain.applying.field_ownership import observed_digest, owned_part
from jx.domain.applying.placing import Target
from jx.domain.applying.planning import Decision, World
from jx.domain.names import EnvironmentName
from jx.domain.objects import membership
from jx.domain.objects.manifests import Manifest, ObjectRef, ref_of
from jx.domain.objects.ordering import Wave

DEV = EnvironmentName("dev")
TARGET = Target(DEV, "jx", "jenkins-x")


def make_cluster() -> MemoryCluster:
    cluster = MemoryCluster()
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "jx"}})
    return cluster


def place(cluster: MemoryCluster, *bodies: dict[str, Any]) -> tuple[Manifest, ...]:
    raw = [
        Manifest(ref_of(body), str(body.get("apiVersion", "")), body, "chart/templates/x.yaml")
        for body in bodies
    ]
    return placing.place(raw, TARGET, cluster.capabilities())


def decide(
    cluster: MemoryCluster,
    desired: tuple[Manifest, ...],
    inventory: tuple[InventoryItem, ...] = (),
    **more: Any,
) -> Decision:
    live = {one: found for one in cluster.objects if (found := cluster.find(one))}
    return planning.plan(World(TARGET, cluster.cluster_id, desired, live, inventory, **more))


def apply(
    cluster: MemoryCluster, desired: tuple[Manifest, ...], inventory: tuple[InventoryItem, ...] = ()
) -> tuple[InventoryItem, ...]:
    outcomes = []
    for step in decide(cluster, desired, inventory).plan.steps:
        match step.action:
            case Action.PRUNE:
                cluster.delete(step)
                outcomes.append(Outcome(step))
            case Action.KEEP | Action.UNCHANGED:
                outcomes.append(Outcome(step, cluster.find(step.ref)))
            case _:
                outcomes.append(Outcome(step, cluster.send(step)))
    return inventories.narrow(inventory, tuple(outcomes))


def only(decision: Decision, name: str = "web") -> Step:
    return next(step for step in decision.plan.steps if step.ref.name == name)


# Laws


BODIES = st.lists(
    st.sampled_from(
        [
            config_map("a", {"k": "1"}),
            config_map("b", {"k": "2"}),
            deployment("c", "c:1"),
            secret("d", {"k": "value"}),
            definition("shop.example.com", "Window"),
            config_map("e", {}),
        ]
    ),
    unique_by=lambda body: body["metadata"]["name"],
)


@given(BODIES, BODIES)
def test_a_plan_for_an_applied_world_changes_nothing(first: list[Any], second: list[Any]) -> None:
    cluster = make_cluster()
    inventory = apply(cluster, place(cluster, *first))
    desired = place(cluster, *second)
    inventory = apply(cluster, desired, inventory)
    plan = decide(cluster, desired, inventory).plan
    assert not plan.has_changes
    kept = {step.ref for step in plan.steps if step.action is Action.KEEP}
    assert {item.ref for item in inventory} == {manifest.ref for manifest in desired} | kept


@given(BODIES, BODIES)
def test_a_plan_runs_in_waves_and_deletes_last(first: list[Any], second: list[Any]) -> None:
    cluster = make_cluster()
    inventory = apply(cluster, place(cluster, *first))
    changes = decide(cluster, place(cluster, *second), inventory).plan.changes
    assert [step.wave for step in changes] == sorted(step.wave for step in changes)
    assert all((step.action is Action.PRUNE) == (step.wave >= Wave.PRUNE_GATES) for step in changes)


@given(BODIES)
def test_equal_worlds_have_equal_digests_in_any_order_of_rendering(bodies: list[Any]) -> None:
    cluster = make_cluster()
    one, other = place(cluster, *bodies), place(cluster, *reversed(bodies))
    assert decide(cluster, one).plan.digest == decide(cluster, other).plan.digest


def test_the_digest_tells_every_change_but_that_of_a_secret_value() -> None:
    cluster = make_cluster()
    plans = [
        decide(cluster, place(cluster, body)).plan.digest
        for body in (
            config_map("web", {"a": "1"}),
            config_map("web", {"a": "2"}),
            secret("web", {"a": "1"}),
            secret("web", {"a": "2"}),
            secret("web", {"b": "2"}),
        )
    ]
    assert plans[2] == plans[3]
    assert len(set(plans)) == 4


# Actions and reasons


def test_what_changed_in_git_is_updated_and_the_rest_costs_nothing() -> None:
    cluster = make_cluster()
    inventory = apply(cluster, place(cluster, config_map("web", {"a": "1"}), config_map("db", {})))
    decision = decide(cluster, place(cluster, config_map("web", {"a": "2"}), config_map("db", {})), inventory)
    assert (only(decision).action, only(decision).reason) == (Action.UPDATE, "what is rendered has changed")
    assert only(decision, "db").action is Action.UNCHANGED


def test_tampering_with_any_field_that_we_set_is_seen_and_with_others_not() -> None:
    cluster = make_cluster()
    desired = place(cluster, deployment("web", "web:1"))
    inventory = apply(cluster, desired)
    scaled = deployment("web", "web:1", replicas=3)
    scaled["metadata"]["namespace"] = "jx"
    noted = deployment("web", "web:1")
    noted["metadata"] |= {"namespace": "jx", "annotations": {"note": "mine"}}
    cluster.put(noted, manager="kubectl-annotate")
    assert only(decide(cluster, desired, inventory)).action is Action.UNCHANGED
    cluster.put(scaled, manager="kubectl-scale")
    found = only(decide(cluster, desired, inventory))
    assert found.action is Action.UPDATE
    assert "behind our back by kubectl-" in found.reason


def test_a_namesake_that_took_an_objects_place_is_not_ours() -> None:
    cluster = make_cluster()
    desired = place(cluster, config_map("web", {"a": "1"}))
    inventory = apply(cluster, desired)
    cluster.remove(ref("ConfigMap", "web"))
    cluster.put(config_map("web", {}, namespace="jx"))
    assert only(decide(cluster, desired, inventory)).action is Action.TAKE_OVER
    kept = only(decide(cluster, (), inventory))
    assert (kept.action, kept.reason) == (Action.KEEP, planning.NOT_OURS_ANY_MORE[0])
    assert inventories.narrow(inventory, (Outcome(kept),)) == ()


def test_an_object_that_lost_our_label_is_not_pruned() -> None:
    cluster = make_cluster()
    inventory = apply(cluster, place(cluster, config_map("web", {"a": "1"})))
    del cluster.objects[ref("ConfigMap", "web")]["metadata"]["labels"][membership.PART_OF]
    assert only(decide(cluster, (), inventory)).action is Action.KEEP


def test_what_says_keep_is_kept_and_stays_on_record() -> None:
    cluster = make_cluster()
    body = config_map("web", {}, annotations={"helm.sh/resource-policy": "keep"})
    inventory = apply(cluster, place(cluster, body))
    step = only(decide(cluster, (), inventory))
    assert step.action is Action.KEEP
    assert inventories.narrow(inventory, (Outcome(step),)) == inventory


def stateful_set(when_deleted: str) -> dict[str, Any]:
    policy = {"whenDeleted": when_deleted}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web"},
        "spec": {"persistentVolumeClaimRetentionPolicy": policy},
    }


def test_a_stateful_set_whose_claims_go_with_it_is_kept_unless_it_is_named() -> None:
    cluster = make_cluster()
    inventory = apply(cluster, place(cluster, stateful_set("Delete")))
    kept = only(decide(cluster, (), inventory))
    assert kept.action is Action.KEEP
    assert (
        kept.reason
        == "it holds the data of its claims, which go with it; --allow-prune StatefulSet/web deletes it"
    )
    assert only(decide(cluster, (), inventory, prunes=frozenset({"StatefulSet/web"}))).action is Action.PRUNE


def test_a_stateful_set_whose_claims_stay_is_pruned() -> None:
    cluster = make_cluster()
    inventory = apply(cluster, place(cluster, stateful_set("Retain")))
    assert only(decide(cluster, (), inventory)).action is Action.PRUNE


def test_kinds_that_the_repository_protects_are_kept_like_data() -> None:
    cluster = make_cluster()
    inventory = apply(cluster, place(cluster, config_map("web", {})))
    assert only(decide(cluster, (), inventory, protect=frozenset({"ConfigMap"}))).action is Action.KEEP
    assert only(decide(cluster, (), inventory, protect=frozenset({"ConfigMap.apps"}))).action is Action.PRUNE


def test_what_jenkins_x_2_set_is_absorbed_with_its_object_and_others_keep_theirs() -> None:
    cluster = make_cluster()
    theirs = config_map("web", {"a": "1"}, namespace="jx", labels={"jenkins.io/chart-release": "old"})
    cluster.put(theirs, manager="helm")
    cluster.put(config_map("web", {"b": "2"}, namespace="jx"), manager="autoscaler")
    decision = decide(cluster, place(cluster, config_map("web", {"c": "3"})))
    assert decision.foreign == ((ref("ConfigMap", "web"), "the Jenkins X release old"),)
    assert only(decision).absorbs == ("helm",)


def test_crds_are_pruned_by_name_only() -> None:
    cluster = make_cluster()
    inventory = apply(cluster, place(cluster, definition("shop.example.com", "Window")))
    name = "windows.shop.example.com"
    assert only(decide(cluster, (), inventory), name).action is Action.KEEP
    named = frozenset({f"CustomResourceDefinition/{name}"})
    assert only(decide(cluster, (), inventory, prunes=named), name).action is Action.PRUNE


def test_deletes_carry_the_uid_that_the_decision_was_made_on() -> None:
    cluster = make_cluster()
    inventory = apply(cluster, place(cluster, config_map("web", {})))
    step = only(decide(cluster, (), inventory))
    assert (step.action, step.uid) == (Action.PRUNE, inventory[0].uid)


def test_what_an_apply_only_meant_to_send_is_pruned_if_it_carries_our_label() -> None:
    cluster = make_cluster()
    inventory = apply(cluster, place(cluster, config_map("web", {})))
    meant = (replace(inventory[0], uid="", sent="", observed=""),)
    assert only(decide(cluster, (), meant)).action is Action.PRUNE


def test_an_inventory_is_widened_before_and_narrowed_after() -> None:
    cluster = make_cluster()
    old = apply(cluster, place(cluster, config_map("old", {})))
    plan = decide(cluster, place(cluster, config_map("web", {})), old).plan
    assert {item.ref.name for item in inventories.widen(old, plan)} == {"old", "web"}
    done = tuple(Outcome(step, cluster.send(step)) if step.manifest else Outcome(step) for step in plan.steps)
    assert {item.ref.name for item in inventories.narrow(old, done)} == {"web"}


def test_one_list_per_kind_and_namespace_in_the_version_of_the_manifest() -> None:
    cluster = make_cluster()
    bodies = [
        config_map("a", {}),
        config_map("b", {}),
        config_map("c", {}, namespace="other"),
        deployment("d", "d"),
    ]
    gone = InventoryItem(
        ref("HorizontalPodAutoscaler", "x", group="autoscaling"), "autoscaling/v2beta1", "u", "", ""
    )
    assert planning.scopes(place(cluster, *bodies), (gone,), cluster.capabilities()) == (
        ("apps/v1", "Deployment", "jx"),
        ("autoscaling/v2", "HorizontalPodAutoscaler", "jx"),
        ("v1", "ConfigMap", "jx"),
        ("v1", "ConfigMap", "other"),
        ("v1", "Namespace", ""),
    )


# Placing


def test_cleaning_takes_out_what_only_a_server_writes() -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "web", "uid": "u", "resourceVersion": "1", "creationTimestamp": None},
        "data": {"a": "MQ=="},
        "stringData": {"a": "2", "b": "3"},
        "status": {"x": 1},
        "extra": {"null": None, "kept": [None]},
    }
    assert placing.clean(body) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "web"},
        "data": {"a": "Mg==", "b": "Mw=="},
        "extra": {"kept": [None]},
    }


def test_cluster_scoped_objects_lose_a_namespace_and_others_get_one() -> None:
    cluster = make_cluster()
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
    role["metadata"] = {"name": "web", "namespace": "jx"}  # type: ignore[assignment]
    refs = [manifest.ref.namespace for manifest in place(cluster, role, config_map("web", {}))]
    assert refs == ["", "jx"]


def test_a_list_is_taken_apart() -> None:
    cluster = make_cluster()
    body = {"apiVersion": "v1", "kind": "List", "items": [config_map("a", {}), config_map("b", {})]}
    assert [manifest.ref.name for manifest in place(cluster, body)] == ["a", "b"]


def test_namespaces_in_use_are_made_unless_somebody_else_has_them() -> None:
    cluster = make_cluster()
    desired = place(
        cluster, *(config_map("web", {}, namespace=name) for name in ("jx", "new", "kube-system"))
    )
    live = {one: found for one in cluster.objects if (found := cluster.find(one))}
    added = placing.add_namespaces(desired, TARGET, live=live, known=frozenset())
    assert [manifest.ref.name for manifest in added if manifest.ref.kind == "Namespace"] == ["jx", "new"]


# Ownership of fields


def test_our_part_of_a_live_object_is_what_we_sent() -> None:
    cluster = make_cluster()
    desired = place(cluster, deployment("web", "web:1"))
    apply(cluster, desired)
    noted = deployment("web", "web:1")
    noted["metadata"] |= {"namespace": "jx", "annotations": {"note": "mine"}}
    live = cluster.put(noted, manager="kubectl-annotate")
    assert body_hash(owned_part(live.body, like={})) == body_hash(desired[0].body)


def test_the_observed_digest_sees_uid_values_order_and_lost_ownership() -> None:
    def make(items: list[Any], uid: str = "u", manager: str = "jx") -> str:
        fields: dict[str, Any] = {
            "f:spec": {"f:ports": {'k:{"port":80}': {".": {}, "f:port": {}}, 'k:{"port":81}': {"f:port": {}}}}
        }
        entry = {"manager": manager, "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}
        return observed_digest({"metadata": {"managedFields": [entry]}, "spec": {"ports": items}}, uid)

    base = make([{"port": 80, "other": 1}, {"port": 81}])
    assert base == make([{"port": 80, "other": 2}, {"port": 81}])
    assert base != make([{"port": 81}, {"port": 80}])
    assert base != make([{"port": 80}])
    assert base != make([{"port": 80}, {"port": 81}], uid="other")
    assert make([], manager="kubectl") == ""


def test_true_is_not_1_in_a_set() -> None:
    def make(value: Any) -> str:
        entry = {"manager": "jx", "operation": "Apply", "fieldsV1": {"f:args": {"v:1": {}}}}
        return observed_digest({"metadata": {"managedFields": [entry]}, "args": [value]}, "u")

    assert make(1) != make(True)


def test_the_id_of_an_applyset_is_the_one_of_the_kep() -> None:
    assert membership.applyset_id(DEV) == "applyset-85an8aT8eABSjdIxSw2XybNKCd8fow_dzlTZq6r1thI-v1"
    assert (
        ObjectRef("", "ConfigMap", membership.ANCHORS_NAMESPACE, membership.parent_name(DEV)).name
        == "environment-dev"
    )
