"""Locking: one apply per environment at a time, and what keeps one that lost its lock from writing on.

The holder of a lock has a token, higher than that of every holder before it. A request to change something is sent only while the
lease outlives the request's time limit; it carries the token, so that a cluster which knows of a higher one can refuse it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from jx.domain.errors import Overtaken
from jx.domain.names import EnvironmentName

LEASE = timedelta(seconds=60)
"""How long a lock outlives the last sign of life of its holder."""

LIMIT = timedelta(seconds=30)
"""How long a request to change something may take. Webhooks of a cluster may take as long as this."""

RENEW_EVERY = timedelta(seconds=15)
RENEW_FOR = timedelta(hours=1)
"""An apply that hangs for longer loses its lock."""


@dataclass(frozen=True, slots=True)
class Grip:
    """A lock that is held."""

    environment: EnvironmentName
    holder: str
    token: int
    """Counts holders: higher than that of whoever held the lock before."""
    taken_from: str = ""
    """Who held it last and had not given it back."""
    settles: timedelta = timedelta()
    """For how long a request of theirs may still be under way."""


@dataclass(frozen=True, slots=True)
class Fence:
    """What a request to change something carries: for whom it is sent, and how long it may take."""

    environment: EnvironmentName
    token: int
    limit: timedelta = LIMIT


def check(grip: Grip, token: int) -> None:
    """Overtaken where a holder with a higher token has been at work."""
    if token > grip.token:
        raise Overtaken(
            f"environment {grip.environment} was applied by somebody else after the lock was lost; this apply stops",
            hint="look at what they did (`jx get env`), and apply again if it is still to be done",
        )
