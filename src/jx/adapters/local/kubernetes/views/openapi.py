"""OpenAPI: what clients read to validate, merge and explain."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

from jx.adapters.local.kubernetes.errors import no_such_path
from jx.adapters.local.kubernetes.registry import Registry, Served
from jx.adapters.local.kubernetes.types import facts
from jx.adapters.local.kubernetes.types.facts import OBJECT_META, Obj, Resource
from jx.adapters.local.kubernetes.views import openapi_protobuf
from jx.adapters.local.kubernetes.views.discovery import GIT_VERSION

_V2 = "#/definitions/"
_V3 = "#/components/schemas/"
_LIST_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"
_ACTIONS = {
    "get": "get",
    "list": "get",
    "create": "post",
    "update": "put",
    "patch": "patch",
    "delete": "delete",
}
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_OF_ALL = tuple(
    _META + name for name in ("APIResourceList", "DeleteOptions", "Patch", "Status", "WatchEvent")
)
_OF_SERVER = (
    *(_META + name for name in ("APIGroup", "APIGroupList", "APIVersions")),
    "io.k8s.apimachinery.pkg.version.Info",
)
_SEVERAL = {
    facts.QUANTITY: ("string", "number"),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": ("integer", "string"),
}
_WRITES = frozenset({"post", "put", "patch"})
_PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)


@dataclass(frozen=True)
class _Documented:
    """A resource and the name of its type."""

    resource: Resource
    name: str
    is_custom: bool

    @property
    def patch_types(self) -> list[str]:
        return [media for media in _PATCH_TYPES if not (self.is_custom and "strategic" in media)]


class OpenApi:
    """The documents, kept until the custom resources change."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._generation = -1
        self._documents: dict[str, bytes] = {}

    def v2(self) -> bytes:
        """All types in one document, without paths of verbs that no client reads there."""
        return self._kept("v2", self._make_v2)

    def v2_protobuf(self) -> bytes:
        """The same in the form that Go clients read."""
        return self._kept("v2 protobuf", lambda: openapi_protobuf.encode(self._make_v2()))

    def v3_index(self) -> bytes:
        """The group versions, each with the address of its document."""
        return self._kept("v3", self._make_index)

    def v3(self, path: str) -> bytes:
        """The document of `api/v1` or `apis/group/version`; ApiError 404 where nothing is served."""
        return self._kept(path, lambda: self._make_v3(path))

    def _kept(self, name: str, make: Any) -> bytes:
        if self._generation != self._registry.generation:
            self._generation = self._registry.generation
            self._documents.clear()
        if name not in self._documents:
            made = make()
            self._documents[name] = made if isinstance(made, bytes) else orjson.dumps(made)
        return self._documents[name]

    def _make_v2(self) -> Obj:
        known: Obj = dict(self._registry.definitions())
        paths: Obj = {}
        wanted: list[str] = []
        for resource in self._registry.resources():
            documented = self._documented(resource)
            paths |= _paths(documented, v3=False)
            wanted += [documented.name, f"{documented.name}List", *self._beside(resource)]
        wanted += _OF_SERVER
        definitions: Obj = {name: _without_defaults(known[name]) for name in _closure(wanted, known)}
        for served in self._registry.customs():
            definitions |= _custom_definitions(served, _V2)
        info = {"title": "Kubernetes", "version": GIT_VERSION}
        return {"swagger": "2.0", "info": info, "paths": paths, "definitions": definitions}

    def _make_index(self) -> Obj:
        paths = {}
        for place in dict.fromkeys(_place(resource) for resource in self._registry.resources()):
            digest = hashlib.sha256(f"{GIT_VERSION}/{place}/{self._registry.generation}".encode()).hexdigest()
            paths[place] = {"serverRelativeURL": f"/openapi/v3/{place}?hash={digest[:32].upper()}"}
        return {"paths": paths}

    def _make_v3(self, place: str) -> Obj:
        resources = [resource for resource in self._registry.resources() if _place(resource) == place]
        if not resources:
            raise no_such_path()
        all_definitions = dict(self._registry.definitions())
        for served in self._registry.customs():
            if _place(served.resource) == place:
                all_definitions |= _custom_definitions(served, _V2)
        paths: Obj = {}
        wanted = []
        for resource in resources:
            documented = self._documented(resource)
            paths |= _paths(documented, v3=True)
            wanted += [documented.name, f"{documented.name}List", *self._beside(resource)]
        schemas = {
            name: _schema_v3(name, all_definitions, place) for name in _closure(wanted, all_definitions)
        }
        info = {"title": "Kubernetes", "version": GIT_VERSION}
        return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}

    def _beside(self, resource: Resource) -> list[str]:
        """The types that requests for a built-in resource have beside its own."""
        found = [
            self._registry.definition_name(
                Resource(one.group, one.version, "", "", one.kind, "", namespaced=False, verbs=())
            )
            for one in facts.load().subresources(resource)
        ]
        return [*filter(None, found), *_OF_ALL] if self._registry.definition_name(resource) else []

    def _documented(self, resource: Resource) -> _Documented:
        served = self._registry.find(resource.group, resource.version, resource.plural)
        if served is not None and served.custom:
            return _Documented(resource, _custom_name(resource), is_custom=True)
        return _Documented(
            resource, self._registry.definition_name(resource) or _custom_name(resource), is_custom=False
        )


def _place(resource: Resource) -> str:
    return f"apis/{resource.group}/{resource.version}" if resource.group else f"api/{resource.version}"


def _place_of(kind: Obj) -> str:
    return f"apis/{kind['group']}/{kind['version']}" if kind["group"] else f"api/{kind['version']}"


def _custom_name(resource: Resource) -> str:
    reverse = ".".join(reversed(resource.group.split(".")))
    return f"{reverse}.{resource.version}.{resource.kind}"


def _custom_definitions(served: Served, reference: str) -> Obj:
    resource = served.resource
    assert served.custom is not None
    properties = dict(served.custom.open_api.get("properties") or {})
    properties |= {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"$ref": reference + OBJECT_META},
    }
    name = _custom_name(resource)
    kinds = [
        {"group": resource.group, "version": resource.version, "kind": kind}
        for kind in (resource.kind, resource.list_kind)
    ]
    return {
        name: {
            **served.custom.open_api,
            "type": "object",
            "properties": properties,
            "x-kubernetes-group-version-kind": kinds[:1],
        },
        f"{name}List": {
            "type": "object",
            "required": ["items"],
            "properties": {
                "apiVersion": {"type": "string"},
                "items": {"type": "array", "items": {"$ref": reference + name}},
                "kind": {"type": "string"},
                "metadata": {"$ref": reference + _LIST_META},
            },
            "x-kubernetes-group-version-kind": kinds[1:],
        },
    }


def _paths(documented: _Documented, *, v3: bool) -> Obj:
    resource = documented.resource
    base = f"/{_place(resource)}"
    if resource.namespaced:
        base += "/namespaces/{namespace}"
    collection = f"{base}/{resource.plural}"
    paths: Obj = {}
    for path, verbs in (
        (collection, ("list", "create")),
        (f"{collection}/{{name}}", ("get", "update", "patch", "delete")),
    ):
        methods = {
            _ACTIONS[verb]: _operation(documented, verb, v3=v3) for verb in verbs if verb in resource.verbs
        }
        if methods:
            paths[path] = methods
    return paths


def _operation(documented: _Documented, verb: str, *, v3: bool) -> Obj:
    name = documented.name
    group, version, kind = documented.resource.gvk
    method = _ACTIONS[verb]
    operation: Obj = {
        "x-kubernetes-action": {"create": "post", "update": "put"}.get(verb, verb),
        "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
        "responses": _responses(f"{name}List" if verb == "list" else name, v3=v3),
    }
    if method in _WRITES:
        options = ["dryRun", "fieldManager", "fieldValidation", *(["force"] if method == "patch" else [])]
        operation["parameters"] = [_parameter(option, v3=v3) for option in options]
    elif method == "delete":
        operation["parameters"] = [_parameter("dryRun", v3=v3)]
    if v3 and method == "patch":
        operation["requestBody"] = {
            "content": {media: {"schema": {"type": "object"}} for media in documented.patch_types}
        }
    elif v3 and method in _WRITES:
        operation["requestBody"] = {"content": {"*/*": {"schema": {"$ref": _V3 + name}}}}
    elif not v3 and method == "patch":
        operation["consumes"] = documented.patch_types
    return operation


def _responses(name: str, *, v3: bool) -> Obj:
    if v3:
        return {
            "200": {"description": "OK", "content": {"application/json": {"schema": {"$ref": _V3 + name}}}}
        }
    return {"200": {"description": "OK", "schema": {"$ref": _V2 + name}}}


def _parameter(name: str, *, v3: bool) -> Obj:
    kind = "boolean" if name == "force" else "string"
    typed: Obj = (
        {"schema": {"type": kind, "uniqueItems": True}} if v3 else {"type": kind, "uniqueItems": True}
    )
    return {"name": name, "in": "query", **typed}


def _closure(names: list[str], definitions: Obj) -> list[str]:
    found: dict[str, None] = {}
    todo = [name for name in names if name in definitions]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found[name] = None
        todo += [one for one in _references(definitions[name]) if one in definitions]
    return sorted(found)


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [str(node["$ref"]).removeprefix(_V2)] if isinstance(node.get("$ref"), str) else []
        return own + [name for value in node.values() for name in _references(value)]
    if isinstance(node, list):
        return [name for value in node for name in _references(value)]
    return []


def _without_defaults(node: Any) -> Any:
    """A type as version 2 tells it; what stands for a field that is left out is told in version 3."""
    if isinstance(node, list):
        return [_without_defaults(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {
        key: _without_defaults(child) for key, child in node.items() if key not in ("default", "properties")
    }
    if isinstance(node.get("properties"), dict):
        made["properties"] = {name: _without_defaults(child) for name, child in node["properties"].items()}
    return made


def _as_v3(node: Any, definitions: Obj, *, is_property: bool = False) -> Any:
    """References point elsewhere in version 3, and what a field says of itself stands beside a list of one."""
    if isinstance(node, list):
        return [_as_v3(value, definitions) for value in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        reference = {"$ref": _V3 + node["$ref"].removeprefix(_V2)}
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return {**rest, "allOf": [reference]} if rest or is_property else reference
    made = {key: _as_v3(value, definitions) for key, value in node.items() if key != "properties"}
    items = node.get("items")
    if isinstance(items, dict) and "$ref" in items:
        is_object = definitions.get(items["$ref"].removeprefix(_V2), {}).get("type") == "object"
        made["items"] = _as_v3({**items, **({"default": {}} if is_object else {})}, definitions)
    if isinstance(node.get("properties"), dict):
        made["properties"] = {
            name: _as_v3(child, definitions, is_property=True) for name, child in node["properties"].items()
        }
    return made


def _schema_v3(name: str, definitions: Obj, place: str) -> Obj:
    """A type as version 3 tells it; two may be of several kinds, which version 2 cannot tell."""
    made: Obj = _as_v3(definitions[name], definitions)
    kinds = made.get("x-kubernetes-group-version-kind") or []
    if len(kinds) > 1:
        # Types of all groups are told for the core and the document's own one.
        made["x-kubernetes-group-version-kind"] = [
            one for one in kinds if _place_of(one) in (place, "api/v1")
        ]
    if name in _SEVERAL:
        made = {key: value for key, value in made.items() if key != "type"}
        made["oneOf"] = [{"type": kind} for kind in _SEVERAL[name]]
    return made
