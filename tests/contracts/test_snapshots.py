"""The contract of `ports.snapshots.Snapshots`, held to every adapter of it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from tests.support.embedded import CLUSTERS, GROUP, api_of, embedded_api, fresh_name, real_api

from jx.adapters.kubernetes.api import SECRETS, Api
from jx.adapters.kubernetes.snapshots import KubernetesSnapshots
from jx.adapters.local.memory_snapshots import MemorySnapshots
from jx.domain.applying.applying import Source
from jx.domain.errors import Invalid
from jx.domain.ledger.snapshots import Snapshot
from jx.domain.names import EnvironmentName, Person, Repo, Revision
from jx.domain.objects.manifests import ChartPin, Manifest, ref_of
from jx.domain.objects.membership import RESCUE_NAMESPACE
from jx.domain.trees import Tree
from jx.ports.snapshots import Snapshots

__all__ = ["embedded_api", "real_api"]

pytestmark = GROUP
PLAN, NEXT = "sha256:0123456789abcdef", "sha256:123456789abcdef0"


@pytest.fixture(params=["memory", *CLUSTERS])
def snapshots(request: pytest.FixtureRequest) -> Snapshots:
    return MemorySnapshots() if request.param == "memory" else KubernetesSnapshots(api_of(request))


@pytest.fixture
def name() -> EnvironmentName:
    return EnvironmentName(fresh_name("env"))


def config(name: str, text: str) -> Manifest:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "jx"},
        "data": {"a": text},
    }
    return Manifest(ref_of(body), "v1", body, "shop/templates/a.yaml")


def snapshot(name: EnvironmentName, *objects: Manifest) -> Snapshot:
    source = Source(
        Repo("https://git.example/acme/env-dev.git"), Revision("a" * 40), "sha256:tree", Person("Ann Lee")
    )
    tree = Tree().put("env/Chart.yaml", "name: env\n").put("logo.png", b"\x89PNG\x00")
    pins = (ChartPin("shop", "shop", "1.0.0", "https://charts.example", "sha256:c"),)
    return Snapshot(name, PLAN, source, tree, pins, objects or (config("one", "1"),))


def test_whether_it_is_there_as_a_whole_is_known_without_reading_it(
    snapshots: Snapshots, name: EnvironmentName
) -> None:
    assert not snapshots.has(name, PLAN)
    snapshots.save(snapshot(name))
    assert snapshots.has(name, PLAN)
    assert not snapshots.has(name, NEXT)
    snapshots.keep_only(name, "")
    assert not snapshots.has(name, PLAN)


def test_what_was_kept_comes_back_as_it_was(snapshots: Snapshots, name: EnvironmentName) -> None:
    assert snapshots.find(name, PLAN) is None
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": "jx"},
        "data": {"password": "aHVudGVyMjI="},
    }
    masked = replace(
        Manifest(ref_of(secret), "v1", secret),
        shown={**secret, "data": {"password": "<secret:vault:dev/db:password>"}},
        derived=frozenset({("data", "password")}),
        marked="sha256:m",
    )
    kept = snapshot(name, config("one", "1"), masked)
    snapshots.save(kept)
    found = snapshots.find(name, PLAN)
    assert found == kept
    assert found.digest == kept.digest
    assert found.objects[1].body == secret


def test_the_newest_counts_and_the_same_again_is_fine(snapshots: Snapshots, name: EnvironmentName) -> None:
    for text in ("1", "2", "2"):
        snapshots.save(snapshot(name, config("one", text)))
    found = snapshots.find(name, PLAN)
    assert found
    assert found.objects[0].body["data"] == {"a": "2"}
    snapshots.keep_only(name, "")
    snapshots.keep_only(name, "")
    assert snapshots.find(name, PLAN) is None


def test_a_large_one_lies_in_several_parts_and_the_one_before_goes(
    embedded_api: Api, name: EnvironmentName
) -> None:
    api = embedded_api
    snapshots = KubernetesSnapshots(api)
    draw = random.Random(1)
    for _ in range(2):
        texts = [draw.randbytes(400_000).hex() for _ in range(3)]
        snapshots.save(snapshot(name, *(config(f"c{n}", text) for n, text in enumerate(texts))))
    parts = [one for one in api.list_pages(SECRETS, RESCUE_NAMESPACE)[0] if name in one["metadata"]["name"]]
    assert len(parts) > 1
    assert all(len(one["data"]["content"]) <= 1_200_004 for one in parts)
    assert snapshots.find(name, PLAN)
    api.delete(SECRETS, RESCUE_NAMESPACE, parts[0]["metadata"]["name"])
    with pytest.raises(Invalid, match="is gone"):
        snapshots.find(name, PLAN)


def test_two_lie_side_by_side_until_one_is_all_that_is_kept(
    snapshots: Snapshots, name: EnvironmentName
) -> None:
    snapshots.save(snapshot(name, config("one", "1")))
    snapshots.save(replace(snapshot(name, config("one", "2")), plan_digest=NEXT))
    other = EnvironmentName(fresh_name("env"))
    snapshots.save(snapshot(other))
    assert snapshots.find(name, PLAN)
    snapshots.keep_only(name, NEXT)
    assert snapshots.find(name, PLAN) is None
    found = snapshots.find(name, NEXT)
    assert found
    assert found.objects[0].body["data"] == {"a": "2"}
    assert snapshots.find(other, PLAN)
