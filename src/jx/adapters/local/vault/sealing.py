"""Sealing: values are encrypted by a data key, and that by a key that is kept elsewhere, or made from a passphrase.

Elsewhere is a file outside of the store's folder, or the keyring of the desktop.

AES-256-GCM and scrypt, as `cryptography` has them. What a value belongs to is authenticated with it, so that
files cannot change places.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jx.adapters.files.passphrases import KEY_BYTES, key_of
from jx.adapters.files.writing import write_whole
from jx.adapters.local.vault import keyring
from jx.domain.errors import Forbidden, Invalid, NotFound

_FILE: Final = "seal.json"
_NONCE_BYTES: Final = 12
_ABOUT_AUDIT: Final = b"jx embedded secret store: audit record"
_ABOUT: Final = b"jx embedded secret store: data key"
_PASSPHRASE, _KEYRING, _KEY_FILE = "passphrase", "keyring", "key file"
_WAYS_BACK: Final = {
    _PASSPHRASE: "set JX_SECRETS_PASSPHRASE to the passphrase it was made with",
    _KEYRING: "log in as the user whose keyring has the right key",
    _KEY_FILE: "put the right key back to {file}",
}


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where the outer key comes from: a passphrase if there is one, else the keyring if asked for, else a file.

    What a store was made with stays: `in_keyring` counts for new ones only.
    """

    key_file: Path
    passphrase: str = ""
    in_keyring: bool = False

    def __repr__(self) -> str:
        return f"KeySource({'a passphrase' if self.passphrase else self.key_file})"


class Seal:
    """The data key, in memory while the store is open."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self.audit_key = hmac.new(key, _ABOUT_AUDIT, hashlib.sha256).digest()
        """For what may be told apart and not be guessed."""

    def close_over(self, plain: bytes, about: str) -> bytes:
        """The encrypted form of a value that belongs to something."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """The value; Invalid where it was changed, or belongs to something else."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode())
        except InvalidTag as error:
            raise Invalid(
                f"the stored secret {about} was changed from outside, or is another one's",
                hint="take it from a backup, or write it anew",
            ) from error


def unseal(folder: Path, source: KeySource) -> Seal:
    """The seal of a store; a new store gets one. NotFound without its key, Forbidden with a wrong passphrase."""
    path = folder / _FILE
    if not path.exists():
        return _create(path, source)
    written: dict[str, Any] = json.loads(path.read_text())
    sealed = base64.b64decode(written["key"])
    outer = _outer_key(source, written)
    try:
        key = AESGCM(outer).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _ABOUT)
    except InvalidTag as error:
        raise Forbidden(
            f"the embedded secret store in {folder} does not open by the {written['by']} that is given",
            hint=_WAYS_BACK[written["by"]].format(file=source.key_file),
        ) from error
    return Seal(key)


def forget_key(folder: Path) -> None:
    """Take the key of a store that goes for good out of the keyring, if it is there."""
    try:
        written: dict[str, Any] = json.loads((folder / _FILE).read_text())
    except (OSError, ValueError):
        return
    if written.get("by") == _KEYRING:
        keyring.forget(written["entry"])


def _create(path: Path, source: KeySource) -> Seal:
    salt = secrets.token_bytes(16)
    by = _PASSPHRASE if source.passphrase else _KEYRING if source.in_keyring else _KEY_FILE
    written: dict[str, Any] = {"by": by, "salt": base64.b64encode(salt).decode()}
    if by == _KEYRING:
        written["entry"] = source.key_file.stem
        keyring.keep(written["entry"], base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())
    elif by == _KEY_FILE and not source.key_file.exists():
        source.key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(source.key_file, base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
    key, nonce = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(_NONCE_BYTES)
    sealed = nonce + AESGCM(_outer_key(source, written)).encrypt(nonce, key, _ABOUT)
    write_whole(path, json.dumps({**written, "key": base64.b64encode(sealed).decode()}).encode())
    return Seal(key)


def _outer_key(source: KeySource, written: dict[str, Any]) -> bytes:
    if written["by"] == _PASSPHRASE:
        if not source.passphrase:
            raise NotFound(
                "the embedded secret store was made with a passphrase, and none is given",
                hint="set JX_SECRETS_PASSPHRASE",
            )
        return key_of(source.passphrase, base64.b64decode(written["salt"]))
    if written["by"] == _KEYRING:
        return base64.b64decode(keyring.find(written["entry"]))
    try:
        mode = source.key_file.stat().st_mode & 0o077
        key = base64.b64decode(source.key_file.read_text())
    except FileNotFoundError as error:
        raise NotFound(
            f"the key of the embedded secret store is not there: {source.key_file}",
            hint="put it back from where you keep it; without it the stored secrets cannot be read by anybody",
        ) from error
    if mode and os.name == "posix":
        raise Forbidden(f"{source.key_file} can be read by others", hint=f"chmod 600 {source.key_file}")
    return key
