"""Secret log: the record of who wrote which secret, beside the anchors."""

from __future__ import annotations

from typing import Protocol

from jx.domain.ledger.secret_writes import SecretWrite


class SecretLog(Protocol):
    """One record per cluster. Calls raise Unavailable and Forbidden."""

    def begin(self, write: SecretWrite) -> SecretWrite:
        """Keep what is about to be written; the record of it with its number. A repeated call keeps it twice."""
        ...

    def end(self, write: SecretWrite) -> None:
        """Keep how that went on, by its number; one that is not there any more is done. Repeatable."""
        ...

    def list_all(self) -> tuple[SecretWrite, ...]:
        """What is kept, oldest first: the newest few hundred."""
        ...
