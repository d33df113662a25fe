"""Which resources are served: the built-in ones from the facts, the custom ones from their definitions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jx.adapters.local.kubernetes.definitions.custom_rules import CustomRules
from jx.adapters.local.kubernetes.definitions.schemas import CrdValidator
from jx.adapters.local.kubernetes.errors import ApiError, no_such_path
from jx.adapters.local.kubernetes.store import Collection, Stored, encode
from jx.adapters.local.kubernetes.types import conversions, facts
from jx.adapters.local.kubernetes.types.facts import Gvk, Obj, Resource, Schema

_VERSION = re.compile(r"^v(\d+)(?:(alpha|beta)(\d+))?$")


@dataclass(frozen=True)
class Custom:
    """What a CustomResourceDefinition says about one of its versions."""

    definition: str
    version: str
    validators: Mapping[str, CrdValidator]
    """Of all versions."""
    rules: CustomRules
    open_api: Obj
    status: bool
    scale: Obj | None
    columns: tuple[Obj, ...]
    selectable: tuple[str, ...]
    storage_version: str
    since: int
    """The revision of the definition: what was stored before it may have another form."""
    deprecation: str = ""

    @property
    def validator(self) -> CrdValidator:
        return self.validators[self.version]

    def as_version(self, obj: Obj, group: str) -> Obj:
        """A stored object as this version shows it; ApiError 500 where its own version is gone."""
        stored = obj["apiVersion"].rpartition("/")[2]
        revision = int(obj["metadata"].get("resourceVersion") or 0)
        if stored == self.version and (revision > self.since or not revision):
            return obj
        if stored not in self.validators:
            raise ApiError(
                500, "", f"request to convert CR from an invalid group/version: {obj['apiVersion']}"
            )
        made = self.validators[stored].shape(obj)
        if stored != self.version:
            made = {**self.validator.prune(made), "apiVersion": f"{group}/{self.version}"}
        return made

    def as_stored(self, obj: Obj, group: str) -> Obj:
        """An object of this version in the form in which it is stored."""
        if self.version == self.storage_version:
            return obj
        made = self.validators[self.storage_version].shape(obj)
        return {**made, "apiVersion": f"{group}/{self.storage_version}"}


@dataclass(frozen=True)
class Served:
    """One served version of a resource, and what is needed to handle it."""

    resource: Resource
    schema: Schema
    custom: Custom | None = None

    @property
    def collection(self) -> Collection:
        """Where its objects are stored; some resources are another view of one collection."""
        return conversions.collection_of((self.resource.group, self.resource.plural))

    @property
    def gvk(self) -> Gvk:
        return self.resource.gvk

    @property
    def has_status(self) -> bool:
        """Whether status is written through its subresource only."""
        return "status" in self.resource.subresources

    @property
    def is_stored(self) -> bool:
        """Whether objects can be listed; reviews and bindings are questions and verbs only."""
        return "list" in self.resource.verbs

    def as_version(self, obj: Obj) -> Obj:
        """A stored object in this version."""
        if self.custom:
            return self.custom.as_version(obj, self.resource.group)
        return conversions.as_version(obj, self.resource.api_version)

    @property
    def has_one_form(self) -> bool:
        """Whether objects are stored as they are shown, but for their apiVersion, in all versions."""
        return self.custom is None and not conversions.differ(self.resource.kind)

    def as_stored(self, obj: Obj) -> Obj:
        """An object of this version as it is stored."""
        if self.custom:
            return self.custom.as_stored(obj, self.resource.group)
        resource = self.resource
        return conversions.as_version(obj, conversions.storage_version(resource.kind, resource.api_version))

    def body_of(self, stored: Stored) -> bytes:
        """The JSON of an object in this version, without kind and apiVersion."""
        if self.has_one_form:
            return stored.body
        shown = self.as_version(stored.obj)
        return stored.body if shown is stored.obj else encode(shown)


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Sorts versions as Kubernetes does, the preferred one first: v2, v1, v1beta2, v1beta1, v1alpha1, others."""
    match = _VERSION.match(version)
    if not match:
        return (3, 0, 0, version)
    major, stage, minor = match.groups()
    return ({None: 0, "beta": 1, "alpha": 2}[stage], -int(major), -int(minor or 0), version)


class Registry:
    """All served versions of all resources. Changed under the API's lock; readers see a whole old or new state."""

    def __init__(self) -> None:
        self._facts = facts.load()
        self._builtin = {_path(resource): resource for resource in self._facts.resources}
        self._served: dict[tuple[str, str, str], Served] = {}
        self._custom: dict[tuple[str, str, str], Served] = {}
        self.generation = 0
        """Grows with each change of the custom resources; a cache of discovery documents is good for one generation."""

    def find(self, group: str, version: str, plural: str) -> Served | None:
        """The served resource of a request's path."""
        path = (group, version, plural)
        served = self._served.get(path) or self._custom.get(path)
        if served is None and (resource := self._builtin.get(path)):
            served = self._served[path] = Served(resource, self._facts.schema(resource.gvk))
        return served

    def get(self, group: str, plural_or_kind: str, version: str = "") -> Served:
        """The resource of that plural or kind; of several versions the preferred one. ApiError 404 where none is."""
        found = [
            resource
            for resource in self.resources()
            if resource.group == group
            and plural_or_kind in (resource.plural, resource.kind)
            and version in ("", resource.version)
        ]
        if not found:
            raise no_such_path()
        # Questions like `bindings` share no kind with stored resources, so the first of the best version is it.
        best = min(found, key=lambda resource: version_rank(resource.version))
        served = self.find(best.group, best.version, best.plural)
        assert served is not None
        return served

    def of_collection(self, collection: Collection) -> Served:
        """Any version of a stored collection: the storage version of custom ones, else the preferred one."""
        group, plural = collection
        for served in self._custom.values():
            custom = served.custom
            if (
                served.collection == collection
                and custom
                and custom.storage_version == served.resource.version
            ):
                return served
        return self.get(group, plural)

    def versions_of(self, collection: Collection) -> list[Served]:
        """All served versions of a resource."""
        return [
            served
            for path in (*self._builtin, *self._custom)
            if conversions.collection_of((path[0], path[2])) == collection and (served := self.find(*path))
        ]

    def resources(self) -> list[Resource]:
        """Every served version of every resource."""
        return [*self._builtin.values(), *(served.resource for served in self._custom.values())]

    def customs(self) -> list[Served]:
        """The served versions of the custom resources."""
        return list(self._custom.values())

    def definitions(self) -> Mapping[str, Obj]:
        """The built-in types, as OpenAPI v2 names them."""
        return self._facts.definitions

    def definition_name(self, resource: Resource) -> str | None:
        """The name of a built-in resource's type among `definitions`."""
        return self._facts.definition_name(resource.gvk)

    def serve_custom(self, definition: Obj) -> None:
        """Serve what an accepted CustomResourceDefinition names, instead of what its earlier state named."""
        self._replace(definition["metadata"]["name"], versions_of(definition))

    def stop_custom(self, name: str) -> None:
        """Serve nothing of a CustomResourceDefinition any more."""
        self._replace(name, ())

    def _replace(self, name: str, versions: Iterable[Served]) -> None:
        kept = {
            path: served
            for path, served in self._custom.items()
            if served.custom and served.custom.definition != name
        }
        self._custom = {**kept, **{_path(served.resource): served for served in versions}}
        self.generation += 1


def versions_of(definition: Obj) -> list[Served]:
    """The served versions that a CustomResourceDefinition describes."""
    validators = {
        version["name"]: CrdValidator(_schema_of(version)) for version in definition["spec"]["versions"]
    }
    return [
        _version_of(definition, version, validators)
        for version in definition["spec"]["versions"]
        if version.get("served")
    ]


def _schema_of(version: Obj) -> Obj:
    return (version.get("schema") or {}).get("openAPIV3Schema") or {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }


def _version_of(definition: Obj, version: Obj, validators: Mapping[str, CrdValidator]) -> Served:
    spec, open_api = definition["spec"], _schema_of(version)
    subresources = version.get("subresources") or {}
    custom = Custom(
        definition=definition["metadata"]["name"],
        version=version["name"],
        validators=validators,
        rules=CustomRules(open_api),
        open_api=open_api,
        status="status" in subresources,
        scale=subresources.get("scale"),
        columns=tuple(version.get("additionalPrinterColumns") or ()),
        selectable=tuple(one["jsonPath"] for one in version.get("selectableFields") or ()),
        storage_version=next(one["name"] for one in spec["versions"] if one.get("storage")),
        since=int(definition["metadata"].get("resourceVersion") or 0),
        deprecation=_deprecation(spec, version),
    )
    return Served(_resource_of(definition, version), facts.schema_from_crd(open_api), custom)


def _resource_of(definition: Obj, version: Obj) -> Resource:
    names = (definition.get("status") or {}).get("acceptedNames") or {}
    wanted, subresources = definition["spec"]["names"], version.get("subresources") or {}
    if not names.get("kind") or not names.get("plural"):
        names = wanted
    return Resource(
        group=definition["spec"]["group"],
        version=version["name"],
        plural=names["plural"],
        singular=names.get("singular") or names["kind"].lower(),
        kind=names["kind"],
        list_kind=names.get("listKind") or f"{names['kind']}List",
        namespaced=definition["spec"]["scope"] == "Namespaced",
        verbs=("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"),
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=tuple(name for name in ("status", "scale") if name in subresources),
    )


def _deprecation(spec: Obj, version: Obj) -> str:
    if not version.get("deprecated"):
        return ""
    named = f"{spec['group']}/{version['name']} {spec['names']['kind']} is deprecated"
    return version.get("deprecationWarning") or named


def _path(resource: Resource) -> tuple[str, str, str]:
    return (resource.group, resource.version, resource.plural)
