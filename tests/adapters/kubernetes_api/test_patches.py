"""JSON patch, merge patch and strategic merge patch."""

import copy
import functools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.adapters.local.kubernetes.types import facts, patches
from jx.adapters.local.kubernetes.types.facts import Obj

DEPLOYMENT = facts.load().schema(("apps", "v1", "Deployment"))
POD = facts.load().schema(("", "v1", "Pod"))


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ({"op": "add", "path": "/a/x", "value": 1}, {"a": {"b": [1, 2], "x": 1}}),
        ({"op": "add", "path": "/a/b/0", "value": 0}, {"a": {"b": [0, 1, 2]}}),
        ({"op": "add", "path": "/a/b/-", "value": 3}, {"a": {"b": [1, 2, 3]}}),
        ({"op": "remove", "path": "/a/b/1"}, {"a": {"b": [1]}}),
        ({"op": "replace", "path": "/a/b", "value": []}, {"a": {"b": []}}),
        ({"op": "move", "from": "/a/b", "path": "/c"}, {"a": {}, "c": [1, 2]}),
        ({"op": "copy", "from": "/a/b/0", "path": "/c"}, {"a": {"b": [1, 2]}, "c": 1}),
        ({"op": "test", "path": "/a/b/0", "value": 1}, {"a": {"b": [1, 2]}}),
        ({"op": "add", "path": "/m~1n", "value": 1}, {"a": {"b": [1, 2]}, "m/n": 1}),
    ],
)
def test_a_json_patch_operates(op: Obj, expected: Obj) -> None:
    obj: Obj = {"a": {"b": [1, 2]}}
    assert patches.json_patch(obj, [op]) == expected
    assert obj == {"a": {"b": [1, 2]}}


@pytest.mark.parametrize(
    "op",
    [
        {"op": "remove", "path": "/nope"},
        {"op": "replace", "path": "/l/0", "value": 1},
        {"op": "test", "path": "/a", "value": 2},
        {"op": "add", "path": "/l/5", "value": 2},
        {"op": "add", "path": "/a/b", "value": 2},
        {"op": "jump", "path": "/a"},
    ],
)
def test_a_json_patch_that_does_not_fit_is_refused(op: Obj) -> None:
    with pytest.raises(patches.PatchError) as raised:
        patches.json_patch({"a": 1, "l": []}, [op])
    assert (raised.value.status_code, raised.value.message) == (422, patches.REJECTED)


def test_what_is_no_patch_is_a_bad_request() -> None:
    for run in (
        patches.json_patch,
        patches.merge_patch,
        functools.partial(patches.strategic_merge, schema=POD),
    ):
        with pytest.raises(patches.PatchError) as raised:
            run({}, "no patch")
        assert raised.value.status_code == 400


def test_a_merge_patch_removes_by_null_and_replaces_lists() -> None:
    obj = {"a": {"x": 1, "y": 2}, "l": [1, 2]}
    assert patches.merge_patch(obj, {"a": {"x": None, "z": 3}, "l": [3]}) == {"a": {"y": 2, "z": 3}, "l": [3]}


def pod(*containers: Obj, **spec: Any) -> Obj:
    return {"spec": {"containers": list(containers), **spec}}


def merge(obj: Obj, patch: Obj, schema: facts.Schema = POD) -> Obj:
    return patches.strategic_merge(obj, patch, schema)


def test_a_keyed_list_merges_by_its_key() -> None:
    live = pod(
        {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}]}, {"name": "b", "image": "b:1"}
    )
    patched = merge(live, pod({"name": "a", "image": "a:2", "env": [{"name": "Y", "value": "2"}]}))
    first, second = patched["spec"]["containers"]
    assert first["image"] == "a:2"
    assert {"name": "X", "value": "1"} in first["env"]
    assert {"name": "Y", "value": "2"} in first["env"]
    assert second == {"name": "b", "image": "b:1"}


def test_an_item_is_deleted_by_directive() -> None:
    patched = merge(pod({"name": "a"}, {"name": "b"}), pod({"$patch": "delete", "name": "a"}))
    assert patched["spec"]["containers"] == [{"name": "b"}]


def test_a_list_is_replaced_by_directive() -> None:
    patched = merge(pod({"name": "a"}, {"name": "b"}), pod({"name": "c"}, {"$patch": "replace"}))
    assert patched["spec"]["containers"] == [{"name": "c"}]


def test_a_map_is_replaced_or_deleted_by_directive() -> None:
    live = {"metadata": {"labels": {"a": "1"}, "annotations": {"b": "1"}}}
    patched = merge(
        live, {"metadata": {"labels": {"$patch": "replace", "c": "1"}, "annotations": {"$patch": "delete"}}}
    )
    assert patched == {"metadata": {"labels": {"c": "1"}, "annotations": {}}}


def test_a_null_removes_and_is_not_kept_in_what_is_new() -> None:
    live = {"spec": {"nodeName": "x"}}
    assert merge(live, {"spec": {"nodeName": None, "securityContext": {"runAsUser": None}}}) == {
        "spec": {"securityContext": {}}
    }


def test_an_atomic_list_is_replaced() -> None:
    live = pod({"name": "a", "args": ["x", "y"]})
    assert merge(live, pod({"name": "a", "args": ["z"]}))["spec"]["containers"][0]["args"] == ["z"]


def test_primitive_lists_merge_and_lose_items_by_directive() -> None:
    live = {"metadata": {"finalizers": ["a", "b"]}}
    assert merge(live, {"metadata": {"finalizers": ["c"]}})["metadata"]["finalizers"] == ["c", "a", "b"]
    gone = merge(live, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}})
    assert gone["metadata"]["finalizers"] == ["b"]


def test_the_order_of_items_is_set_by_directive() -> None:
    live = pod({"name": "a"}, {"name": "b"}, {"name": "c"})
    patch = {
        "spec": {
            "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}, {"name": "d"}],
            "containers": [{"name": "d", "image": "d"}],
        }
    }
    names = [c["name"] for c in merge(live, patch)["spec"]["containers"]]
    assert names == ["b", "c", "a", "d"]


def test_an_order_that_contradicts_its_list_is_refused() -> None:
    patch = {
        "spec": {
            "$setElementOrder/containers": [{"name": "a"}, {"name": "b"}],
            "containers": [{"name": "b"}, {"name": "a"}],
        }
    }
    with pytest.raises(patches.PatchError, match="doesn't match"):
        merge(pod({"name": "a"}, {"name": "b"}), patch)


def test_retain_keys_drop_what_they_do_not_name() -> None:
    live = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert merge(live, patch, DEPLOYMENT) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_an_item_without_its_key_is_refused() -> None:
    with pytest.raises(patches.PatchError, match="does not contain declared merge key: name"):
        merge(pod({"name": "a"}), pod({"image": "x"}))


PLAIN = st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2)


def _nested(
    leaf: st.SearchStrategy[Any], items: st.SearchStrategy[Any] | None = None
) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaf,
        lambda inner: (
            st.lists(inner if items is None else items, max_size=3)
            | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        ),
        max_leaves=8,
    )


# A null within a list means nothing in particular, and the real server leaves it or takes it out as it happens to come by.
OBJECTS = st.dictionaries(st.sampled_from("abc"), _nested(st.none() | PLAIN, _nested(PLAIN)), max_size=3)


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_twice_is_once(obj: Obj, patch: Obj) -> None:
    before = copy.deepcopy((obj, patch))
    once = patches.merge_patch(obj, patch)
    assert patches.merge_patch(once, patch) == once
    assert (obj, patch) == before


@given(st.lists(st.sampled_from("abcd"), unique=True), st.lists(st.sampled_from("cdef"), unique=True))
def test_a_strategic_merge_twice_is_once_and_loses_nothing(live: list[str], new: list[str]) -> None:
    obj = pod(*({"name": name, "image": "1"} for name in live))
    patch = pod(*({"name": name, "image": "2"} for name in new))
    before = copy.deepcopy((obj, patch))
    once = merge(obj, patch)
    assert merge(once, patch) == once
    assert {c["name"]: c["image"] for c in once["spec"]["containers"]} == {
        **dict.fromkeys(live, "1"),
        **dict.fromkeys(new, "2"),
    }
    assert (obj, patch) == before
