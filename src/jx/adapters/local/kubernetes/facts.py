"""What Kubernetes' own OpenAPI document says: resources, types, list types and merge keys."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

Obj: TypeAlias = dict[str, Any]
"""One Kubernetes object (or a part of one) as JSON gives it."""

Gvk: TypeAlias = tuple[str, str, str]
"""Group ("" for the core), version, kind."""


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
    """A node of a type. `kind` is object, list, map, scalar or any."""

    kind: str = "any"
    scalar: str = ""
    list_type: str = "atomic"
    map_keys: tuple[str, ...] = ()
    map_type: str = "granular"
    merge_key: str = ""
    patch_strategy: tuple[str, ...] = ()
    int_or_string: bool = False
    preserve_unknown: bool = False

    @staticmethod
    def deduced() -> "Schema":
        """The type of an object nobody described: maps are granular, lists atomic."""
        raise NotImplementedError

    def child(self, key: str) -> "Schema | None":
        """The type of a member (of the items, for a list); None where the type has no such field."""
        raise NotImplementedError


class Facts:
    """All built-in resources and types."""

    resources: tuple[Resource, ...]
    definitions: dict[str, Any]

    def schema(self, gvk: Gvk) -> Schema:
        """The type of a built-in kind; the deduced one where it is unknown."""
        raise NotImplementedError


def schema_from_crd(open_api_v3_schema: Obj) -> Schema:
    """The type that a structural schema of a CustomResourceDefinition describes."""
    raise NotImplementedError


@lru_cache(maxsize=1)
def load() -> Facts:
    """The facts from the package data; read once per process."""
    raise NotImplementedError
