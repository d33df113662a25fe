"""A cluster as the holder of a lock may change it: nothing is sent that the lock does not cover."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from jx.domain.applying.applying import LiveObject, Step
from jx.domain.applying.locking import Fence
from jx.domain.errors import Unavailable
from jx.domain.objects.manifests import Capabilities, ObjectRef
from jx.ports.cluster import Cluster, Scope
from jx.usecases.applying.hold_lock import HeldLock


@dataclass(frozen=True, slots=True)
class FencedCluster:
    """Each change is sent only while the lease outlives its limit, and carries the token."""

    cluster: Cluster
    held: HeldLock

    def send(
        self, step: Step, *, dry_run: bool = False, force: bool = False, fence: Fence | None = None
    ) -> LiveObject:
        """As the port says; Overtaken where the lock is lost."""
        fence = fence or self.held.fence()
        try:
            return self.cluster.send(step, dry_run=dry_run, force=force, fence=fence)
        except Unavailable:
            if not self.held.is_enforced:
                self.held.is_answer_missing = True
            raise

    def delete(self, step: Step, *, fence: Fence | None = None) -> None:
        """As the port says; Overtaken where the lock is lost."""
        fence = fence or self.held.fence()
        try:
            self.cluster.delete(step, fence=fence)
        except Unavailable:
            self.held.is_answer_missing = True  # deletes carry no token, so only time keeps a late one off
            raise

    def capabilities(self) -> Capabilities:
        """Version, APIs and identity."""
        return self.cluster.capabilities()

    def live(self, scopes: tuple[Scope, ...]) -> tuple[LiveObject, ...]:
        """What is there."""
        return self.cluster.live(scopes)

    def changes(
        self, refs: tuple[tuple[ObjectRef, str], ...], *, within: timedelta
    ) -> Iterator[LiveObject | None]:
        """The objects, now and as they change."""
        return self.cluster.changes(refs, within=within)

    def logs(self, namespace: str, pod: str, *, lines: int = 20) -> str:
        """The last lines of a pod."""
        return self.cluster.logs(namespace, pod, lines=lines)

    def whoami(self) -> str:
        """The user name that the API server sees."""
        return self.cluster.whoami()
