"""Anchors in a cluster: what others see of them, what a crash leaves, and what is found damaged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.embedded import GROUP, embedded_api, fresh_name
from tests.support.kubernetes import QuickClock

from jx.adapters.kubernetes.anchors import INVENTORY_TYPE, KubernetesAnchors, ensure_namespace
from jx.adapters.kubernetes.api import CONFIG_MAPS, LEASES, SECRETS, Api
from jx.adapters.kubernetes.errors import Attempt
from jx.adapters.kubernetes.fences import BINDINGS, POLICIES
from jx.adapters.kubernetes.locks import KubernetesLocks
from jx.adapters.kubernetes.transport import Request, Response, Transport
from jx.domain.applying.applying import Anchor, InventoryItem, PendingEntry
from jx.domain.errors import Invalid, JxError, NotFound, Refused, Stale
from jx.domain.names import EnvironmentName
from jx.domain.objects.manifests import ObjectRef
from jx.domain.objects.membership import ANCHORS_NAMESPACE, applyset_id, parent_name

__all__ = ["embedded_api"]

pytestmark = GROUP


class Crash(BaseException):
    """The process ended here."""


class CrashingApi(Api):
    """Ends the process before or after its nth write."""

    def __init__(self, api: Api, point: int, *, is_after: bool) -> None:
        super().__init__(Transport(api.access, QuickClock()))
        self.left = point
        self.is_after = is_after

    def _checked(self, request: Request, attempt: Attempt) -> Response:
        if request.method == "GET":
            return super()._checked(request, attempt)
        self.left -= 1
        if self.left == 0 and not self.is_after:
            raise Crash
        response = super()._checked(request, attempt)
        if self.left == 0:
            raise Crash
        return response


@pytest.fixture
def name() -> EnvironmentName:
    return EnvironmentName(fresh_name("env"))


def item(name: str, kind: str = "Deployment", *, group: str = "apps", namespace: str = "jx") -> InventoryItem:
    return InventoryItem(
        ObjectRef(group, kind, namespace, name), f"{group}/v1", "u", "sha256:s3nt", "sha256:o"
    )


def anchor(name: EnvironmentName, *items: InventoryItem) -> Anchor:
    pending = (PendingEntry("0001", b"entry"),)
    return Anchor(name, None, "cluster", "jx", "jx", inventory=items or (item("shop"),), pending=pending)


def parts_of(api: Api, name: EnvironmentName) -> list[dict[str, Any]]:
    items, _ = api.list_pages(
        SECRETS, ANCHORS_NAMESPACE, query={"labelSelector": f"jenkins.io/anchor={name}"}
    )
    return items


def test_the_parent_says_what_belongs_to_its_apply_set(embedded_api: Api, name: EnvironmentName) -> None:
    items = (item("shop"), item("x", namespace="other"), item("jx", "Namespace", group="", namespace=""))
    KubernetesAnchors(embedded_api).save(anchor(name, *items))
    metadata = embedded_api.get(CONFIG_MAPS, ANCHORS_NAMESPACE, parent_name(name))["metadata"]
    assert metadata["labels"]["applyset.kubernetes.io/id"] == applyset_id(name)
    notes = metadata["annotations"]
    assert notes["applyset.kubernetes.io/tooling"].startswith("jx/v")
    assert notes["applyset.kubernetes.io/contains-group-kinds"] == "Deployment.apps,Namespace"
    assert notes["applyset.kubernetes.io/additional-namespaces"] == "jx,other"


def test_hashes_of_what_was_sent_are_in_secrets_only(embedded_api: Api, name: EnvironmentName) -> None:
    KubernetesAnchors(embedded_api).save(anchor(name))
    body = embedded_api.get(CONFIG_MAPS, ANCHORS_NAMESPACE, parent_name(name))
    assert "s3nt" not in str(body)
    assert INVENTORY_TYPE in {part["type"] for part in parts_of(embedded_api, name)}


def test_an_inventory_that_stayed_the_same_is_not_written_again(
    embedded_api: Api, name: EnvironmentName
) -> None:
    anchors = KubernetesAnchors(embedded_api)
    first = anchors.save(anchor(name))
    before = parts_of(embedded_api, name)
    anchors.save(replace(first, ledger_head="a" * 40))
    assert parts_of(embedded_api, name) == before


def test_what_is_no_longer_referred_to_is_deleted(embedded_api: Api, name: EnvironmentName) -> None:
    anchors = KubernetesAnchors(embedded_api)
    saved = anchors.save(anchor(name))
    saved = anchors.save(replace(saved, inventory=(item("other"),), pending=()))
    assert len(parts_of(embedded_api, name)) == 1
    anchors.remove(name)
    assert parts_of(embedded_api, name) == []


def test_the_lock_goes_with_its_environment(embedded_api: Api, name: EnvironmentName) -> None:
    locks = KubernetesLocks(embedded_api, QuickClock())
    locks.enforce(locks.acquire(name, holder="a", lease=timedelta(minutes=1)))
    assert embedded_api.get(BINDINGS, "", f"jx-fence-{name}")
    KubernetesAnchors(embedded_api).remove(name)
    with pytest.raises(NotFound):
        embedded_api.get(BINDINGS, "", f"jx-fence-{name}")
    with pytest.raises(NotFound):
        embedded_api.get(LEASES, ANCHORS_NAMESPACE, f"jx-apply-{name}")
    assert embedded_api.get(POLICIES, "", "jx-fence")


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("point", range(1, 7))
def test_a_crash_at_any_write_leaves_the_old_anchor_or_the_new_one_whole(
    embedded_api: Api, name: EnvironmentName, point: int, *, is_after: bool
) -> None:
    anchors = KubernetesAnchors(embedded_api)
    old = anchors.save(anchor(name))
    new = replace(old, inventory=(item("new"),), pending=(PendingEntry("0002", b"next"),))
    crashing = CrashingApi(embedded_api, point, is_after=is_after)
    try:
        KubernetesAnchors(crashing).save(new)
    except Crash:
        pass
    finally:
        crashing.close()
    found = anchors.find(name)
    assert found is not None
    assert replace(found, version="") in {replace(old, version=""), replace(new, version="")}
    saved = anchors.save(replace(new, version=found.version))
    assert anchors.find(name) == saved


def test_a_lost_inventory_is_an_empty_one_and_can_be_saved_over(
    embedded_api: Api, name: EnvironmentName
) -> None:
    anchors = KubernetesAnchors(embedded_api)
    anchors.save(replace(anchor(name), pending=()))
    for part in parts_of(embedded_api, name):
        embedded_api.delete(SECRETS, ANCHORS_NAMESPACE, part["metadata"]["name"])
    found = anchors.find(name)
    assert found is not None
    assert found.inventory == ()
    saved = anchors.save(replace(found, inventory=(item("shop"),)))
    assert anchors.find(name) == saved


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({}, Invalid),
        ({"anchor.json": "{"}, Invalid),
        ({"anchor.json": "[]"}, Invalid),
        ({"anchor.json": '{"format": 1}'}, Invalid),
        ({"anchor.json": '{"format": 99}'}, Refused),
    ],
)
def test_a_damaged_anchor_is_told_and_never_taken_for_none(
    embedded_api: Api, name: EnvironmentName, data: dict[str, str], error: type[JxError]
) -> None:
    anchors = KubernetesAnchors(embedded_api)
    anchors.save(anchor(name))
    body = embedded_api.get(CONFIG_MAPS, ANCHORS_NAMESPACE, parent_name(name))
    embedded_api.replace(CONFIG_MAPS, ANCHORS_NAMESPACE, {**body, "data": data})
    with pytest.raises(error) as caught:
        anchors.find(name)
    assert caught.value.hint


def test_a_large_record_is_packed(embedded_api: Api, name: EnvironmentName) -> None:
    versions = tuple(f"1.0.{number}" for number in range(20_000))
    anchors = KubernetesAnchors(embedded_api)
    saved = anchors.save(replace(anchor(name), platform_versions=versions))
    body = embedded_api.get(CONFIG_MAPS, ANCHORS_NAMESPACE, parent_name(name))
    assert "data" not in body
    assert anchors.find(name) == saved


def test_a_stale_save_writes_nothing_at_all(embedded_api: Api, name: EnvironmentName) -> None:
    anchors = KubernetesAnchors(embedded_api)
    saved = anchors.save(anchor(name))
    before = parts_of(embedded_api, name)
    with pytest.raises(Stale):
        anchors.save(replace(saved, version="1", inventory=(item("loser"),)))
    assert parts_of(embedded_api, name) == before


def test_the_parent_of_another_tool_is_refused_until_it_is_handed_over(
    embedded_api: Api, name: EnvironmentName
) -> None:
    anchors = KubernetesAnchors(embedded_api)
    notes = {"applyset.kubernetes.io/tooling": "kubectl/v1.36"}
    parent: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": parent_name(name), "namespace": ANCHORS_NAMESPACE, "annotations": notes},
        "data": {"theirs": "1"},
    }
    ensure_namespace(embedded_api, ANCHORS_NAMESPACE)
    embedded_api.create(CONFIG_MAPS, ANCHORS_NAMESPACE, parent)
    with pytest.raises(Refused, match="an ApplySet of kubectl") as caught:
        anchors.find(name)
    with pytest.raises(Stale):
        anchors.save(anchor(name))
    assert "jenkins.io/hand-over-to=jx" in caught.value.hint
    patch = {"metadata": {"annotations": {"jenkins.io/hand-over-to": "jx"}}}
    embedded_api.merge(CONFIG_MAPS, ANCHORS_NAMESPACE, parent_name(name), patch)
    found = anchors.find(name)
    assert found is not None
    assert found.inventory == ()
    saved = anchors.save(replace(anchor(name), version=found.version))
    assert anchors.find(name) == saved
    body = embedded_api.get(CONFIG_MAPS, ANCHORS_NAMESPACE, parent_name(name))
    assert "theirs" not in body["data"]
    assert body["metadata"]["annotations"]["applyset.kubernetes.io/tooling"].startswith("jx/")
