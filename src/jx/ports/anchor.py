"""Anchors: what the cluster itself remembers of each environment."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from jx.domain.applying.applying import Anchor
from jx.domain.applying.locking import Grip
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

    def acquire(
        self, environment: EnvironmentName, *, holder: str, lease: timedelta, reason: str = ""
    ) -> Grip:
        """Take the lock, with a token higher than any before it. Locked, with the holder and since when, where somebody else has
        it and their lease has not run out. A lease that ran out is waited for until nothing that was sent under it can still be
        under way, and then taken over. With a `reason` it is taken at once, from whoever has it."""
        ...

    def renew(self, grip: Grip, *, lease: timedelta) -> None:
        """Keep the lock for a lease from now on. Overtaken, with who has it and why, where it is not ours any more."""
        ...

    def release(self, grip: Grip, *, late: timedelta = timedelta()) -> None:
        """Give the lock back, after `late`, for which a request of ours may still be under way; not ours any more is no error."""
        ...

    def find_holder(self, environment: EnvironmentName) -> str:
        """Who has the lock, as far as is known; empty where nobody has it."""
        ...

    def enforce(self, grip: Grip) -> bool:
        """Have the cluster itself refuse what carries an older token than this; whether it does. False, and never an error,
        where it may not be told so or does not do it yet."""
        ...
