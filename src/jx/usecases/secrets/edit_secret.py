"""Edit a secret: set keys of a path in its store, or take them away. Git is not touched: it holds references only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jx.domain.errors import NotFound, Stale
from jx.domain.events import Event
from jx.domain.ledger.secret_writes import Deed
from jx.domain.objects.references import Scheme
from jx.ports.reporter import Reporter
from jx.ports.secrets import SecretStore
from jx.usecases.planning.record_secrets import RecordSecrets

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class EditSecretRequest:
    """Which keys of which path; other keys of it stay as they are."""

    path: str
    scheme: Scheme = Scheme.VAULT
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    removes: tuple[str, ...] = ()
    """Keys to take away."""
    is_gone: bool = False
    """Remove the path with all it holds."""
    deed: Deed = Deed.SET
    purpose: str = "jx edit secret"
    """For the audit record of the store, and for ours."""

    def __hash__(self) -> int:
        return hash((self.path, self.scheme))


@dataclass(frozen=True, slots=True)
class EditSecret:
    """Writes by compare-and-swap, so that two people who set different keys both succeed."""

    stores: Mapping[Scheme, SecretStore]
    reporter: Reporter
    record: RecordSecrets

    def __call__(self, request: EditSecretRequest) -> bool:
        """Whether anything was changed. NotFound where there is no such store, or nothing to take away."""
        if request.scheme not in self.stores:
            raise NotFound(
                f"there is no store for {request.scheme}:",
                hint="set VAULT_ADDR and VAULT_TOKEN, or install with --vault",
            )
        store = self.stores[request.scheme]
        if request.is_gone:
            return self._remove(store, request)
        for _ in range(_ATTEMPTS):
            there = store.read((request.path,), purpose=request.purpose).get(request.path)
            values = dict(there.values) if there else {}
            self._check_removes(request, values)
            wanted = {
                key: value
                for key, value in {**values, **request.values}.items()
                if key not in request.removes
            }
            if there and wanted == values:
                self.reporter.tell(Event(f"{request.path} is so already"))
                return False
            if self._write(store, request, wanted, there.version if there else ""):
                return True
        raise Stale(f"{request.path} is being written by many at once", hint="try again in a moment")

    def _write(
        self, store: SecretStore, request: EditSecretRequest, values: Mapping[str, str], version: str
    ) -> bool:
        """Whether it was written; else somebody else was faster."""
        changed = (*request.values, *request.removes)
        place = f"{request.scheme}:{request.path}"
        try:
            with self.record(request.deed, place, changed, purpose=request.purpose) as write:
                written = store.write(request.path, values, version=version, purpose=request.purpose)
                write.done(written)
        except Stale:
            return False
        keys = ", ".join((*request.values, *(f"{key} (gone)" for key in request.removes)))
        number = f" {written.version}" if written.is_counted else ""
        self.reporter.tell(Event(f"{request.path} has a new version{number}: {keys}"))
        return True

    def _remove(self, store: SecretStore, request: EditSecretRequest) -> bool:
        with self.record(Deed.REMOVED, f"{request.scheme}:{request.path}", purpose=request.purpose) as write:
            if not store.remove(request.path, purpose=request.purpose):
                raise NotFound(f"{store.name} has nothing at {request.path}", hint="jx get secrets")
            write.done()
        self.reporter.tell(Event(f"{request.path} is gone, with all its versions"))
        return True

    def _check_removes(self, request: EditSecretRequest, values: Mapping[str, str]) -> None:
        absent = [key for key in request.removes if key not in values]
        if absent:
            known = ", ".join(sorted(values)) or "none"
            raise NotFound(f"{request.path} has no key {absent[0]} (it has {known})")
