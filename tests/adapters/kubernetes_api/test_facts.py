"""The facts from Kubernetes' own document, and the types made from them."""

import pytest

from jx.adapters.local.kubernetes.types import facts


def node(*path: str, gvk: facts.Gvk = ("apps", "v1", "Deployment")) -> facts.Schema:
    schema = facts.load().schema(gvk)
    for key in path:
        below = schema.item() if key == "[]" else schema.child(key)
        assert below is not None, key
        schema = below
    return schema


def test_every_resource_has_a_type_and_verbs() -> None:
    loaded = facts.load()
    assert len(loaded.resources) > 60
    for resource in loaded.resources:
        assert resource.verbs, resource
        assert loaded.definition_name(resource.gvk), resource


def test_a_deployment_is_listed_as_discovery_does() -> None:
    (deployments,) = [r for r in facts.load().resources if r.plural == "deployments"]
    assert deployments.api_version == "apps/v1"
    assert deployments.gvk == ("apps", "v1", "Deployment")
    assert deployments.singular == "deployment"
    assert deployments.list_kind == "DeploymentList"
    assert deployments.namespaced
    assert deployments.short_names == ("deploy",)
    assert deployments.categories == ("all",)
    assert deployments.subresources == ("scale", "status")
    assert deployments.verbs == (
        "create",
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "update",
        "watch",
    )
    scale, status = facts.load().subresources(deployments)
    assert (scale.group, scale.version, scale.kind) == ("autoscaling", "v1", "Scale")
    assert status.verbs == ("get", "patch", "update")


def test_only_stable_versions_are_served() -> None:
    assert {"v1", "v2"} == {resource.version for resource in facts.load().resources}


def test_nodes_have_no_namespace() -> None:
    scopes = {r.plural: r.namespaced for r in facts.load().resources if r.group == ""}
    assert not scopes["nodes"]
    assert not scopes["namespaces"]
    assert scopes["pods"]


def test_a_keyed_list_knows_its_keys_and_their_defaults() -> None:
    ports = node("spec", "template", "spec", "containers", "[]", "ports")
    assert (ports.kind, ports.list_type, ports.map_keys) == ("list", "map", ("containerPort", "protocol"))
    assert ports.merge_key == "containerPort"
    assert ports.patch_strategy == ("merge",)
    assert node("spec", "template", "spec", "containers", "[]", "ports", "[]", "protocol").default == "TCP"


def test_sets_atomic_lists_and_atomic_maps_are_told_apart() -> None:
    assert node("metadata", "finalizers").list_type == "set"
    assert node("spec", "template", "spec", "containers", "[]", "args").list_type == "atomic"
    assert node("spec", "selector").map_type == "atomic"
    assert node("metadata", "labels").kind == "map"
    assert node("spec", "strategy").patch_strategy == ("retainKeys",)


def test_quantities_and_ports_take_numbers_and_strings() -> None:
    assert node("spec", "template", "spec", "containers", "[]", "resources", "limits", "cpu").int_or_string
    assert node("spec", "ports", "[]", "targetPort", gvk=("", "v1", "Service")).int_or_string


def test_what_a_type_does_not_name_has_no_type() -> None:
    assert node("spec").child("nope") is None


def test_an_unknown_kind_is_deduced_with_atomic_lists() -> None:
    schema = facts.load().schema(("example.com", "v1", "Thing"))
    below = schema.child("spec")
    assert below is not None
    assert below.kind == "any"
    assert below.list_type == "atomic"


@pytest.fixture
def crd() -> facts.Schema:
    return facts.schema_from_crd(
        {
            "type": "object",
            "properties": {
                "spec": {
                    "type": "object",
                    "properties": {
                        "items": {
                            "type": "array",
                            "x-kubernetes-list-type": "map",
                            "x-kubernetes-list-map-keys": ["name"],
                            "items": {"type": "object", "properties": {"name": {"type": "string"}}},
                        },
                        "size": {"x-kubernetes-int-or-string": True},
                        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                        "template": {"type": "object", "x-kubernetes-embedded-resource": True},
                        "whole": {
                            "type": "object",
                            "x-kubernetes-map-type": "atomic",
                            "properties": {"a": {"type": "string"}},
                        },
                    },
                }
            },
        }
    )


def test_a_custom_type_honours_its_extensions(crd: facts.Schema) -> None:
    spec = crd.child("spec")
    assert spec is not None
    items, size, free, whole = (spec.child(key) for key in ("items", "size", "free", "whole"))
    assert items is not None
    assert (items.list_type, items.map_keys) == ("map", ("name",))
    assert size is not None
    assert size.int_or_string
    assert free is not None
    assert free.preserve_unknown
    assert free.child("anything") is not None
    assert whole is not None
    assert whole.map_type == "atomic"
    assert spec.child("unknown") is None


def test_a_custom_type_and_embedded_resources_have_typed_metadata(crd: facts.Schema) -> None:
    spec = crd.child("spec")
    template = spec.child("template") if spec else None
    for schema in (crd, template):
        assert schema is not None
        metadata = schema.child("metadata")
        assert metadata is not None
        owners = metadata.child("ownerReferences")
        assert owners is not None
        assert owners.map_keys == ("uid",)
