"""Engine: versioned keys and values at paths, one encrypted file per path, as Vault's key/value engine (version 2) has them."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from jx.adapters.files.writing import sync_folder, write_whole
from jx.adapters.local.vault.sealing import Seal
from jx.domain.errors import Invalid, Stale

_KEPT: Final = 10
"""Versions that are kept of each path, as Vault keeps by default."""
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a path; `values` are None once it was deleted."""

    number: int
    created: datetime
    values: dict[str, Any] | None = field(repr=False)


class Engine:
    """Everything in a folder. Each call is whole: it survives a crash, or has not happened."""

    def __init__(self, folder: Path, seal: Seal, now: Callable[[], datetime]) -> None:
        self._folder = folder
        self._seal = seal
        self._now = now
        self._lock = threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self, path: str) -> Version | None:
        """The newest version; None where nothing was ever written."""
        versions = self._load(path)
        return versions[-1] if versions else None

    def write(self, path: str, values: dict[str, Any], *, cas: int | None) -> Version:
        """A new version; Stale where `cas` is not the number of the newest one (0: none)."""
        with self._lock:
            versions = self._load(path)
            newest = versions[-1].number if versions else 0
            if cas is not None and cas != newest:
                raise Stale("check-and-set parameter did not match the current version")
            made = Version(newest + 1, self._now(), values)
            self._save(path, [*versions, made][-_KEPT:])
            return made

    def delete(self, path: str) -> None:
        """Forget the values of the newest version."""
        with self._lock:
            versions = self._load(path)
            if versions and versions[-1].values is not None:
                newest = versions[-1]
                self._save(path, [*versions[:-1], Version(newest.number, newest.created, None)])

    def destroy(self, path: str) -> None:
        """Remove a path with all its versions."""
        with self._lock:
            file = self._file(path)
            with contextlib.suppress(FileNotFoundError):
                file.unlink()
                sync_folder(file.parent)

    def names(self, folder: str) -> list[str]:
        """What is directly in a folder: secrets, and folders with a slash at their end."""
        prefix = f"{folder.strip('/')}/" if folder.strip("/") else ""
        below = (path.removeprefix(prefix) for path in self._paths() if path.startswith(prefix))
        return sorted(
            {f"{first}/" if slash else first for first, slash, _ in (one.partition("/") for one in below)}
        )

    def _paths(self) -> Iterator[str]:
        for file in self._folder.glob("*.sealed"):
            yield unquote(file.name.removesuffix(".sealed"))

    def _load(self, path: str) -> list[Version]:
        try:
            sealed = self._file(path).read_bytes()
        except FileNotFoundError:
            return []
        rows = json.loads(self._seal.open(sealed, path))
        return [
            Version(row["version"], datetime.fromisoformat(row["created"]), row["values"]) for row in rows
        ]

    def _save(self, path: str, versions: list[Version]) -> None:
        rows = [
            {"version": one.number, "created": one.created.isoformat(), "values": one.values}
            for one in versions
        ]
        write_whole(self._file(path), self._seal.close_over(json.dumps(rows).encode(), path))

    def _file(self, path: str) -> Path:
        parts = path.split("/")
        name = quote(path, safe="")
        if any(part in {"", ".", ".."} for part in parts) or len(name) > _LONGEST:
            raise Invalid(f"{path!r} is no path of a secret")
        return self._folder / f"{name}.sealed"
