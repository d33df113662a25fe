"""Probe: looking at a cluster before anything is done to it."""

from __future__ import annotations

from typing import Protocol

from jx.domain.platforms.preflight import ClusterLook, Right


class Probe(Protocol):
    """Reads only. Calls raise Unavailable, Forbidden and Invalid (a certificate that is not to be trusted)."""

    def look(self) -> ClusterLook:
        """Where the cluster is, its version and clock, as whom it is spoken to, and whether pods can run."""
        ...

    def is_allowed(self, right: Right) -> bool:
        """Whether this account has a right, as the cluster itself says. Granted is not done: admission may still refuse."""
        ...

    def serves(self, api_version: str, kind: str) -> bool:
        """Whether objects of this kind can be kept there."""
        ...

    def find_phase(self, namespace: str) -> str:
        """`Active` or `Terminating`; empty where there is no such namespace."""
        ...
