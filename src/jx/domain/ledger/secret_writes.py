"""Secret writes: who changed a secret, when, and for which commit. Never what it was changed to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

MOST_KEPT = 500
"""Records that are kept beside the anchors. The ledger names who wrote what an apply used, for good."""


class Deed(StrEnum):
    """What was done to a secret."""

    SET = "set"
    MADE = "made"
    """By a recipe, in the apply that first needed it."""
    ROTATED = "rotated"
    REMOVED = "removed"
    USED = "used"
    """Read by an apply. The ledger tells this, no record of its own."""


class Ending(StrEnum):
    """How a write went on."""

    BEGUN = "begun"
    """It was about to be done. Whether it was, its store knows."""
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class SecretWrite:
    """One write of one path."""

    at: datetime
    by: str
    """As the cluster knows them: a claim that its login has proven."""
    deed: Deed
    place: str
    """`vault:staging/redis`."""
    keys: tuple[str, ...] = ()
    purpose: str = ""
    """`jx edit secret`, `apply of dev at 29259323a029 by controller`."""
    version: str = ""
    """What came of it, as the store counts it."""
    ending: Ending = Ending.BEGUN
    number: int = 0
    """Given by the record; higher is later."""

    @property
    def words(self) -> str:
        """For a trailer of the ledger: `vault:staging/redis=3 set by ann at 2026-01-01T10:00:00Z`."""
        at = self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"{self.place}={self.version} {self.deed} by {self.by} at {at}"


def behind(
    versions: Mapping[str, str], writes: Iterable[SecretWrite], *, since: datetime | None
) -> tuple[str, ...]:
    """Who is behind these versions (by `scheme:path`), in words, as far as they were written since then."""
    return tuple(
        one.words
        for one in writes
        if one.ending is Ending.DONE
        and versions.get(one.place) == one.version
        and (since is None or one.at >= since)
    )


def to_text(writes: Iterable[SecretWrite]) -> str:
    """As they are kept: one JSON object a line, oldest first."""
    rows = (
        {
            "number": one.number,
            "at": one.at.isoformat(),
            "by": one.by,
            "deed": one.deed,
            "place": one.place,
            "keys": list(one.keys),
            "for": one.purpose,
            "version": one.version,
            "ending": one.ending,
        }
        for one in writes
    )
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def of_text(text: str) -> tuple[SecretWrite, ...]:
    """From what is kept; a line that cannot be read is left out."""
    return tuple(one for line in text.splitlines() if (one := _of_line(line)) is not None)


def _of_line(line: str) -> SecretWrite | None:
    try:
        row: dict[str, Any] = json.loads(line)
        return SecretWrite(
            at=datetime.fromisoformat(row["at"]),
            by=str(row["by"]),
            deed=Deed(row["deed"]),
            place=str(row["place"]),
            keys=tuple(map(str, row["keys"])),
            purpose=str(row["for"]),
            version=str(row["version"]),
            ending=Ending(row["ending"]),
            number=int(row["number"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
