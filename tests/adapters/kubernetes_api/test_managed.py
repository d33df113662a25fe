"""Server-side apply and the managers of updates, as the real API server keeps them."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.adapters.local.kubernetes.types import facts, managed
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.types.fields import FieldSet

DEPLOYMENT = facts.load().schema(("apps", "v1", "Deployment"))
CONFIG_MAP = facts.load().schema(("", "v1", "ConfigMap"))
SERVICE = facts.load().schema(("", "v1", "Service"))
NOW = "2026-01-01T00:00:00Z"
LATER = "2026-01-01T00:01:00Z"


def config_map(data: dict[str, str] | None = None, **metadata: Any) -> Obj:
    obj: Obj = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "n", **metadata},
    }
    if data is not None:
        obj["data"] = data
    return obj


def deployment(spec: Obj) -> Obj:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def apply(live: Obj | None, config: Obj, manager: str = "jx", now: str = NOW, **options: Any) -> Obj:
    api_version = config["apiVersion"]
    schema = {"ConfigMap": CONFIG_MAP, "Deployment": DEPLOYMENT, "Service": SERVICE}.get(config["kind"])
    return managed.apply(
        live,
        config,
        manager=manager,
        force=options.pop("force", False),
        schema=options.pop("schema", schema),
        api_version=api_version,
        now=now,
        **options,
    )


def update(live: Obj | None, new: Obj, manager: str = "kubectl", now: str = NOW, **options: Any) -> Obj:
    schema = {"ConfigMap": CONFIG_MAP, "Deployment": DEPLOYMENT, "Service": SERVICE}[new["kind"]]
    return managed.update(
        live, new, manager=manager, schema=schema, api_version=new["apiVersion"], now=now, **options
    )


def owners(obj: Obj) -> dict[tuple[str, str], Obj]:
    return {(e["manager"], e["operation"]): e["fieldsV1"] for e in obj["metadata"].get("managedFields", ())}


def test_an_apply_of_a_new_object_owns_what_it_sets_and_no_identity() -> None:
    made = apply(None, config_map({"a": "1"}, labels={"app": "web"}))
    assert made["metadata"]["managedFields"] == [
        {
            "manager": "jx",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": NOW,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:a": {}}, "f:metadata": {"f:labels": {"f:app": {}}}},
        }
    ]


def test_a_create_owns_maps_and_items_as_such_too() -> None:
    containers = [{"name": "web", "image": "i:1", "ports": [{"containerPort": 80, "protocol": "TCP"}]}]
    made = update(
        None, deployment({"template": {"spec": {"containers": containers}}}), manager="kubectl-create"
    )
    assert owners(made)["kubectl-create", "Update"] == {
        "f:spec": {
            "f:template": {
                "f:spec": {
                    "f:containers": {
                        'k:{"name":"web"}': {
                            ".": {},
                            "f:image": {},
                            "f:name": {},
                            "f:ports": {
                                ".": {},
                                'k:{"containerPort":80,"protocol":"TCP"}': {
                                    ".": {},
                                    "f:containerPort": {},
                                    "f:protocol": {},
                                },
                            },
                        }
                    }
                }
            }
        }
    }


def test_a_second_apply_of_the_same_changes_nothing_at_all() -> None:
    config = config_map({"a": "1"})
    once = apply(None, config)
    assert apply(once, config, now=LATER) == once


def test_a_field_that_is_no_longer_applied_goes() -> None:
    live = apply(None, config_map({"a": "1", "b": "2"}))
    assert apply(live, config_map({"a": "1"}))["data"] == {"a": "1"}


def test_a_map_that_loses_its_last_applied_key_goes() -> None:
    live = apply(None, config_map({"a": "1"}))
    assert "data" not in apply(live, config_map())


def test_a_field_that_another_applies_too_stays() -> None:
    live = apply(None, config_map({"a": "1", "b": "2"}))
    live = apply(live, config_map({"b": "2"}), manager="other")
    assert apply(live, config_map({"a": "1"}))["data"] == {"a": "1", "b": "2"}


def test_a_conflict_names_the_manager_its_version_and_the_field() -> None:
    live = update(None, deployment({"replicas": 1}))
    with pytest.raises(managed.ApplyConflict) as raised:
        apply(live, deployment({"replicas": 3}))
    assert str(raised.value) == (
        'Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas'
    )
    assert raised.value.status_causes() == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl" using apps/v1',
            "field": ".spec.replicas",
        }
    ]


def test_several_conflicts_are_listed_by_manager() -> None:
    live = apply(None, config_map({"a": "1", "b": "1"}), manager="first")
    live = apply(live, config_map({"c": "1"}), manager="second")
    with pytest.raises(managed.ApplyConflict) as raised:
        apply(live, config_map({"a": "2", "b": "2", "c": "2"}))
    assert str(raised.value) == (
        "Apply failed with 3 conflicts: "
        'conflicts with "first":\n- .data.a\n- .data.b\nconflicts with "second":\n- .data.c'
    )


def test_a_subresource_is_part_of_a_managers_name() -> None:
    live = update(None, deployment({"replicas": 1}))
    live = update(live, {**live, "spec": {"replicas": 2}}, manager="hpa", subresource="scale")
    with pytest.raises(
        managed.ApplyConflict, match='conflict with "hpa" with subresource "scale" using apps/v1'
    ):
        apply(live, deployment({"replicas": 3}))


def test_force_takes_the_field_over() -> None:
    live = update(None, deployment({"replicas": 1, "paused": True}))
    forced = apply(live, deployment({"replicas": 3}), force=True)
    assert forced["spec"] == {"replicas": 3, "paused": True}
    assert owners(forced) == {
        ("jx", "Apply"): {"f:spec": {"f:replicas": {}}},
        ("kubectl", "Update"): {"f:spec": {"f:paused": {}}},
    }


def test_the_same_value_is_owned_together_without_conflict() -> None:
    live = apply(None, config_map({"a": "1"}))
    both = apply(live, config_map({"a": "1"}), manager="other", now=LATER)
    assert both["data"] == {"a": "1"}
    assert set(owners(both)) == {("jx", "Apply"), ("other", "Apply")}


def test_an_update_takes_fields_without_asking_and_drops_those_removed() -> None:
    live = apply(None, config_map({"a": "1", "b": "2", "c": "3"}))
    new = copy.deepcopy(live)
    new["data"] = {"a": "9", "b": "2"}
    after = update(live, new, manager="kubectl-edit", now=LATER)
    assert owners(after) == {
        ("jx", "Apply"): {"f:data": {"f:b": {}}},
        ("kubectl-edit", "Update"): {"f:data": {"f:a": {}}},
    }


def test_an_update_that_changes_nothing_keeps_managers_and_times() -> None:
    live = apply(None, config_map({"a": "1"}))
    assert update(live, live, manager="controller", now=LATER) == live


def test_an_update_may_reset_the_managers() -> None:
    live = apply(None, config_map({"a": "1"}, uid="u"))
    reset = copy.deepcopy(live)
    reset["metadata"]["managedFields"] = [{}]
    after = update(live, reset)
    assert "managedFields" not in after["metadata"]


def test_the_first_apply_gives_earlier_fields_to_before_first_apply() -> None:
    live = config_map({"a": "1", "b": "2"}, uid="u")
    with pytest.raises(
        managed.ApplyConflict, match=r'conflict with "before-first-apply" using v1: \.data\.a'
    ):
        apply(live, config_map({"a": "2"}))
    after = apply(live, config_map({"a": "1"}))
    assert owners(after)["before-first-apply", "Update"] == {"f:data": {".": {}, "f:a": {}, "f:b": {}}}


def test_status_is_owned_through_its_endpoint_only() -> None:
    with_status = {**deployment({"replicas": 1}), "status": {"replicas": 1}}
    made = apply(None, with_status)
    assert owners(made) == {("jx", "Apply"): {"f:spec": {"f:replicas": {}}}}
    live = update(made, {**made, "status": {"replicas": 2}}, manager="controller", subresource="status")
    assert owners(live)["controller", "Update"] == {"f:status": {"f:replicas": {}}}


def test_items_of_a_keyed_list_belong_to_their_managers() -> None:
    def with_containers(*containers: Obj) -> Obj:
        return deployment({"template": {"spec": {"containers": list(containers)}}})

    live = apply(None, with_containers({"name": "web", "image": "w:1"}))
    live = apply(live, with_containers({"name": "sidecar", "image": "s:1"}), manager="mesh")
    names = [c["name"] for c in live["spec"]["template"]["spec"]["containers"]]
    assert names == ["web", "sidecar"]
    live = apply(live, with_containers({"name": "app", "image": "w:1"}))
    names = [c["name"] for c in live["spec"]["template"]["spec"]["containers"]]
    assert names == ["sidecar", "app"]


def test_a_port_without_protocol_is_the_tcp_port() -> None:
    def service(*ports: Obj) -> Obj:
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "s"},
            "spec": {"ports": list(ports)},
        }

    live = update(None, service({"port": 80, "protocol": "TCP", "name": "http"}))
    after = apply(live, service({"port": 80, "targetPort": 8080}))
    assert after["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "name": "http", "targetPort": 8080}]
    assert list(owners(after)["jx", "Apply"]["f:spec"]["f:ports"]) == ['k:{"port":80,"protocol":"TCP"}']


def test_an_atomic_list_is_owned_as_a_whole() -> None:
    def with_args(*args: str) -> Obj:
        return deployment({"template": {"spec": {"containers": [{"name": "c", "args": list(args)}]}}})

    live = apply(None, with_args("a", "b"))
    after = apply(live, with_args("b"))
    assert after["spec"]["template"]["spec"]["containers"][0]["args"] == ["b"]
    with pytest.raises(managed.ApplyConflict, match=r'\.containers\[name="c"\]\.args'):
        apply(after, with_args("c"), manager="other")


def test_a_set_merges_by_value() -> None:
    live = apply(None, config_map(finalizers=["a/x"]))
    live = apply(live, config_map(finalizers=["b/x"]), manager="other")
    assert live["metadata"]["finalizers"] == ["a/x", "b/x"]
    live = apply(live, config_map())
    assert live["metadata"]["finalizers"] == ["b/x"]


@pytest.mark.parametrize(
    ("live", "config", "merged"),
    [
        ("abc", "abc", "abc"),
        ("abc", "cba", "cba"),
        ("abcd", "db", "acdb"),
        ("abc", "xay", "xabcy"),
        ("ab", "ba", "ba"),
    ],
)
def test_a_merged_list_takes_the_order_of_the_config(live: str, config: str, merged: str) -> None:
    first = apply(None, config_map(finalizers=[f"f/{c}" for c in live]))
    after = apply(first, config_map(finalizers=[f"f/{c}" for c in config]), manager="other")
    assert "".join(f[-1] for f in after["metadata"]["finalizers"]) == merged


def test_an_unknown_field_is_refused_with_its_path() -> None:
    with pytest.raises(managed.ApplyRefused) as raised:
        apply(None, deployment({"replcas": 1}))
    assert raised.value.status_code == 500
    assert raised.value.message == (
        "failed to create typed patch object (/web; apps/v1, Kind=Deployment): "
        ".spec.replcas: field not declared in schema"
    )


def test_a_wrong_type_is_refused_in_the_servers_words() -> None:
    containers = [{"name": "a", "env": [{"name": "A", "value": True}]}]
    with pytest.raises(managed.ApplyRefused) as raised:
        apply(None, deployment({"template": {"spec": {"containers": containers}}}))
    assert raised.value.message.endswith(
        '.spec.template.spec.containers[name="a"].env[name="A"].value: '
        "expected string, got &value.valueUnstructured{Value:true}"
    )


def test_an_item_twice_in_the_config_is_refused() -> None:
    containers = [{"name": "a"}, {"name": "a"}]
    with pytest.raises(managed.ApplyRefused, match=r'duplicate entries for key \[name="a"\]'):
        apply(None, deployment({"template": {"spec": {"containers": containers}}}))


def test_managers_cannot_be_applied() -> None:
    with pytest.raises(managed.ApplyRefused) as raised:
        apply(None, config_map(managedFields=[]))
    assert (raised.value.status_code, raised.value.message) == (400, "metadata.managedFields must be nil")


def test_kubectls_server_side_apply_takes_over_its_client_side_apply() -> None:
    last = json.dumps(config_map({"a": "1"}))
    live = update(
        None,
        config_map({"a": "1"}, annotations={managed.LAST_APPLIED: last}),
        manager="kubectl-client-side-apply",
    )
    after = apply(live, config_map({"a": "2"}), manager="kubectl")
    assert after["data"] == {"a": "2"}
    assert json.loads(after["metadata"]["annotations"][managed.LAST_APPLIED])["data"] == {"a": "2"}
    with pytest.raises(managed.ApplyConflict):
        apply(live, config_map({"a": "2"}), manager="jx")


def test_too_many_updaters_are_merged_into_ancient_changes() -> None:
    live = config_map({"k0": "0"})
    live = update(None, live, manager="m0")
    for n in range(1, 13):
        new = {**live, "data": {**live["data"], f"k{n}": str(n)}}
        live = update(live, new, manager=f"m{n}", now=f"2026-01-01T00:{n:02}:00Z")
    names = [entry["manager"] for entry in live["metadata"]["managedFields"]]
    assert len(names) == managed.MAX_UPDATE_MANAGERS
    assert names[0] == "ancient-changes"
    ancient = live["metadata"]["managedFields"][0]["fieldsV1"]["f:data"]
    assert set(ancient) == {".", "f:k0", "f:k1", "f:k2", "f:k3"}


def test_managers_are_sorted_by_operation_time_and_name() -> None:
    live = update(None, config_map({"z": "1"}), manager="z", now=NOW)
    live = update(live, {**live, "data": {"z": "1", "a": "1"}}, manager="a", now=LATER)
    live = apply(live, config_map({"m": "1"}), manager="m", now=LATER)
    assert [e["manager"] for e in live["metadata"]["managedFields"]] == ["m", "z", "a"]


def test_true_and_one_are_not_the_same() -> None:
    schema = facts.Schema.deduced()
    live = {"apiVersion": "x.io/v1", "kind": "T", "metadata": {"name": "t"}, "spec": {"on": True}}
    live = apply(None, live, manager="other", schema=schema)
    config = {"apiVersion": "x.io/v1", "kind": "T", "metadata": {"name": "t"}, "spec": {"on": 1}}
    with pytest.raises(managed.ApplyConflict, match=r"\.spec\.on$"):
        apply(live, config, schema=schema)


# Laws

_KEYS = st.sampled_from("abcdef")
_DATA = st.dictionaries(_KEYS, st.sampled_from(["1", "2"]), max_size=4)
_LABELS = st.dictionaries(_KEYS, st.sampled_from(["1", "2"]), min_size=1, max_size=4)
_NAMES = st.lists(st.sampled_from(["w", "x", "y", "z"]), unique=True, min_size=1, max_size=4)


@st.composite
def configs(draw: st.DrawFn) -> Obj:
    containers = [
        {"name": name, **({"image": draw(st.sampled_from(["i:1", "i:2"]))} if draw(st.booleans()) else {})}
        for name in draw(_NAMES)
    ]
    spec: Obj = {"template": {"metadata": {"labels": draw(_LABELS)}, "spec": {"containers": containers}}}
    if draw(st.booleans()):
        spec["replicas"] = draw(st.integers(0, 3))
    return deployment(spec)


@given(configs(), configs())
def test_applying_twice_is_applying_once(first: Obj, second: Obj) -> None:
    once = apply(apply(None, first), second)
    assert apply(once, second, now=LATER) == once


@given(configs(), configs())
def test_the_last_apply_of_a_lone_manager_is_what_stands(first: Obj, second: Obj) -> None:
    after = apply(apply(None, first), second)
    alone = apply(None, second)
    assert owners(after) == owners(alone)


@given(_DATA, _DATA)
def test_managers_with_disjoint_fields_never_meet(mine: dict[str, str], theirs: dict[str, str]) -> None:
    upper = {key.upper(): value for key, value in theirs.items()}
    live = apply(None, config_map(mine), manager="me")
    live = apply(live, config_map(upper), manager="they")
    assert live.get("data", {}) == {**mine, **upper}
    live = apply(live, config_map(), manager="me")
    assert (live.get("data") or {}) == upper


@given(configs())
def test_a_field_set_survives_its_stored_form(config: Obj) -> None:
    for stored in owners(update(None, config)).values():
        assert FieldSet.from_json(json.loads(json.dumps(stored))).to_json() == stored


@given(configs(), configs(), configs())
def test_nothing_given_is_changed(first: Obj, second: Obj, third: Obj) -> None:
    live = update(None, first)
    before = copy.deepcopy((live, second, third))
    after = apply(live, second, force=True)
    update(after, {**third, "metadata": after["metadata"]})
    assert (live, second, third) == before
