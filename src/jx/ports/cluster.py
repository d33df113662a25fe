"""Cluster: the Kubernetes API, in the words of an apply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from jx.domain.applying.applying import LiveObject, Step
from jx.domain.applying.locking import Fence
from jx.domain.objects.manifests import Capabilities, ObjectRef


@dataclass(frozen=True, slots=True)
class Scope:
    """One LIST: a kind, by the apiVersion to list it in, in a namespace (empty: all, or a cluster-scoped kind)."""

    api_version: str
    kind: str
    namespace: str = ""


class Cluster(Protocol):
    """One cluster. Calls raise Unavailable (no answer, 429, 5xx after retries), Forbidden (verb and resource named), Conflict
    (the other manager, the field), Stale (a precondition failed), Refused (immutable field, quota, admission) and Invalid."""

    def capabilities(self) -> Capabilities:
        """Version, APIs and identity; read anew at each call, since an apply may add CRDs."""
        ...

    def live(self, scopes: tuple[Scope, ...]) -> tuple[LiveObject, ...]:
        """What is there, one LIST per scope. A kind that the cluster does not serve has no objects."""
        ...

    def send(
        self, step: Step, *, dry_run: bool = False, force: bool = False, fence: Fence | None = None
    ) -> LiveObject:
        """Server-side apply of a step's manifest as field manager `jx`; the object as the cluster then has it. Repeatable.
        A step with a uid only ever changes that very object (Stale where it is another). With a fence it is over within its
        limit, one way or the other, and Overtaken where the cluster knows of a higher token."""
        ...

    def delete(self, step: Step, *, fence: Fence | None = None) -> None:
        """Delete the object of a step, if it still has the uid of the step; gone already is done. With a fence it is over within
        its limit."""
        ...

    def changes(
        self, refs: tuple[tuple[ObjectRef, str], ...], *, within: timedelta
    ) -> Iterator[LiveObject | None]:
        """The objects (ref, apiVersion) now and then each time that one changes, until `within` has passed; None for silence
        of about a second, so that a caller can look at its clock or stop."""
        ...

    def logs(self, namespace: str, pod: str, *, lines: int = 20) -> str:
        """The last lines of a pod, empty where there are none."""
        ...

    def whoami(self) -> str:
        """The user name that the API server sees."""
        ...
