"""What people write as YAML into an environment's own templates: handled as Helm does it, or refused with its place."""

from __future__ import annotations

import pytest
from tests.support.journeys import BOB, World, installed

from jx.domain.applying import ApplyReport
from jx.domain.errors import Invalid

FILE = "env/templates/mine.yaml"


@pytest.fixture
def world() -> World:
    return installed()


def apply(world: World, text: str) -> ApplyReport:
    return world.process(BOB).apply_by_hand(world.tree().put(FILE, text))


def data(world: World, name: str = "mine") -> object:
    found = next((body for ref, body in world.cluster.objects.items() if ref.name == name), None)
    return found and found.get("data")


HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: mine\n"


def test_of_a_key_that_stands_twice_the_last_counts_as_in_helm(world: World) -> None:
    assert apply(world, f'{HEAD}data:\n  a: "1"\n  a: "2"\n').is_good
    assert data(world) == {"a": "2"}


def test_anchors_and_merge_keys_are_resolved(world: World) -> None:
    text = f'{HEAD}x-common: &common\n  a: "1"\ndata:\n  <<: *common\n  b: "2"\n'
    apply(world, text)
    assert data(world) == {"a": "1", "b": "2"}


def test_an_anchor_that_is_not_there_is_refused_with_its_place(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        apply(world, f"{HEAD}data: *nobody\n")
    assert "mine.yaml" in str(caught.value.problems[0])
    assert data(world) is None


def test_several_documents_with_blank_ones_between_are_several_objects(world: World) -> None:
    second = HEAD.replace("mine", "other")
    assert apply(
        world, f'---\n# nothing\n---\n{HEAD}data: {{a: "1"}}\n---\n---\n{second}data: {{b: "2"}}\n---\n'
    ).is_good
    assert (data(world), data(world, "other")) == ({"a": "1"}, {"b": "2"})


def test_a_list_in_a_list_is_the_objects_in_it(world: World) -> None:
    inner = 'kind: ConfigMap, metadata: {name: mine}, data: {a: "1"}'
    text = f"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - {{apiVersion: v1, {inner}}}\n"
    assert apply(world, text).is_good
    assert data(world) == {"a": "1"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- apiVersion: v1\n", "this is a list, not an object"),
        ("just words\n", "this is a single value, not an object"),
        ("apiVersion: v1\nkind: ConfigMap\n", "ConfigMap has no metadata.name"),
        ("apiVersion: v1\nmetadata:\n  name: mine\n", "an object has no kind"),
        (
            "apiVersion: v1\nkind: List\nitems:\n- {kind: ConfigMap, metadata: {name: mine}}\n",
            "no apiVersion",
        ),
        (f"{HEAD}data:\n a: 1\n  b: 2\n", "mine.yaml"),
        (f"{HEAD}---\n{HEAD}", "is rendered by"),
    ],
)
def test_what_is_no_object_is_refused_with_its_file_before_anything_is_sent(
    world: World, text: str, said: str
) -> None:
    before = dict(world.cluster.objects)
    with pytest.raises(Invalid) as caught:
        apply(world, text)
    told = "\n".join(map(str, caught.value.problems))
    assert said in told
    assert "mine.yaml" in told
    assert world.cluster.objects == before


def test_status_nulls_and_what_only_the_server_writes_are_not_sent(world: World) -> None:
    text = f"{HEAD}  creationTimestamp: null\n  uid: x\n  managedFields: []\ndata: {{a: '1', b: null}}\nstatus: {{done: true}}\n"
    assert apply(world, text).is_good
    found = next(body for ref, body in world.cluster.objects.items() if ref.name == "mine")
    assert found["data"] == {"a": "1"}
    assert "status" not in found
    assert found["metadata"]["uid"] != "x"
