"""What was fetched before, on disk: archives by their digest, indexes by their URL, and which digest a version had.

Every file is written whole under a name of its own and then renamed, so a crash leaves nothing half, and two processes may share
the folder. What does not match its digest counts as not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

from jx.adapters.files.writing import write_whole
from jx.adapters.helm.archives import digest_of
from jx.domain.charts.charts import ChartRef, ChartVersion
from jx.domain.errors import Failed


class ChartCache:
    """A folder of charts. It may be deleted at any time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_archive(self, digest: str) -> bytes | None:
        """The archive with that digest (`sha256:...`), or None."""
        data = self._read(self._archive(digest))
        return data if data is not None and digest_of(data) == digest else None

    def put_archive(self, data: bytes) -> str:
        """Keep an archive; its digest."""
        digest = digest_of(data)
        self._write(self._archive(digest), data)
        return digest

    def drop_archive(self, digest: str) -> None:
        """Forget what has that digest."""
        with contextlib.suppress(OSError):
            self._archive(digest).unlink()

    def find_pin(self, ref: ChartRef) -> ChartVersion | None:
        """The exact version as it was when it was fetched, or None."""
        found = self._read_json(self._pin(ref))
        try:
            return ChartVersion(**found) if isinstance(found, dict) else None
        except TypeError:
            return None

    def put_pin(self, ref: ChartRef, version: ChartVersion) -> None:
        """Remember which digest the exact version of a reference has."""
        fields = ("name", "version", "repository", "digest", "description", "app_version", "home")
        self._write_json(self._pin(ref), {name: getattr(version, name) for name in fields})

    def find_json(self, kind: str, key: str) -> Any:
        """Remembered JSON, or None. `Any`: whatever was put."""
        return self._read_json(self._folder / kind / f"{_hash(key)}.json")

    def put_json(self, kind: str, key: str, value: Any) -> None:
        """Remember JSON under a key."""
        self._write_json(self._folder / kind / f"{_hash(key)}.json", value)

    def _archive(self, digest: str) -> Path:
        return self._folder / "archives" / f"{_hash(digest)}.tgz"

    def _pin(self, ref: ChartRef) -> Path:
        return self._folder / "pins" / f"{_hash(ref.repository.rstrip('/'), ref.name, ref.version)}.json"

    def _read(self, path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Failed(f"the cache of charts cannot be read: {error}") from error

    def _read_json(self, path: Path) -> Any:
        data = self._read(path)
        try:
            return json.loads(data) if data else None
        except ValueError:
            return None

    def _write_json(self, path: Path, value: Any) -> None:
        self._write(path, json.dumps(value).encode())

    def _write(self, path: Path, data: bytes) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, data, is_synced=False)
        except OSError as error:
            raise Failed(
                f"the cache of charts cannot be written: {error}",
                hint="make room or choose another folder for the cache",
            ) from error


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
