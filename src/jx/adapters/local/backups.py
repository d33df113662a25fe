"""ports.platforms.Backups: an embedded platform as one encrypted file.

A line of JSON that says how it is encrypted, then AES-256-GCM of a compressed archive by a key made from a passphrase by scrypt.
The line is authenticated with it. In the archive `contents.json` comes first: what there is, with a digest of each file.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import secrets
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jx.adapters.files.writing import write_whole
from jx.adapters.local.passphrases import key_of
from jx.adapters.local.platforms import LocalPlatforms, key_file
from jx.domain.errors import Forbidden, Invalid, NotFound, Refused
from jx.domain.names import parse_environment_name
from jx.ports.platforms import Saved

_FORMAT: Final = "jx-backup/1"
_CONTENTS: Final = "contents.json"
_KEY: Final = "secret-store.key"
_NONCE_BYTES: Final = 12
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
        write_whole(file, _encrypt(_pack(name, files), passphrase))
        return Saved(name, len(files), has_keys=has_keys)

    def restore(self, file: Path, *, passphrase: str, force: bool) -> Saved:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise NotFound(
                f"{file} cannot be read: {error.strerror}", hint="name a file of jx backup"
            ) from error
        name, files = _unpack(_decrypt(content, passphrase, file), file)
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


def _pack(name: str, files: Mapping[str, tuple[bytes, int]]) -> bytes:
    digests = {place: hashlib.sha256(content).hexdigest() for place, (content, _) in files.items()}
    contents = json.dumps({"platform": name, "files": digests}).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for place, (content, mode) in {_CONTENTS: (contents, 0o600), **files}.items():
            entry = tarfile.TarInfo(place)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _unpack(packed: bytes, file: Path) -> tuple[str, dict[str, tuple[bytes, int]]]:
    """The name of the platform and its files, each as its digest says; Invalid where anything is not."""
    found: dict[str, tuple[bytes, int]] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
            for entry in archive:
                stream = archive.extractfile(entry)
                if stream is not None:
                    found[entry.name] = (stream.read(), entry.mode & 0o777)
        contents: dict[str, Any] = json.loads(found.pop(_CONTENTS)[0])
        name, digests = parse_environment_name(contents["platform"]), contents["files"]
    except (tarfile.TarError, OSError, EOFError, KeyError, ValueError, TypeError) as error:
        raise Invalid(f"{file} is damaged: {error}", hint="take another backup") from error
    wrong = sorted(
        place
        for place in {*digests, *found}
        if place not in found or digests.get(place) != hashlib.sha256(found[place][0]).hexdigest()
    )
    wrong += [place for place in found if PurePosixPath(place).is_absolute() or ".." in place.split("/")]
    if wrong:
        raise Invalid(f"{file} is damaged: {wrong[0]} is not what was saved", hint="take another backup")
    return str(name), found


def _encrypt(plain: bytes, passphrase: str) -> bytes:
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(_NONCE_BYTES)
    head = json.dumps({"format": _FORMAT, "salt": base64.b64encode(salt).decode()}).encode()
    return head + b"\n" + nonce + AESGCM(key_of(passphrase, salt)).encrypt(nonce, plain, head)


def _decrypt(content: bytes, passphrase: str, file: Path) -> bytes:
    head, _, rest = content.partition(b"\n")
    try:
        said = json.loads(head)
        salt = base64.b64decode(said["salt"])
        is_ours = said["format"] == _FORMAT
    except (ValueError, KeyError, TypeError):
        is_ours, salt = False, b""
    if not is_ours:
        raise Invalid(f"{file} is no backup that this jx can read", hint="name a file of jx backup")
    try:
        return AESGCM(key_of(passphrase, salt)).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], head)
    except (InvalidTag, ValueError) as error:
        raise Forbidden(
            f"{file} does not open: the passphrase is another one, or the file was changed",
            hint="give the passphrase that it was saved with",
        ) from error
