"""The embedded API in process: what the HTTP server, the controllers and tests call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jx.adapters.local.kubernetes.errors import ApiError
from jx.adapters.local.kubernetes.facts import Obj, Resource

__all__ = ["Api", "ApiError", "Obj", "Resource", "WatchEvent"]


@dataclass(frozen=True)
class WatchEvent:
    """One committed change. `obj` is the new object (the last one for DELETED), `old` the one before; never change them."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    resource: Resource
    obj: Obj
    old: Obj | None


class Api:
    """All verbs, thread-safe by one lock; the caller is all-mighty (RBAC is checked by the HTTP server).

    Returned objects are the caller's own copies. Every refusal is an `ApiError` with the real server's code,
    reason and message.
    """

    @staticmethod
    def open(directory: Path | None) -> Api:
        """The API on the state in `directory` (made when missing); in memory only for None."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the store; later calls fail."""
        raise NotImplementedError

    def resource(self, group: str, plural_or_kind: str, version: str = "") -> Resource:
        """The resource of that plural or kind (the preferred version by default); ApiError 404 if not served."""
        raise NotImplementedError

    def get(self, resource: Resource, namespace: str, name: str) -> Obj:
        raise NotImplementedError

    def list(
        self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[Obj]:
        """The objects by name, of all namespaces for ""; selectors as in kubectl's `-l` and `--field-selector`."""
        raise NotImplementedError

    def create(self, resource: Resource, namespace: str, obj: Obj, *, manager: str) -> Obj:
        raise NotImplementedError

    def update(
        self, resource: Resource, namespace: str, name: str, obj: Obj, *, subresource: str = "", manager: str
    ) -> Obj:
        """PUT: 409 on a resourceVersion that is not the newest (none given: unconditional)."""
        raise NotImplementedError

    def merge(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Obj,
        *,
        subresource: str = "",
        manager: str,
    ) -> Obj:
        """A JSON merge patch."""
        raise NotImplementedError

    def apply(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        obj: Obj,
        *,
        manager: str,
        force: bool = False,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Obj:
        """Server-side apply; 409 with the causes where other managers own what would change."""
        raise NotImplementedError

    def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: str = "",
        grace_seconds: int | None = None,
    ) -> Obj:
        """Remove, or mark as terminating where finalizers (or a pod's grace) hold it; gives the last object.

        A pod bound to a node is only marked; the node removes it with `grace_seconds=0` once its processes ended.
        """
        raise NotImplementedError

    def subscribe(self, listener: Callable[[WatchEvent], None]) -> Callable[[], None]:
        """Hear every committed change, in order, under the lock (be quick, do not call back); gives the unsubscribe."""
        raise NotImplementedError

    def token_for(self, namespace: str, serviceaccount: str) -> str:
        """A bearer token for a ServiceAccount, good until it (or its namespace) is deleted."""
        raise NotImplementedError
