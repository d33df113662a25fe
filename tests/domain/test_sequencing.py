"""Which object waits for which: explicit waves, and what depends on what."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.worlds import config_map, definition, deployment, ref

from jx.domain.errors import Invalid
from jx.domain.objects import sequencing
from jx.domain.objects.manifests import Manifest, ObjectRef, ref_of
from jx.domain.objects.ordering import Wave
from jx.domain.objects.sequencing import DEPENDS_ON, KPT_DEPENDS_ON, WAVE, Place

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "jx"}}


def saying(body: dict[str, Any], **said: str) -> Manifest:
    """An object in namespace jx with annotations, `wave` and `needs` for short."""
    names = {"wave": WAVE, "needs": DEPENDS_ON, "kpt": KPT_DEPENDS_ON}
    metadata = body["metadata"] | {"annotations": {names[key]: text for key, text in said.items()}}
    body = body | {"metadata": metadata}
    space = "" if body["kind"] in {"Namespace", "CustomResourceDefinition"} else "jx"
    return Manifest(ref_of(body, space), body["apiVersion"], body, f"chart/templates/{metadata['name']}.yaml")


def web(**said: str) -> Manifest:
    return saying(deployment("web", "web:1"), **said)


def database(**said: str) -> Manifest:
    return saying(deployment("database", "db:1"), **said)


def settings(**said: str) -> Manifest:
    return saying(config_map("settings", {}), **said)


def mistakes(*manifests: Manifest) -> list[str]:
    with pytest.raises(Invalid) as caught:
        sequencing.sequence(manifests)
    return [str(problem) for problem in caught.value.problems]


def test_without_annotations_kinds_decide() -> None:
    places = sequencing.sequence([web(), settings()]).places
    assert places == {
        web().ref: Place(0, Wave.WORKLOADS),
        settings().ref: Place(0, Wave.CONFIGURATION),
    }


@pytest.mark.parametrize(
    "said",
    [
        {"needs": "Deployment/database"},
        {"needs": "jx/Deployment/database"},
        {"kpt": "apps/namespaces/jx/Deployment/database"},
        {"needs": " Deployment/database , Deployment/database"},
    ],
)
def test_an_object_comes_a_stage_after_what_it_depends_on(said: dict[str, str]) -> None:
    found = sequencing.sequence([web(**said), database()])
    assert found.needs == {web().ref: (database().ref,)}
    assert found.places[web().ref] == Place(0, Wave.WORKLOADS, 1)
    assert found.places[database().ref] == Place(0, Wave.WORKLOADS)


def test_configuration_that_depends_on_a_workload_waits_for_it() -> None:
    found = sequencing.sequence([settings(needs="Deployment/web"), web()])
    assert found.places[settings().ref] > found.places[web().ref]


def test_an_explicit_wave_comes_before_or_after_whatever_its_kind() -> None:
    found = sequencing.sequence([web(wave="-1"), settings(), database(wave="2")])
    assert found.places[web().ref] < found.places[settings().ref] < found.places[database().ref]


def test_namespaces_and_crds_come_before_the_first_explicit_wave_needs_them() -> None:
    crd = saying(definition("shop.example.com", "Window"))
    found = sequencing.sequence([web(wave="-3"), saying(NAMESPACE), crd])
    assert found.places[ref("Namespace", "jx", "")] < found.places[crd.ref] < found.places[web().ref]


def test_a_cycle_is_named_in_its_order() -> None:
    found = mistakes(web(needs="Deployment/database"), database(needs="Deployment/web"))
    assert len(found) == 1
    assert "a cycle: " in found[0]
    assert found[0].count(" needs ") == 2


def test_an_object_that_depends_on_itself_is_a_cycle() -> None:
    assert "a cycle" in mistakes(web(needs="Deployment/web"))[0]


def test_an_unknown_object_is_named_with_the_annotation_and_the_file() -> None:
    (found,) = mistakes(web(needs="Deployment/databse"), database())
    assert found == (
        f"chart/templates/web.yaml: annotation {DEPENDS_ON} names Deployment/databse, which is not among the objects"
    )


def test_all_mistakes_are_told_at_once() -> None:
    found = mistakes(web(needs="Deployment/nope", wave="first"), database(kpt="apps/Deployment"))
    assert len(found) == 3
    assert any("annotation jenkins.io/wave is 'first', which is no whole number" in one for one in found)


def test_an_object_may_not_depend_on_one_of_a_later_wave() -> None:
    (found,) = mistakes(web(needs="Deployment/database"), database(wave="1"))
    assert (
        "it is in wave 0 and depends on Deployment.apps/database (namespace jx), which is in wave 1" in found
    )


def test_what_live_objects_say_wrong_is_passed_over() -> None:
    bodies = {one.ref: one.body for one in (web(needs="Deployment/gone", wave="x"), database())}
    assert sequencing.recall(bodies).places[web().ref] == Place(0, Wave.WORKLOADS)
    assert sequencing.recall({}).places == {}


def test_a_namespaced_name_wins_over_a_cluster_wide_one() -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Thing", "metadata": {"name": "x"}}
    inside = Manifest(ObjectRef("g", "Thing", "jx", "x"), "g/v1", role)
    outside = Manifest(ObjectRef("g", "Thing", "", "x"), "g/v1", role)
    found = sequencing.sequence([outside, inside, web(needs="Thing/x")])
    assert found.needs[web().ref] == (inside.ref,)
