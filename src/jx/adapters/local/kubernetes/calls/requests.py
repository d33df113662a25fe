"""Who asks for what: the parts of a request that all verbs share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jx.adapters.local.kubernetes.calls.drafts import Draft
from jx.adapters.local.kubernetes.registry import Served
from jx.adapters.local.kubernetes.store import Key


@dataclass(frozen=True)
class User:
    """An authenticated caller."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


MASTERS = "system:masters"
SYSTEM = User("system:apiserver", (MASTERS, "system:authenticated"))
ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True)
class Request:
    """A verb's object and options. `strictness` is Kubernetes' fieldValidation: Ignore, Warn or Strict."""

    served: Served
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    user: User = SYSTEM
    manager: str = "unknown"
    dry_run: bool = False
    strictness: str = "Ignore"
    warnings: list[str] = field(default_factory=list)
    """Texts for the caller, filled while the request is handled."""
    by_write: bool = False
    """Whether an update or an apply makes the object, which takes the right to create, too."""
    draft: Draft | None = None
    """None for what the server does by itself: that asks nobody outside."""

    @property
    def key(self) -> Key:
        return (self.namespace if self.served.resource.namespaced else "", self.name)


@dataclass(frozen=True)
class DeleteOptions:
    """What a delete may ask for; `propagation` is Background, Foreground, Orphan or "" (the kind's own)."""

    uid: str = ""
    resource_version: str = ""
    propagation: str = ""
    grace_seconds: int | None = None
