"""Activities: records of what ran."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from jx.domain.runs.activities import Activity


class Activities(Protocol):
    """Records of pipelines and applies. Calls raise Unavailable and Forbidden."""

    def save(self, activity: Activity) -> None:
        """Write a record by its name; the newest write wins, and the same again changes nothing."""
        ...

    def remove(self, name: str) -> None:
        """Remove a record by its name; one that is not there is no error."""
        ...

    def list_all(self) -> tuple[Activity, ...]:
        """All records, oldest first."""
        ...

    def watch(self) -> Iterator[Activity]:
        """All records, then each one as it changes, until the caller stops."""
        ...
