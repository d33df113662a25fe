"""YAML as people write it, from charts that Helm's own engine renders to objects in the cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.worlds import World, environment_tree

from jx.adapters.helm.renderer import HelmRenderer
from jx.domain.errors import Invalid

ANCHORS = """apiVersion: v1
kind: ConfigMap
metadata: {name: anchors}
data: &data {a: "1", b: "2"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: merged}
data: {<<: {a: "1"}, b: "3"}
"""
LIST = """apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: first}, data: {a: "1"}}
- apiVersion: v1
  kind: ConfigMapList
  items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: second}, data: {a: "1"}}
"""
TWICE = """apiVersion: v1
kind: ConfigMap
metadata: {name: twice}
data:
  a: "1"
  a: "2"
"""
SCALARS = """---
# nothing but a comment
---
apiVersion: v1
kind: ConfigMap
metadata: {name: words}
data: {yes: "y", octal: "0644", time: "22:22", empty: ""}
"""


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    engine = HelmRenderer()
    world.renderer = engine
    yield world
    engine.close()


def test_documents_anchors_lists_and_doubled_keys_become_what_helm_makes_of_them(world: World) -> None:
    world.offer("odd", "1.0.0", anchors=ANCHORS, list=LIST, twice=TWICE, scalars=SCALARS)
    world.commit(environment_tree({"odd": "1.0.0"}))
    assert world.apply_head().is_good
    found = {ref.name: body["data"] for ref, body in world.cluster.objects.items() if ref.kind == "ConfigMap"}
    assert found == {
        "anchors": {"a": "1", "b": "2"},
        "merged": {"a": "1", "b": "3"},
        "first": {"a": "1"},
        "second": {"a": "1"},
        "twice": {"a": "2"},
        "words": {"true": "y", "octal": "0644", "time": "22:22", "empty": ""},
    }
    assert not world.apply_head().plan.has_changes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "templates/broken.yaml"),
        ("- 1\n", "a list"),
        ("just words\n", "a single value"),
        ("apiVersion: v1\nkind: ConfigMap\n", "templates/broken.yaml"),
    ],
)
def test_what_is_no_object_is_told_with_its_template_and_nothing_is_sent(
    world: World, text: str, said: str
) -> None:
    world.offer("odd", "1.0.0", broken=text, fine=TWICE)
    world.commit(environment_tree({"odd": "1.0.0"}))
    with pytest.raises(Invalid) as caught:
        world.apply_head()
    assert said in "\n".join([caught.value.message, *map(str, caught.value.problems)])
    assert world.cluster.writes() == []
