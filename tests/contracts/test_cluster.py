"""The contract of `ports.cluster.Cluster`, held to every adapter of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from tests.support.embedded import CLUSTERS, GROUP, api_of, embedded_api, fresh_name, real_api

from jx.adapters.kubernetes.anchors import ensure_namespace
from jx.adapters.kubernetes.api import CONFIG_MAPS
from jx.adapters.kubernetes.cluster import KubernetesCluster
from jx.adapters.local.memory_cluster import MemoryCluster
from jx.domain.applying.applying import Action, LiveObject, Step
from jx.domain.errors import Conflict, Failed, Invalid, Stale
from jx.domain.objects.manifests import Manifest, ref_of
from jx.ports.cluster import Cluster, Scope

__all__ = ["embedded_api", "real_api"]

pytestmark = GROUP
BY_API_ONLY = pytest.mark.parametrize("world", CLUSTERS, indirect=True)
"""The cluster in memory has nothing to follow (it tells what is there and lets time pass at once), and deletes by uid alone."""

Body = dict[str, Any]


@dataclass(frozen=True)
class World:
    """A cluster, a namespace in it, and the hands of another field manager."""

    cluster: Cluster
    namespace: str
    edit: Callable[[Body, str], None]
    """Apply a body as that manager, by force."""

    def config(self, name: str = "settings", **data: str) -> Body:
        metadata = {"name": name, "namespace": self.namespace}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}

    def step(self, body: Body, *, action: Action = Action.UPDATE, of: LiveObject | None = None) -> Step:
        ref, version = ref_of(body), str(body["apiVersion"])
        manifest = None if action is Action.PRUNE else Manifest(ref, version, body)
        uid, seen = (of.uid, of.resource_version) if of else ("", "")
        return Step(action, ref, version, 0, "test", manifest, uid, seen)

    def send(self, body: Body, **options: Any) -> LiveObject:
        return self.cluster.send(self.step(body), **options)

    def live(self) -> dict[str, LiveObject]:
        found = self.cluster.live((Scope("v1", "ConfigMap", self.namespace),))
        return {live.ref.name: live for live in found if live.ref.name != "kube-root-ca.crt"}

    def data(self, name: str = "settings") -> object:
        return self.live()[name].body["data"]


@pytest.fixture(params=["memory", *CLUSTERS])
def world(request: pytest.FixtureRequest) -> World:
    namespace = fresh_name("ns")
    if request.param == "memory":
        memory = MemoryCluster()
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        memory.put(space)

        def put(body: Body, manager: str) -> None:
            memory.put(body, manager=manager)

        return World(memory, namespace, put)
    api = api_of(request)
    ensure_namespace(api, namespace)

    def edit(body: Body, manager: str) -> None:
        api.apply(CONFIG_MAPS, namespace, body, query={"fieldManager": manager, "force": "true"})

    return World(KubernetesCluster(api), namespace, edit)


def test_capabilities_tell_version_apis_kinds_and_identity(world: World) -> None:
    found = world.cluster.capabilities()
    assert found.version.startswith("v1.")
    assert {"v1", "v1/Pod", "apps/v1", "apps/v1/Deployment"} <= set(found.api_versions)
    kind = found.kinds["apps", "Deployment"]
    assert (kind.plural, kind.namespaced, kind.versions[0]) == ("deployments", True, "v1")
    assert found.kinds["", "Namespace"].namespaced is False
    assert found.cluster_id
    assert world.cluster.capabilities().cluster_id == found.cluster_id


def test_a_kind_that_is_not_served_has_no_objects(world: World) -> None:
    assert world.cluster.live(()) == ()
    assert world.cluster.live((Scope("acme.example/v1", "Gadget"),)) == ()


def test_what_was_sent_is_there_with_identity_and_owner(world: World) -> None:
    sent = world.send(world.config(a="1"))
    assert sent.uid
    assert sent.resource_version
    assert sent.ref == ref_of(world.config())
    assert any(entry["manager"] == "jx" for entry in sent.body["metadata"]["managedFields"])
    assert world.live()["settings"] == sent


def test_lists_of_one_namespace_and_of_all_agree(world: World) -> None:
    sent = world.send(world.config(a="1"))
    everywhere = world.cluster.live((Scope("v1", "ConfigMap"),))
    assert sent in everywhere
    spaces = world.cluster.live((Scope("v1", "Namespace"),))
    assert world.namespace in {live.ref.name for live in spaces}
    assert {live.ref.namespace for live in spaces} == {""}


def test_sending_the_same_again_changes_nothing(world: World) -> None:
    first = world.send(world.config(a="1"))
    assert world.send(world.config(a="1")).resource_version == first.resource_version


def test_a_field_that_is_no_longer_sent_goes_and_those_of_others_stay(world: World) -> None:
    world.send(world.config(a="1", b="2"))
    world.edit(world.config(c="3"), "kubectl-edit")
    world.send(world.config(a="1"))
    assert world.data() == {"a": "1", "c": "3"}


def test_a_dry_run_answers_and_changes_nothing(world: World) -> None:
    answer = world.cluster.send(world.step(world.config(a="1")), dry_run=True)
    assert answer.body["data"] == {"a": "1"}
    assert world.live() == {}


def test_another_managers_field_is_a_conflict_that_names_it(world: World) -> None:
    world.send(world.config(a="1"))
    world.edit(world.config(a="2"), "kubectl-edit")
    with pytest.raises(Conflict, match="kubectl-edit") as caught:
        world.send(world.config(a="1"))
    assert ".data.a" in caught.value.message
    assert caught.value.hint
    assert world.data() == {"a": "2"}


def test_force_takes_the_field(world: World) -> None:
    world.edit(world.config(a="2"), "kubectl-edit")
    world.send(world.config(a="1"), force=True)
    assert world.data() == {"a": "1"}
    world.send(world.config(a="3"))


def test_a_step_with_a_uid_changes_that_very_object_only(world: World) -> None:
    first = world.send(world.config(a="1"))
    world.cluster.send(world.step(world.config(a="2"), of=first))
    world.cluster.delete(world.step(world.config(), action=Action.PRUNE))
    with pytest.raises(Stale):
        world.cluster.send(world.step(world.config(a="3"), of=first))
    assert world.live() == {}
    world.send(world.config(a="4"))
    with pytest.raises(Stale):
        world.cluster.send(world.step(world.config(a="5"), of=first))
    assert world.data() == {"a": "4"}


def test_a_delete_is_repeatable(world: World) -> None:
    prune = world.step(world.config(), action=Action.PRUNE, of=world.send(world.config(a="1")))
    world.cluster.delete(prune)
    assert world.live() == {}
    world.cluster.delete(prune)


def test_an_object_made_anew_survives_the_delete_of_its_predecessor(world: World) -> None:
    first = world.send(world.config(a="1"))
    world.cluster.delete(world.step(world.config(), action=Action.PRUNE, of=first))
    second = world.send(world.config(a="1"))
    with pytest.raises(Stale):
        world.cluster.delete(world.step(world.config(), action=Action.PRUNE, of=first))
    assert world.live()["settings"].uid == second.uid


@BY_API_ONLY
def test_an_object_that_was_changed_since_the_decision_is_not_deleted(world: World) -> None:
    seen = world.send(world.config(a="1"))
    world.send(world.config(a="2"))
    with pytest.raises(Stale):
        world.cluster.delete(world.step(world.config(), action=Action.PRUNE, of=seen))
    assert "settings" in world.live()


def test_a_kind_that_the_cluster_does_not_serve_cannot_be_sent(world: World) -> None:
    body = {
        "apiVersion": "acme.example/v1",
        "kind": "Gadget",
        "metadata": {"name": "x", "namespace": world.namespace},
    }
    with pytest.raises((Invalid, Failed), match="Gadget"):
        world.send(body)
    world.cluster.delete(world.step(body, action=Action.PRUNE))


@BY_API_ONLY
def test_changes_begin_with_what_is_there_and_tell_each_change(world: World) -> None:
    sent = world.send(world.config(a="1"))
    world.send(world.config("other", a="1"))
    refs = ((sent.ref, "v1"), (ref_of(world.config("later")), "v1"))
    changes = spoken(world.cluster.changes(refs, within=timedelta(seconds=20)))
    assert next(changes) == sent
    updated = world.send(world.config(a="2"))
    assert next(changes) == updated
    world.send(world.config("other", a="2"))
    later = world.send(world.config("later", a="1"))
    assert next(changes) == later


@BY_API_ONLY
def test_changes_are_silent_about_once_a_second_and_end(world: World) -> None:
    sent = world.send(world.config(a="1"))
    began = time.monotonic()
    found = list(world.cluster.changes(((sent.ref, "v1"),), within=timedelta(seconds=1.5)))
    assert found[0] == sent
    assert found[1:]
    assert set(found[1:]) == {None}
    assert 1 < time.monotonic() - began < 6


def test_changes_begin_with_what_is_there_and_end_in_silence(world: World) -> None:
    sent = world.send(world.config(a="1"))
    missing = ref_of(world.config("missing"))
    found = list(world.cluster.changes(((missing, "v1"), (sent.ref, "v1")), within=timedelta(seconds=1)))
    assert found[0] == sent
    assert set(found[1:]) == {None}


def test_a_pod_that_is_not_there_has_said_nothing(world: World) -> None:
    assert world.cluster.logs(world.namespace, "nobody") == ""


def test_the_server_knows_who_we_are(world: World) -> None:
    assert world.cluster.whoami()


def spoken(changes: Iterator[LiveObject | None]) -> Iterator[LiveObject]:
    return (change for change in changes if change is not None)
