"""Secrets in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from jx.domain.errors import Forbidden, Invalid, JxError, Stale, about
from jx.domain.objects.references import check_path
from jx.domain.secrets.store_readers import Reader
from jx.ports.secrets import Listed, Secret

_AT = datetime(2026, 1, 1, tzinfo=UTC)


class MemorySecretAccess:
    """ports.secrets.SecretAccess in memory. `faults` are raised by the first checks, one each, as by a store that starts."""

    def __init__(self, *faults: JxError) -> None:
        self.faults = list(faults)
        self.missing: tuple[str, ...] = ()
        self.made: list[str] = []
        self.readers: dict[str, Reader] = {}

    def check(self) -> None:
        if self.faults:
            raise self.faults.pop(0)

    def missing_rights(self, roles: tuple[str, ...]) -> tuple[str, ...]:
        return self.missing

    def ensure_engine(self) -> bool:
        return self._ensure("engine")

    def ensure_login(self) -> bool:
        return self._ensure("login")

    def ensure_reader(self, reader: Reader) -> bool:
        was_so = self.readers.get(reader.role) == reader
        self.readers[reader.role] = reader
        return not was_so

    def _ensure(self, what: str) -> bool:
        was_so = what in self.made
        self.made += [] if was_so else [what]
        return not was_so


class MemorySecrets:
    """ports.secrets.SecretStore in memory. `fault`, if set, is raised by every call, as a store that is down would."""

    def __init__(self, stored: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self.fault: Exception | None = None
        self.forbidden: set[str] = set()
        """Paths that nobody may read."""
        self.requests: list[str] = []
        """The paths that were read, in order."""
        self._stored = {path: Secret(path, dict(values), "1", _AT) for path, values in (stored or {}).items()}
        self._count = dict.fromkeys(self._stored, 1)

    depth = 0

    @property
    def name(self) -> str:
        """`the store in memory`."""
        return "the store in memory"

    def check(self) -> None:
        if self.fault:
            raise self.fault

    def read(self, paths: tuple[str, ...], *, purpose: str = "") -> Mapping[str, Secret]:
        self.check()
        wanted = tuple(dict.fromkeys(paths))
        self.requests += wanted
        for path in wanted:
            with about(path):
                self._check_secret(path)
        return {path: self._stored[path] for path in wanted if path in self._stored}

    def _check_secret(self, path: str) -> None:
        check_path(path)
        if path in self.forbidden:
            raise Forbidden(f"{self.name} forbids read of {path}", hint="its policies have to allow that")
        if path not in self._stored and any(other.startswith(f"{path}/") for other in self._stored):
            raise Invalid(f"{path} of {self.name} is a folder, not a secret", hint="name a secret in it")

    def write(self, path: str, values: Mapping[str, str], *, version: str = "", purpose: str = "") -> Secret:
        self.check()
        check_path(path)
        there = self._stored.get(path)
        if (there.version if there else "") != version:
            raise Stale(f"{path} of {self.name} was changed by somebody else meanwhile")
        self._count[path] = self._count.get(path, 0) + 1
        self._stored[path] = Secret(path, dict(values), str(self._count[path]), _AT)
        return self._stored[path]

    def list_under(self, prefix: str = "") -> tuple[Listed, ...]:
        self.check()
        at = prefix.strip("/")
        return tuple(
            Listed(path, secret.version, secret.changed)
            for path, secret in sorted(self._stored.items())
            if not at or path == at or path.startswith(f"{at}/")
        )

    def remove(self, path: str, *, purpose: str = "") -> bool:
        self.check()
        check_path(path)
        return self._stored.pop(path, None) is not None
