"""The contract of `ports.anchor.Anchors`, held to every adapter of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.support.embedded import CLUSTERS, GROUP, api_of, embedded_api, fresh_name, real_api

from jx.adapters.kubernetes.anchors import KubernetesAnchors
from jx.adapters.kubernetes.api import CONFIG_MAPS, Api
from jx.adapters.local.memory_anchors import MemoryAnchors
from jx.domain.applying.applying import (
    Anchor,
    Applied,
    ApplyResult,
    DriftNote,
    Hold,
    HookRecord,
    InventoryItem,
    KnownGood,
    PendingEntry,
    Source,
    UndoneHunk,
)
from jx.domain.applying.drawn_groups import DrawnGroup
from jx.domain.errors import Stale
from jx.domain.names import EnvironmentName, Person, Repo, Revision
from jx.domain.objects.drawn_places import Place
from jx.domain.objects.manifests import ChartPin, ObjectRef
from jx.domain.objects.membership import ANCHORS_NAMESPACE, parent_name
from jx.ports.anchor import Anchors

__all__ = ["embedded_api", "real_api"]

AT = datetime(2026, 11, 1, 12, 30, 15, 250000, tzinfo=UTC)
HEAD = Revision("a" * 40)
DRAWN = Place(ObjectRef("", "Secret", "jx", "redis"), ("data", "a"))
pytestmark = GROUP


@pytest.fixture(params=["memory", *CLUSTERS])
def anchors(request: pytest.FixtureRequest) -> Anchors:
    if request.param == "memory":
        return MemoryAnchors()
    return KubernetesAnchors(api_of(request))


@pytest.fixture
def name() -> EnvironmentName:
    return EnvironmentName(fresh_name("env"))


def item(
    kind: str = "Deployment", name: str = "shop", *, group: str = "apps", uid: str = "u1"
) -> InventoryItem:
    return InventoryItem(ObjectRef(group, kind, "jx", name), f"{group}/v1", uid, "sha256:1", "sha256:2")


def small(name: EnvironmentName) -> Anchor:
    return Anchor(name, Repo("https://git.example/acme/env-dev.git"), "cluster-1", "jx", "jenkins-x")


def full(name: EnvironmentName) -> Anchor:
    source = Source(
        Repo("https://git.example/acme/env-dev.git"),
        HEAD,
        "sha256:tree",
        Person("Ann Lee", "ann@example.com", "ann"),
        "feat: äpp",
        "https://git.example/acme/env-dev/pull/1",
        ("bob",),
    )
    pins = (
        ChartPin("redis", "redis", "1.2.3", "https://charts.example", "sha256:c"),
        ChartPin("x", "x", "1"),
    )
    applied = Applied(
        source, "sha256:plan", ApplyResult.ROLLED_BACK, AT, "ann", pins, is_verified=True, message="m"
    )
    hunk = UndoneHunk("env/values.yaml", ("a",), ("b",), (), ("c",))
    hold = Hold("ann", "the night was long", AT, HEAD, "rescue", "sha256:other", (hunk,))
    return replace(
        small(name),
        inventory=(item(), item("Namespace", "jx", group=""), item(name="api", uid="")),
        applied=applied,
        ledger_head="b" * 40,
        holds=(hold, Hold("bob", "vacation", AT, kind="person")),
        pending=(PendingEntry("0001", b"\x00\xff one"), PendingEntry("0002", b"two")),
        platform_versions=("1.0.0", "1.1.0"),
        hooks=HookRecord(
            (("redis", "upgrade"),), (("", "d1"), ("redis", "d2")), (item("Job", "seed", group="batch"),)
        ),
        drawn=(DrawnGroup("redis", {DRAWN: ("hunter2", 7), replace(DRAWN, path=("data", "b")): ("x",)}),),
        verified=KnownGood("sha256:good", source, AT, "1.0.0"),
        drift=DriftNote(2, AT, "ConfigMap/shop by kubectl-edit"),
        is_begun=True,
        token=7,
    )


def test_an_environment_that_was_never_seen_has_no_anchor(anchors: Anchors, name: EnvironmentName) -> None:
    assert anchors.find(name) is None


@pytest.mark.parametrize("make", [small, full])
def test_all_of_an_anchor_comes_back(anchors: Anchors, name: EnvironmentName, make: object) -> None:
    anchor = small(name) if make is small else full(name)
    saved = anchors.save(anchor)
    assert saved.version
    assert saved == replace(anchor, version=saved.version)
    assert anchors.find(name) == saved


def test_the_list_has_every_environment(anchors: Anchors, name: EnvironmentName) -> None:
    other = EnvironmentName(fresh_name("env"))
    one, two = anchors.save(full(name)), anchors.save(small(other))
    found = anchors.list_all()
    assert one in found
    assert two in found


def test_the_saved_anchor_can_be_saved_again(anchors: Anchors, name: EnvironmentName) -> None:
    first = anchors.save(full(name))
    second = anchors.save(replace(first, ledger_head="c" * 40, inventory=(item(uid="u2"),), pending=()))
    assert second.version != first.version
    assert anchors.find(name) == second


def test_of_two_who_read_the_same_only_the_first_writes(anchors: Anchors, name: EnvironmentName) -> None:
    read = anchors.save(full(name))
    winner = anchors.save(replace(read, inventory=(item(uid="winner"),)))
    with pytest.raises(Stale):
        anchors.save(replace(read, inventory=(item(uid="loser"),)))
    assert anchors.find(name) == winner


def test_of_two_who_saw_nothing_only_the_first_writes(anchors: Anchors, name: EnvironmentName) -> None:
    winner = anchors.save(full(name))
    with pytest.raises(Stale):
        anchors.save(small(name))
    assert anchors.find(name) == winner


def test_an_anchor_that_was_removed_meanwhile_is_stale(anchors: Anchors, name: EnvironmentName) -> None:
    read = anchors.save(small(name))
    anchors.remove(name)
    with pytest.raises(Stale):
        anchors.save(read)
    assert anchors.find(name) is None


def test_a_lost_race_leaves_the_winners_inventory_whole(anchors: Anchors, name: EnvironmentName) -> None:
    read = anchors.save(full(name))
    there = replace(read, inventory=(item(uid="there"),))
    winner = anchors.save(there)
    for loser in (there, replace(read, inventory=())):
        with pytest.raises(Stale):
            anchors.save(loser)
    back = anchors.save(replace(winner, inventory=read.inventory))
    assert anchors.find(name) == back


def test_removing_is_repeatable_and_lets_one_begin_anew(anchors: Anchors, name: EnvironmentName) -> None:
    anchors.save(full(name))
    anchors.remove(name)
    anchors.remove(name)
    assert anchors.find(name) is None
    assert anchors.save(small(name)).inventory == ()


def test_thousands_of_objects_and_megabytes_of_entries_fit(anchors: Anchors, name: EnvironmentName) -> None:
    noise = b"".join(hashlib.sha256(str(i).encode()).digest() for i in range(60_000))
    items = tuple(
        item(name=f"app-{i}", uid=hashlib.sha256(str(i).encode()).hexdigest()) for i in range(5_000)
    )
    saved = anchors.save(replace(small(name), inventory=items, pending=(PendingEntry("big", noise),)))
    assert anchors.find(name) == saved


@pytest.fixture(params=CLUSTERS)
def api(request: pytest.FixtureRequest) -> Api:
    return api_of(request)


def test_what_charts_have_drawn_lies_in_secrets_only(api: Api, name: EnvironmentName) -> None:
    saved = KubernetesAnchors(api).save(full(name))
    body = api.get(CONFIG_MAPS, ANCHORS_NAMESPACE, parent_name(name))
    assert "hunter2" not in str(body)
    later = KubernetesAnchors(api).save(replace(saved, drawn=()))
    assert KubernetesAnchors(api).find(name) == later
