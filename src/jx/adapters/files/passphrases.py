"""Keys from passphrases: one place for what that costs whoever guesses."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

KEY_BYTES: Final = 32
_SCRYPT: Final = {"n": 2**15, "r": 8, "p": 1}


def key_of(passphrase: str, salt: bytes) -> bytes:
    """A key for AES-256, by scrypt (RFC 7914). What was encrypted by it opens only with these same parameters."""
    return Scrypt(salt=salt, length=KEY_BYTES, **_SCRYPT).derive(passphrase.encode())
