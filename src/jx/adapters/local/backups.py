"""ports.platforms.Backups: an embedded platform as one encrypted file."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jx.adapters.files import sealed
from jx.adapters.files.writing import write_whole
from jx.adapters.local.platforms import LocalPlatforms, key_file
from jx.domain.errors import Invalid, NotFound, Refused, Usage
from jx.domain.names import parse_environment_name
from jx.ports.platforms import Saved

_KEY: Final = "secret-store.key"
_LEFT_OUT: Final = ("cache", "logs", "kubernetes/pods")
"""What is made anew: mirrors, logs, the folders of containers."""
_PASSING: Final = frozenset({"lock", "daemon.lock", "ready"})
_BESIDE_DATABASES: Final = (".db-wal", ".db-shm", ".db-journal")


@dataclass(frozen=True, slots=True)
class LocalBackups:
    """Backups of the platforms of a home folder."""

    platforms: LocalPlatforms
    home: Path
    keys: Path

    def save(self, name: str, file: Path, *, passphrase: str, with_keys: bool) -> Saved:
        if not passphrase:
            raise Usage(
                "the backup of an embedded platform holds secrets, whatever is left out",
                hint="--passphrase-file FILE",
            )
        platform = self.platforms.find(name)
        if platform is None:
            raise NotFound(
                f"there is no embedded platform {name!r}", hint="jx use lists those that are there"
            )
        if not file.parent.is_dir():
            raise NotFound(f"there is no folder {file.parent}", hint=f"mkdir -p {file.parent}")
        ran = self.platforms.stop(name)
        try:
            files = dict(_read_files(platform.folder))
        finally:
            if ran:
                self.platforms.start(name)
        key = key_file(self.keys, platform.folder.resolve())
        has_keys = with_keys and key.exists()
        if has_keys:
            files[_KEY] = (key.read_bytes(), 0o600)
        write_whole(file, sealed.seal(sealed.pack({"platform": name}, files), passphrase))
        return Saved(name, len(files), has_keys=has_keys)

    def restore(self, file: Path, *, passphrase: str, force: bool) -> Saved:
        contents, files = sealed.unpack(sealed.unseal(file, passphrase), file)
        try:
            name = str(parse_environment_name(contents["platform"]))
        except (KeyError, TypeError, Invalid) as error:
            raise Usage(f"{file} is no backup of an embedded platform") from error
        folder = self.home / "platforms" / name
        is_there = name in self.platforms.list_names()
        if is_there and not force:
            raise Refused(
                f"there is a platform {name} already, which a restore would overwrite", flag="--force"
            )
        key, kept = files.pop(_KEY, None), key_file(self.keys, folder.resolve())
        old_key = kept.read_bytes() if kept.exists() else b""
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.home, prefix=".restore-") as draft:
            whole = Path(draft, name)
            _write_files(whole, files)
            if is_there:
                self.platforms.remove(name)
            elif folder.exists():  # what a start left that failed
                shutil.rmtree(folder)
            whole.rename(folder)
        secret = key[0] if key else old_key
        if secret:
            kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(kept, secret)
        is_missing = not secret and _needs_key(files)
        if not is_missing:
            self.platforms.start(name)
        return Saved(
            name, len(files) + bool(key), has_keys=bool(key), missing_key=str(kept) if is_missing else ""
        )


def _needs_key(files: Mapping[str, tuple[bytes, int]]) -> bool:
    """Whether there is a secret store that opens by a key file; one with a passphrase or a keyring asks for that."""
    seal = files.get("vault/seal.json")
    return seal is not None and json.loads(seal[0]).get("by") not in ("passphrase", "keyring")


def _read_files(folder: Path) -> Iterator[tuple[str, tuple[bytes, int]]]:
    """Every file that counts, with its mode. Databases are read by their own backup, so that nothing in a journal is lost."""
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder).as_posix()
        is_left_out = any(place == one or place.startswith(f"{one}/") for one in _LEFT_OUT)
        is_passing = path.name in _PASSING or path.name.endswith(_BESIDE_DATABASES)
        if is_left_out or is_passing or path.is_symlink() or not path.is_file():
            continue
        content = _read_database(path) if path.suffix == ".db" else path.read_bytes()
        yield place, (content, path.stat().st_mode & 0o777)


def _read_database(path: Path) -> bytes:
    with (
        tempfile.TemporaryDirectory() as draft,
        contextlib.closing(sqlite3.connect(path)) as source,
        contextlib.closing(sqlite3.connect(Path(draft, "copy.db"))) as copy,
    ):
        source.backup(copy)
        return Path(draft, "copy.db").read_bytes()


def _write_files(folder: Path, files: Mapping[str, tuple[bytes, int]]) -> None:
    folder.mkdir(mode=0o700)
    for place, (content, mode) in files.items():
        path = folder / place
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)
        path.chmod(mode)
    for one in ("refs/heads", "refs/tags", "objects"):  # git wants them, also where they are empty
        for config in folder.glob("forge/repositories/**/config"):
            (config.parent / one).mkdir(parents=True, exist_ok=True)
