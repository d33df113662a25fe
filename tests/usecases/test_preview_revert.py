"""What a revert will do, told before it is offered: each thing that a person has to mind, in a world where it is so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from tests.support.journeys import ANN, BETTER, DEV, OLGA, World, installed, upgraded

from jx.adapters.local.memory_secrets import MemorySecrets
from jx.domain.objects.references import Scheme
from jx.ports.secrets import SecretStore
from jx.usecases.history.find_revert import FindRevert, RevertTarget
from jx.usecases.history.preview_revert import Preview, PreviewRevert, counts
from jx.usecases.history.revert_change import RevertChange, RevertRequest


@pytest.fixture
def world() -> World:
    return installed()


def push(world: World, subject: str, *bodies: dict[str, Any], values: str = "") -> None:
    """Somebody pushes objects of their own beside the apps, in place of those before; it is applied."""
    tree = world.tree().put("env/templates/own.yaml", "---\n".join(map(yaml.safe_dump, bodies)))
    world.push(tree.put("env/values.yaml", values) if values else tree, subject, person=OLGA)
    world.settle()


def look(world: World, stores: Mapping[Scheme, SecretStore] | None = None) -> Preview:
    """What taking back the newest change would do."""
    process = world.process(ANN)
    preview = PreviewRevert(process.plan_environment, process.anchors, stores or {})
    use = RevertChange(process.propose_change, FindRevert(world.histories), preview, process.anchors)
    report = use(
        RevertRequest(world.at, DEV, RevertTarget(world.head()), dry_run=True), agree=lambda _: False
    )
    return report.preview


def definition(stored: str, versions: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """A CustomResourceDefinition: fields of `spec` by version."""

    def version(name: str) -> dict[str, Any]:
        fields = {field: {"type": "string"} for field in versions[name]}
        spec = {"type": "object", "properties": fields}
        schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
        return {"name": name, "served": True, "storage": name == stored, "schema": schema}

    names = {"kind": "Widget", "plural": "widgets", "singular": "widget"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "names": names,
            "scope": "Namespaced",
            "versions": [*map(version, versions)],
        },
    }


def claim(size: str = "1Gi") -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec}


def deployment(label: str) -> dict[str, Any]:
    labels = {"app": label}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "own", "image": "own:1"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": pod}
    metadata = {"name": "own", "annotations": {"jenkins.io/replace": "true"}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def stateful_set() -> dict[str, Any]:
    body = deployment("own")
    return {**body, "kind": "StatefulSet", "spec": {**body["spec"], "serviceName": "own"}}


def setting(value: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own"}, "data": {"key": value}}


def test_objects_that_are_changed_deleted_and_created_again(world: World) -> None:
    push(world, "Two", setting("a"), stateful_set())
    push(world, "Change one, remove one, add one", setting("b"), deployment("own"))
    planned = look(world).planned
    assert planned
    told = {word: [ref.kind for ref in refs] for word, refs in counts(planned).items()}
    assert (told["changed"], told["deleted"]) == (["ConfigMap"], ["Deployment"])
    assert told["created"] == ["StatefulSet"]


def test_data_that_stays_with_its_claim_and_data_that_goes(world: World) -> None:
    push(world, "None", setting("a"))
    push(world, "A claim, and a database", setting("a"), claim(), stateful_set())
    goes, stays = sorted(look(world).data, key=lambda line: "stays" in line)
    assert goes == "StatefulSet.apps/own (namespace jx) is deleted with what it holds"
    assert stays.startswith("PersistentVolumeClaim/data (namespace jx) stays with what it holds: ")


def test_an_object_that_has_to_be_made_anew(world: World) -> None:
    push(world, "One", deployment("one"))
    push(world, "Another label", deployment("two"))
    (line,) = look(world).data
    assert line.startswith("Deployment.apps/own (namespace jx) is replaced: ")


def test_a_kind_that_stays_with_all_its_objects(world: World) -> None:
    push(world, "None", setting("a"))
    push(world, "A kind", setting("a"), definition("v1", {"v1": ("color",)}))
    (line,) = look(world).data
    assert "/widgets.example.com stays with what it holds: " in line


def test_a_kind_that_is_stored_by_an_older_version(world: World) -> None:
    push(world, "v1", definition("v1", {"v1": ("color",)}))
    push(world, "v2", definition("v2", {"v1": ("color",), "v2": ("color", "size")}))
    assert look(world).schemas == (
        "widgets.example.com no longer serves v2",
        "widgets.example.com is stored as v1, and objects are stored as v2: they may lose fields",
    )


def test_a_schema_that_forgets_fields(world: World) -> None:
    push(world, "Few", definition("v1", {"v1": ("color",)}))
    push(world, "More", definition("v1", {"v1": ("color", "size")}))
    assert look(world).schemas == (
        "widgets.example.com v1 no longer knows .spec.size: objects lose what they have there",
    )


def test_charts_that_get_older(world: World) -> None:
    upgraded(world, BETTER)
    assert look(world).downgrades == ("jx-platform 1.1.0 → 1.0.0",)


def test_hooks_that_run_again(world: World) -> None:
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate", "annotations": {"helm.sh/hook": "pre-upgrade"}},
        "spec": {
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "m", "image": "m:1"}]}}
        },
    }
    push(world, "With a hook", job, setting("a"))
    push(world, "Change", job, setting("b"))
    assert look(world).hooks == ("Job.batch/migrate (namespace jx) (pre-upgrade)",)


def secret_world(world: World) -> None:
    """A change took away what needed a secret."""
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "own"},
        "stringData": {"p": "{{ .Values.p }}"},
    }
    push(world, "With a password", body, values="p: vault:dev/own:password\n")
    push(world, "Without", setting("a"), values="p: plain\n")


@pytest.mark.parametrize(
    ("kept", "ending"),
    [({}, "gone; put it back before the merge: jx edit secret"), ({"password": "hunter22"}, "still there")],
)
def test_secrets_that_are_needed_again(world: World, kept: dict[str, str], ending: str) -> None:
    store = MemorySecrets()
    store.write("dev/own", {"password": "first"})
    secret_world(world)
    store.remove("dev/own")
    if kept:
        store.write("dev/own", kept)
    (line,) = look(world, {Scheme.VAULT: store}).secrets
    assert line.startswith("vault:dev/own:password for ")
    assert line.endswith(ending)
    assert "hunter22" not in line


def test_secrets_that_nobody_can_ask_for(world: World) -> None:
    store = MemorySecrets()
    store.write("dev/own", {"password": "first"})
    secret_world(world)
    (line,) = look(world).secrets
    assert line.endswith("whether it is still there cannot be asked")
