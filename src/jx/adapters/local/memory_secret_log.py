"""The secret log in memory."""

from __future__ import annotations

from dataclasses import replace

from jx.domain.ledger.secret_writes import MOST_KEPT, SecretWrite


class MemorySecretLog:
    """ports.secret_log.SecretLog in memory. `fault`, if set, is raised by every call."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self._kept: dict[int, SecretWrite] = {}

    def begin(self, write: SecretWrite) -> SecretWrite:
        self._check()
        numbered = replace(write, number=max(self._kept, default=0) + 1)
        self._kept[numbered.number] = numbered
        for number in sorted(self._kept)[:-MOST_KEPT]:
            del self._kept[number]
        return numbered

    def end(self, write: SecretWrite) -> None:
        self._check()
        if write.number in self._kept:
            self._kept[write.number] = write

    def list_all(self) -> tuple[SecretWrite, ...]:
        self._check()
        return tuple(self._kept[number] for number in sorted(self._kept))

    def _check(self) -> None:
        if self.fault:
            raise self.fault
