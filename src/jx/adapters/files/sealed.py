"""Files of backups: an archive, encrypted by a passphrase where there is one.

A line of JSON that says how it is encrypted, then AES-256-GCM of a compressed archive by a key made from a passphrase by scrypt.
The line is authenticated with it. In the archive `contents.json` comes first: what there is, with a digest of each file. Without
a passphrase the archive stands behind the line as it is.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import secrets
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jx.adapters.files.passphrases import key_of
from jx.domain.errors import Forbidden, Invalid, NotFound

_FORMAT: Final = "jx-backup/1"
_CONTENTS: Final = "contents.json"
_NONCE_BYTES: Final = 12

Files = Mapping[str, tuple[bytes, int]]
"""Contents and modes by place."""


def is_sealed(file: Path) -> bool:
    """Whether a backup wants a passphrase. NotFound, and Invalid for what is no backup."""
    return bool(_split(file)[1])


def pack(about: Mapping[str, Any], files: Files) -> bytes:
    """An archive of files, with what there is to say of it."""
    digests = {place: hashlib.sha256(content).hexdigest() for place, (content, _) in files.items()}
    contents = json.dumps({**about, "files": digests}).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for place, (content, mode) in {_CONTENTS: (contents, 0o600), **files}.items():
            entry = tarfile.TarInfo(place)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def unpack(packed: bytes, file: Path) -> tuple[dict[str, Any], dict[str, tuple[bytes, int]]]:
    """What is said of an archive, and its files, each as its digest says; Invalid where anything is not."""
    found: dict[str, tuple[bytes, int]] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
            for entry in archive:
                stream = archive.extractfile(entry)
                if stream is not None:
                    found[entry.name] = (stream.read(), entry.mode & 0o777)
        about: dict[str, Any] = json.loads(found.pop(_CONTENTS)[0])
        digests = dict(about["files"])
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
    return about, found


def seal(plain: bytes, passphrase: str) -> bytes:
    """What stands in the file; without a passphrase it is only marked as a backup."""
    if not passphrase:
        return json.dumps({"format": _FORMAT}).encode() + b"\n" + plain
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(_NONCE_BYTES)
    head = json.dumps({"format": _FORMAT, "salt": base64.b64encode(salt).decode()}).encode()
    return head + b"\n" + nonce + AESGCM(key_of(passphrase, salt)).encrypt(nonce, plain, head)


def unseal(file: Path, passphrase: str) -> bytes:
    """The archive in a file. NotFound, Invalid, and Forbidden where it does not open."""
    head, salt, rest = _split(file)
    if not salt:
        return rest
    try:
        return AESGCM(key_of(passphrase, salt)).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], head)
    except (InvalidTag, ValueError) as error:
        raise Forbidden(
            f"{file} does not open: the passphrase is another one, or the file was changed",
            hint="give the passphrase that it was saved with",
        ) from error


def _split(file: Path) -> tuple[bytes, bytes, bytes]:
    """The first line, the salt in it (none: not encrypted), and what comes after."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}", hint="name a file of jx backup") from error
    head, _, rest = content.partition(b"\n")
    try:
        said = json.loads(head)
        salt = base64.b64decode(said.get("salt", ""))
        is_ours = said["format"] == _FORMAT
    except (ValueError, KeyError, TypeError, AttributeError):
        is_ours, salt = False, b""
    if not is_ours:
        raise Invalid(f"{file} is no backup that this jx can read", hint="name a file of jx backup")
    return head, salt, rest
