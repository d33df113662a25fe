"""Owner references: who goes with whom, when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.kubernetes_server import config_map

from jx.adapters.local.kubernetes.api import Api, ApiError, Obj
from jx.adapters.local.kubernetes.store import Store


@pytest.fixture
def api() -> Iterator[Api]:
    opened = Api.open(None)
    yield opened
    opened.close()


def _make(api: Api, name: str, *owners: Obj, blocks: bool = False, finalizers: tuple[str, ...] = ()) -> Obj:
    references = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": blocks,
        }
        for owner in owners
    ]
    meta = {"name": name, "ownerReferences": references, "finalizers": list(finalizers)}
    return api.create(
        api.resource("", "configmaps"), "default", {**config_map(name), "metadata": meta}, manager="tester"
    )


def _names(api: Api) -> list[str]:
    found = [one["metadata"]["name"] for one in api.list(api.resource("", "configmaps"), "default")]
    return [name for name in found if name != "kube-root-ca.crt"]


def _delete(api: Api, name: str, propagation: str = "Background") -> Obj:
    return api.delete(api.resource("", "configmaps"), "default", name, propagation=propagation)


def test_dependents_go_with_their_owner_to_the_last_generation(api: Api) -> None:
    owner = _make(api, "owner")
    child = _make(api, "child", owner)
    _make(api, "grandchild", child)
    _make(api, "stranger")
    _delete(api, "owner")
    assert _names(api) == ["stranger"]


def test_a_dependent_stays_while_one_of_its_owners_does(api: Api) -> None:
    first, second = _make(api, "first"), _make(api, "second")
    _make(api, "child", first, second)
    _delete(api, "first")
    child = api.get(api.resource("", "configmaps"), "default", "child")
    assert [one["name"] for one in child["metadata"]["ownerReferences"]] == ["second"]
    _delete(api, "second")
    assert _names(api) == []


def test_orphans_are_let_go(api: Api) -> None:
    owner = _make(api, "owner")
    _make(api, "child", owner)
    _delete(api, "owner", "Orphan")
    assert _names(api) == ["child"]
    assert "ownerReferences" not in api.get(api.resource("", "configmaps"), "default", "child")["metadata"]


def test_in_the_foreground_the_owner_waits_for_what_blocks_it(api: Api) -> None:
    owner = _make(api, "owner")
    _make(api, "child", owner, blocks=True, finalizers=("example.org/hold",))
    marked = _delete(api, "owner", "Foreground")
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert _names(api) == ["child", "owner"]
    api.merge(
        api.resource("", "configmaps"), "default", "child", {"metadata": {"finalizers": None}}, manager="t"
    )
    assert _names(api) == []


def test_in_the_foreground_an_owner_of_nothing_goes_at_once(api: Api) -> None:
    _make(api, "owner")
    _delete(api, "owner", "Foreground")
    assert _names(api) == []


def test_a_child_of_nobody_is_collected(api: Api) -> None:
    owner = _make(api, "owner")
    _delete(api, "owner")
    _make(api, "late", owner)
    assert _names(api) == []


def test_a_job_leaves_its_pods_unless_told_otherwise(api: Api) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
    jobs = api.resource("batch", "jobs")
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {"template": template}}
    made = api.create(jobs, "default", job, manager="t")
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": made["metadata"]["uid"]}
    meta = {"name": "p", "ownerReferences": [reference]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}
    pods = api.resource("", "pods")
    api.create(pods, "default", pod, manager="t")
    api.delete(jobs, "default", "j")
    assert "ownerReferences" not in api.get(pods, "default", "p")["metadata"]
    with pytest.raises(ApiError):
        api.get(jobs, "default", "j")


def test_what_a_crash_left_behind_is_collected_at_the_next_start(tmp_path: Path) -> None:
    first = Api.open(tmp_path)
    owner = _make(first, "owner")
    _make(first, "child", owner)
    first.close()
    # The process ended between the removal of the owner and that of its dependents.
    store = Store(tmp_path / "state.db")
    store.remove(("", "configmaps"), ("default", "owner"))
    store.close()
    again = Api.open(tmp_path)
    assert _names(again) == []
    again.close()
