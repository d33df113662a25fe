"""Fields that cannot be changed in place: an object is made anew only where somebody said so, and never with its data."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.fuses import Crash, Fuse
from tests.support.worlds import World, config_map, definition, environment_tree

from jx.domain.applying.applying import Action, ApplyReport
from jx.domain.applying.locking import LEASE
from jx.domain.environments.guards import Allowed, Guard, ImmutableFields, StoredVersionsGone
from jx.domain.objects.manifests import ObjectRef

JOB = ObjectRef("batch", "Job", "jx", "seed")


def job(image: str, **annotations: str) -> dict[str, Any]:
    spec = {"template": {"spec": {"containers": [{"name": "seed", "image": image}]}}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "seed", "annotations": annotations},
        "spec": spec,
    }


def claim(mode: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "seed"},
        "spec": {"accessModes": [mode]},
    }


@pytest.fixture
def world() -> World:
    world = World()
    for number in (1, 2):
        world.offer("seed", f"1.{number}.0", job(f"seed:{number}"))
        world.offer("said", f"1.{number}.0", job(f"seed:{number}", **{"jenkins.io/replace": "true"}))
        world.offer("data", f"1.{number}.0", claim("ReadWriteOnce" if number == 1 else "ReadWriteMany"))
    return world


def install(
    world: World, app: str, version: str, *, replace: tuple[str, ...] = (), **more: Any
) -> ApplyReport:
    world.commit(environment_tree({app: version}, apply={"replace": list(replace)} if replace else {}))
    return world.apply_head(**more)


def uid(world: World) -> Any:
    found = world.get("Job", "seed", group="batch")
    return found and found["metadata"]["uid"]


def test_a_change_that_cannot_be_made_in_place_is_refused_before_anything_is_sent(world: World) -> None:
    install(world, "seed", "1.1.0")
    world.cluster.requests.clear()
    with pytest.raises(ImmutableFields) as caught:
        install(world, "seed", "1.2.0")
    assert "Job.batch/seed (namespace jx): spec.template cannot be changed in place" in caught.value.message
    assert caught.value.flag == "--allow replace"
    assert "apply.replace: [Job/seed]" in caught.value.hint
    assert world.get("Job", "seed", group="batch") is not None
    assert [word for word, _ in world.cluster.writes()] == ["send"], "more than the dry run was asked"
    assert world.cluster.objects[JOB]["spec"]["template"]["spec"]["containers"][0]["image"] == "seed:1"


@pytest.mark.parametrize(
    ("app", "more"),
    [
        ("said", {}),
        ("seed", {"allowed": Allowed(frozenset({Guard.REPLACE}))}),
        ("seed", {"replace": ("Job/seed",)}),
        ("seed", {"replace": ("jx/Job/seed",)}),
        ("seed", {"replace": ("Job/*",)}),
    ],
)
def test_where_it_is_allowed_the_object_is_deleted_and_made_anew(world: World, app: str, more: Any) -> None:
    install(world, app, "1.1.0")
    before = uid(world)
    report = install(world, app, "1.2.0", **more)
    assert report.is_good
    assert report.plan.count(Action.REPLACE) == 1
    assert uid(world) != before
    assert world.cluster.objects[JOB]["spec"]["template"]["spec"]["containers"][0]["image"] == "seed:2"
    assert not world.apply_head().plan.has_changes


def test_a_permission_for_one_object_is_none_for_another(world: World) -> None:
    install(world, "seed", "1.1.0")
    with pytest.raises(ImmutableFields):
        install(world, "seed", "1.2.0", replace=("Job/other",))


def test_what_holds_data_is_never_replaced_whatever_is_allowed(world: World) -> None:
    install(world, "data", "1.1.0")
    with pytest.raises(
        ImmutableFields, match="deleting it would delete data, so it is never replaced"
    ) as caught:
        install(
            world,
            "data",
            "1.2.0",
            replace=("PersistentVolumeClaim/*",),
            allowed=Allowed(frozenset({Guard.REPLACE})),
        )
    assert not caught.value.flag


def test_a_kill_between_delete_and_send_is_finished_by_the_next_apply(world: World) -> None:
    install(world, "said", "1.1.0")
    world.commit(environment_tree({"said": "1.2.0"}))
    killed = False
    for at in range(1, 60):
        try:
            world.use_case(Fuse(at).wrap)(world.request_head())
        except Crash:
            killed = killed or world.cluster.find(JOB) is None
            world.clock.move(2 * LEASE)
            if world.cluster.find(JOB) is None:
                break
        else:
            break
    assert killed, "no kill was between the two"
    assert world.apply_head().is_good
    assert world.cluster.objects[JOB]["spec"]["template"]["spec"]["containers"][0]["image"] == "seed:2"


def test_an_object_that_is_slow_to_go_is_waited_for(world: World) -> None:
    install(world, "said", "1.1.0")
    world.cluster.linger(JOB)
    report = install(world, "said", "1.2.0")
    assert "it cannot be made anew: it is still being deleted" in report.message
    world.cluster.let_go(JOB)
    assert world.apply_head().is_good


def test_other_changes_of_the_same_kind_are_made_in_place_and_ask_nothing_extra(world: World) -> None:
    world.offer("seed", "1.3.0", job("seed:1", note="new"))
    install(world, "seed", "1.1.0")
    before = uid(world)
    world.cluster.requests.clear()
    report = install(world, "seed", "1.3.0")
    assert report.plan.count(Action.UPDATE) == 1
    assert uid(world) == before
    assert len(world.cluster.writes()) == 1


def test_a_crd_may_not_lose_a_version_in_which_objects_are_stored(world: World) -> None:
    older, newer = definition("shop.example.com", "Window"), definition("shop.example.com", "Window")
    newer["spec"]["versions"] = [{"name": "v2", "served": True, "storage": True}]
    world.offer("crd", "1.1.0", older, config_map("a", {}))
    world.offer("crd", "1.2.0", newer, config_map("a", {}))
    install(world, "crd", "1.1.0")
    found = ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", "windows.shop.example.com")
    world.cluster.objects[found].setdefault("status", {})["storedVersions"] = ["v1"]
    with pytest.raises(StoredVersionsGone, match="would lose version v1"):
        install(world, "crd", "1.2.0")
