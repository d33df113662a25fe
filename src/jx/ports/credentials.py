"""Credentials: what the platform's own pods need to speak to the outside, kept in the cluster and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Credentials(Protocol):
    """Small secrets by namespace and name. Calls raise Unavailable and Forbidden; no message holds a value."""

    def ensure(
        self, namespace: str, name: str, values: Mapping[str, str], *, keep: bool
    ) -> Mapping[str, str]:
        """The secret's values, after making namespace and secret where they were not there.

        With `keep`, values that are there stay as they are; without it, they become `values`. Repeatable.
        """
        ...

    def remove(self, namespace: str, name: str) -> bool:
        """Remove it; False where there was none."""
        ...
