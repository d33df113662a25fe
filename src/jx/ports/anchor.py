"""Anchors: what the cluster itself remembers of each environment."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from jx.domain.applying import Anchor
from jx.domain.names import EnvironmentName


class Anchors(Protocol):
    """Anchors by environment. Calls raise Unavailable and Forbidden."""

    def find(self, environment: EnvironmentName) -> Anchor | None:
        """The anchor, or None where this cluster has never seen the environment."""
        ...

    def list_all(self) -> tuple[Anchor, ...]:
        """All anchors of the cluster."""
        ...

    def save(self, anchor: Anchor) -> Anchor:
        """Compare-and-swap on `anchor.version`; the anchor with its new version. Stale where somebody else wrote."""
        ...

    def remove(self, environment: EnvironmentName) -> None:
        """Forget an environment; none there is done."""
        ...


class Locks(Protocol):
    """One lock per environment: two applies never interleave."""

    def acquire(self, environment: EnvironmentName, *, holder: str, lease: timedelta) -> None:
        """Take the lock, or renew it. Locked, with the holder and since when, where somebody else has it and their lease has not
        run out. A lease that ran out is taken over."""
        ...

    def release(self, environment: EnvironmentName, *, holder: str) -> None:
        """Give the lock back; not ours is no error."""
        ...
