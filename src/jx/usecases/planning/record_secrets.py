"""Record secrets: keep who writes which secret, before and after it is written. Shared by all that writes any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from jx.domain.errors import Forbidden, JxError, Retryable, Stale, Unavailable
from jx.domain.events import Event, Level
from jx.domain.ledger.secret_writes import Deed, Ending, SecretWrite
from jx.ports.clock import Clock
from jx.ports.reporter import Reporter
from jx.ports.secret_log import SecretLog
from jx.ports.secrets import Secret


@dataclass
class Write:
    """A write that was begun. What it came to is said by `done`."""

    version: str = ""
    is_done: bool = False

    def done(self, written: Secret | None = None) -> None:
        """It was written, as this version; None: removed."""
        self.is_done = True
        self.version = written.version if written and written.is_counted else ""


@dataclass(frozen=True, slots=True)
class RecordSecrets:
    """A record that cannot be kept stops no write: the store has its own, and that is said."""

    log: SecretLog
    whoami: Callable[[], str]
    clock: Clock
    reporter: Reporter
    purpose: str = field(default="", kw_only=True)
    """What all writes are for, where they do not say it themselves."""

    @contextmanager
    def __call__(
        self, deed: Deed, place: str, keys: tuple[str, ...] = (), *, purpose: str = ""
    ) -> Iterator[Write]:
        """Keep that a place is about to be written, and afterwards what came of it. A write that was cut off stays as begun."""
        begun = self._begin(deed, place, keys, purpose or self.purpose)
        write = Write()
        try:
            yield write
        except JxError as error:
            if not isinstance(error, Retryable) or isinstance(error, Stale):
                self._end(begun, Ending.REFUSED, "")
            raise
        self._end(begun, Ending.DONE if write.is_done else Ending.REFUSED, write.version)

    def list_all(self) -> tuple[SecretWrite, ...]:
        """What is kept; nothing where that cannot be read."""
        try:
            return self.log.list_all()
        except (Forbidden, Unavailable):
            return ()

    def _begin(self, deed: Deed, place: str, keys: tuple[str, ...], purpose: str) -> SecretWrite | None:
        try:
            return self.log.begin(SecretWrite(self.clock.now(), self.whoami(), deed, place, keys, purpose))
        except JxError as error:
            text = f"who writes {place} is recorded by its store only: {error.message}"
            self.reporter.tell(Event(text, Level.WARNING))
            return None

    def _end(self, begun: SecretWrite | None, ending: Ending, version: str) -> None:
        if begun is None:
            return
        try:
            self.log.end(replace(begun, ending=ending, version=version))
        except JxError as error:
            text = f"how the write of {begun.place} went on could not be recorded: {error.message}"
            self.reporter.tell(Event(text, Level.WARNING))
