"""What Kubernetes' own OpenAPI document says: resources, types, list types and merge keys.

`scripts/make_facts.py` makes the package data; nothing here names a kind.
"""

import gzip
import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeAlias

import orjson

Obj: TypeAlias = dict[str, Any]
"""One Kubernetes object (or a part of one) as JSON gives it."""

Gvk: TypeAlias = tuple[str, str, str]
"""Group ("" for the core), version, kind."""

OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

_REFERENCE = "#/definitions/"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
MICRO_TIME = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime"
_RAW_EXTENSION = "io.k8s.apimachinery.pkg.runtime.RawExtension"


@dataclass(frozen=True)
class Subresource:
    """One subresource: the kind that its body has, and its verbs."""

    name: str
    group: str
    version: str
    kind: str
    verbs: tuple[str, ...]


@dataclass(frozen=True)
class Resource:
    """One served resource, as discovery lists it."""

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    list_kind: str
    namespaced: bool
    verbs: tuple[str, ...]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def gvk(self) -> Gvk:
        return (self.group, self.version, self.kind)


class Schema:
    """A node of a type; children are made when they are asked for.

    `kind` is "object" (named fields), "map" (keys of the author), "list", "scalar" or "any" (what the value
    is decides). `scalar` is string, integer, number, boolean or "" (any scalar). `list_type` is atomic, set
    or map; `map_type` is granular or atomic. `ref` is the definition's name, "" for an inline type.
    """

    __slots__ = (
        "_children",
        "_definitions",
        "_inherits_unknown",
        "_item",
        "_node",
        "_structs",
        "default",
        "fields",
        "format",
        "int_or_string",
        "is_dictionary",
        "kind",
        "list_type",
        "map_keys",
        "map_type",
        "merge_key",
        "nullable",
        "patch_strategy",
        "plain",
        "preserve_unknown",
        "ref",
        "required",
        "scalar",
    )

    def __init__(
        self, node: Mapping[str, Any], definitions: Mapping[str, Any] | None = None, *, unknown: bool = False
    ) -> None:
        self._definitions = definitions or {}
        self._children: dict[str, Schema | None] = {}
        self._item: Schema | None = None
        self._structs: tuple[tuple[str, Schema], ...] | None = None
        outer = node
        self.ref = _reference_of(node)
        if self.ref:
            node = self._definitions.get(self.ref, {})
        self._node = node
        self.default = outer.get("default", node.get("default"))
        self.nullable = bool(node.get("nullable", False))
        self.required: tuple[str, ...] = tuple(node.get("required", ()))
        self.merge_key: str = outer.get("x-kubernetes-patch-merge-key", "")
        self.patch_strategy = tuple(s for s in outer.get("x-kubernetes-patch-strategy", "").split(",") if s)
        self.int_or_string = _is_int_or_string(self.ref, node)
        self.preserve_unknown = bool(node.get("x-kubernetes-preserve-unknown-fields", False))
        self._inherits_unknown = unknown or self.preserve_unknown
        self.kind = _kind_of(self.ref, node, int_or_string=self.int_or_string)
        self.scalar: str = "" if self.int_or_string else node.get("type", "") if self.kind == "scalar" else ""
        self.list_type, self.map_keys = _list_type_of(outer if "x-kubernetes-list-type" in outer else node)
        self.map_type: str = outer.get("x-kubernetes-map-type", node.get("x-kubernetes-map-type", "granular"))
        if self.ref == _RAW_EXTENSION:
            self.map_type = "atomic"
        self.format: str = node.get("format", "")
        """What a scalar's text or number means: int32, int64, byte, date-time ..."""
        self.plain: type | None = None if self.format in _READ_FORMATS else _PLAIN.get(self.scalar)
        """The Python type whose values fit as they are, whatever they are; None where there is more to know."""
        self.fields: Mapping[str, Any] = node.get("properties", _NOTHING)
        """The declared fields, by name; empty for all but objects."""
        self.is_dictionary = "additionalProperties" in node
        """Whether the type is a map with typed values; an empty one is as good as none."""

    @staticmethod
    def deduced() -> "Schema":
        """The type of an object nobody described: maps are granular, lists atomic."""
        return _DEDUCED

    @property
    def is_struct(self) -> bool:
        """Whether an object of the surrounding type always has this field, if only as {}."""
        return self.default == {} and self.kind == "object"

    @property
    def structs(self) -> tuple[tuple[str, "Schema"], ...]:
        """The fields that an object of this type always has, if only as {}."""
        if self._structs is None:
            children = ((key, self.child(key)) for key in self.fields)
            self._structs = tuple((key, child) for key, child in children if child and child.is_struct)
        return self._structs

    def zero(self) -> Obj:
        """The object before anything is set: what the server compares a created one with."""
        if not self.ref:
            return {}
        return {**load().always(self.ref), **{key: below.zero() for key, below in self.structs}}

    def declares(self, key: str) -> bool:
        """Whether the type names this field (a key of a map is not named by its type)."""
        return key in self.fields

    def child(self, key: str) -> "Schema | None":
        """The type of a member (of the items, for a list); None where the type has no such field."""
        found = self._children.get(key)
        if found is not None:
            return found
        if self.kind == "list":
            return self.item()
        if key not in self.fields:
            key = "*"  # stands for all keys that authors choose
        if key not in self._children:
            self._children[key] = self._make_child(key)
        return self._children[key]

    def item(self) -> "Schema":
        """The type of a list's items; deduced where the list does not say."""
        if self._item is None:
            items = self._node.get("items")
            self._item = self._below(items) if isinstance(items, Mapping) else _UNTYPED
        return self._item

    def _make_child(self, key: str) -> "Schema | None":
        if key != "*":
            return self._below(self._node["properties"][key])
        if self.map_type == "atomic" and self.kind == "any":
            return _UNTYPED
        extra = self._node.get("additionalProperties")
        if isinstance(extra, Mapping) and extra:
            return self._below(extra)
        if extra or isinstance(extra, Mapping):
            return _DEDUCED
        if extra is None and (self._inherits_unknown or "properties" not in self._node):
            return _DEDUCED
        return None

    def _below(self, node: Mapping[str, Any]) -> "Schema":
        return Schema(node, self._definitions, unknown=self._inherits_unknown)


class Facts:
    """All built-in resources and types."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.version: str = raw["version"]
        self.definitions: dict[str, Any] = raw["definitions"]
        self.resources = tuple(_resource_of(entry) for entry in raw["resources"])
        self._subresources = {
            (entry["group"], entry["version"], entry["plural"]): tuple(
                Subresource(sub["name"], sub["group"], sub["version"], sub["kind"], tuple(sub["verbs"]))
                for sub in entry["subresources"]
            )
            for entry in raw["resources"]
        }
        self._left_out = {name: frozenset(keys) for name, keys in raw["left_out"].items()}
        self._always: Mapping[str, Mapping[str, Any]] = raw["always"]
        self._names: dict[Gvk, str] = {}
        for name, definition in self.definitions.items():
            for gvk in definition.get("x-kubernetes-group-version-kind", ()):
                self._names.setdefault((gvk["group"], gvk["version"], gvk["kind"]), name)
        self._schemas: dict[str, Schema] = {}

    def subresources(self, resource: Resource) -> tuple[Subresource, ...]:
        """The subresources of a built-in resource, with their kinds; none for another."""
        return self._subresources.get((resource.group, resource.version, resource.plural), ())

    def is_left_out(self, schema: Schema, key: str, value: Any) -> bool:
        """Whether a field that holds this scalar is not written, since it is empty."""
        return value in ("", 0, False) and key in self._left_out.get(schema.ref, ())

    def always(self, definition: str) -> Mapping[str, Any]:
        """The scalars and lists of a type that are written though nobody set them, and what is written then."""
        return self._always.get(definition, _NOTHING)

    def definition_name(self, gvk: Gvk) -> str | None:
        """The name under which `definitions` holds a kind."""
        return self._names.get(gvk)

    def schema(self, gvk: Gvk) -> Schema:
        """The type of a built-in kind; the deduced one where it is unknown."""
        name = self._names.get(gvk)
        return self.definition(name) if name else Schema.deduced()

    def definition(self, name: str) -> Schema:
        """The type of a definition, by its full name."""
        if name not in self._schemas:
            self._schemas[name] = Schema({"$ref": _REFERENCE + name}, self.definitions)
        return self._schemas[name]


def schema_from_crd(open_api_v3_schema: Obj | None) -> Schema:
    """The type that a structural schema of a CustomResourceDefinition describes."""
    if not open_api_v3_schema or not (open_api_v3_schema.keys() - {"description", "title"}):
        return Schema.deduced()
    return Schema(_with_metadata(open_api_v3_schema, root=True), load().definitions)


@lru_cache(maxsize=1)
def load() -> Facts:
    """The facts from the package data; read once per process."""
    packed = importlib.resources.files(__package__).joinpath("facts.json.gz").read_bytes()
    return Facts(orjson.loads(gzip.decompress(packed)))


def _resource_of(entry: Mapping[str, Any]) -> Resource:
    return Resource(
        group=entry["group"],
        version=entry["version"],
        plural=entry["plural"],
        singular=entry["singular"],
        kind=entry["kind"],
        list_kind=entry["list_kind"],
        namespaced=entry["namespaced"],
        verbs=tuple(entry["verbs"]),
        short_names=tuple(entry["short_names"]),
        categories=tuple(entry["categories"]),
        subresources=tuple(sub["name"] for sub in entry["subresources"]),
    )


def _reference_of(node: Mapping[str, Any]) -> str:
    if "$ref" not in node and len(node.get("allOf", ())) == 1:
        node = node["allOf"][0]
    reference: str = node.get("$ref", "")
    return reference.removeprefix(_REFERENCE)


def _is_int_or_string(ref: str, node: Mapping[str, Any]) -> bool:
    return (
        ref == QUANTITY
        or node.get("format") == "int-or-string"
        or bool(node.get("x-kubernetes-int-or-string", False))
    )


def _kind_of(ref: str, node: Mapping[str, Any], *, int_or_string: bool) -> str:
    if ref == _RAW_EXTENSION:
        return "any"
    if int_or_string:
        return "scalar"
    match node.get("type"):
        case "object":
            return "object" if node.get("properties") else "map"
        case "array":
            return "list"
        case None | "":
            return "any"
        case _:
            return "scalar"


def _list_type_of(node: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    declared = node.get("x-kubernetes-list-type")
    if declared:
        return declared, tuple(node.get("x-kubernetes-list-map-keys", ()))
    if "merge" in node.get("x-kubernetes-patch-strategy", ""):
        key = node.get("x-kubernetes-patch-merge-key")
        return ("map", (key,)) if key else ("set", ())
    return "atomic", ()


def _with_metadata(node: Mapping[str, Any], *, root: bool = False) -> dict[str, Any]:
    """The schema with `metadata` (which CRDs leave open) typed, at the root and in embedded resources."""
    made = dict(node)
    for key in ("items", "additionalProperties"):
        if isinstance(made.get(key), dict):
            made[key] = _with_metadata(made[key])
    if isinstance(made.get("properties"), dict):
        made["properties"] = {
            name: _with_metadata(child) if isinstance(child, dict) else child
            for name, child in made["properties"].items()
        }
    if root or made.get("x-kubernetes-embedded-resource"):
        made["type"] = "object"
        made["properties"] = {
            **made.get("properties", {}),
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"$ref": _REFERENCE + OBJECT_META},
        }
    return made


_NOTHING: Mapping[str, Any] = MappingProxyType({})
_PLAIN: Mapping[str, type] = MappingProxyType({"string": str, "boolean": bool, "integer": int})
_READ_FORMATS = frozenset({"byte", "date-time"})
_DEDUCED = Schema({})
_UNTYPED = Schema({"x-kubernetes-map-type": "atomic"})
