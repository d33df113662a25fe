"""Manifest: one Kubernetes object as it is to be. Bodies are plain JSON values and are never changed in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jx.domain.objects.references import Reference

Body = Mapping[str, Any]
"""A Kubernetes object as JSON. `Any` because it is foreign JSON; nobody writes into it."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """Which object: identity within one cluster. The version of its API is no part of it."""

    group: str
    kind: str
    namespace: str
    """Empty for cluster-scoped objects."""
    name: str

    def __str__(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        return f"{kind}/{self.name}" + (f" (namespace {self.namespace})" if self.namespace else "")


@dataclass(frozen=True, slots=True)
class Manifest:
    """An object to apply, and the template it came from (`chart/templates/x.yaml`, empty where unknown)."""

    ref: ObjectRef
    api_version: str
    body: Body = field(repr=False)
    source: str = ""
    shown: Body | None = field(default=None, repr=False)
    """What may be seen of the body, where it holds what comes from secrets; None: all that is no Secret's data."""
    derived: frozenset[tuple[str | int, ...]] = frozenset()
    """Where the body holds what comes from secrets."""
    references: frozenset[Reference] = frozenset()
    """The secrets that those come from, as far as that can be told."""
    marked: str = ""
    """Hash of those fields with markers in place of secrets: tells that what is around a secret has changed. Empty where there
    are none, or where charts draw at random, which makes each render another one."""

    @property
    def public(self) -> Body:
        """What may be seen of it, but for a Secret's data."""
        return self.body if self.shown is None else self.shown

    def __hash__(self) -> int:
        return hash((self.ref, self.api_version))


@dataclass(frozen=True, slots=True)
class Hook:
    """A Helm hook: not part of what is applied; runs in its phases, by weight, then kind, then name."""

    manifest: Manifest
    phases: tuple[str, ...]
    weight: int = 0
    delete_policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChartPin:
    """A chart that took part in a render: exactly which."""

    key: str
    """The app key (alias or name)."""
    name: str
    version: str
    repository: str = ""
    digest: str = ""
    """`sha256:...` of the archive, or of the tree for a folder."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a render gave: objects in Helm's install order, hooks apart, the CRDs of `crds/` first among the objects."""

    objects: tuple[Manifest, ...] = ()
    hooks: tuple[Hook, ...] = ()
    charts: tuple[ChartPin, ...] = ()
    notes: str = ""


@dataclass(frozen=True, slots=True)
class KindInfo:
    """How a kind is served: `plural`, whether it is namespaced, and its versions, preferred first."""

    group: str
    kind: str
    plural: str
    namespaced: bool
    versions: tuple[str, ...]
    verbs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a cluster can do; renders depend on it, so it is recorded with them."""

    version: str = "v1.36.0"
    """The Kubernetes version, as `/version` gives it (gitVersion)."""
    api_versions: tuple[str, ...] = ()
    """`apps/v1`, `apps/v1/Deployment` ..., as Helm's .Capabilities.APIVersions wants them."""
    kinds: Mapping[tuple[str, str], KindInfo] = field(default_factory=dict)
    """By (group, kind)."""
    cluster_id: str = ""
    """The uid of the namespace kube-system: the identity of the cluster."""


def api_group(api_version: str) -> str:
    """`apps/v1` -> `apps`, `v1` -> ``."""
    group, slash, _ = api_version.partition("/")
    return group if slash else ""


def ref_of(body: Body, namespace: str = "") -> ObjectRef:
    """The identity that an object's body states; `namespace` stands in where it names none."""
    metadata = body.get("metadata") or {}
    return ObjectRef(
        group=api_group(str(body.get("apiVersion", ""))),
        kind=str(body.get("kind", "")),
        namespace=str(metadata.get("namespace") or namespace),
        name=str(metadata.get("name", "")),
    )
