"""The keyring of the desktop (Secret Service), through libsecret's `secret-tool`: values go by pipes, never as arguments."""

from __future__ import annotations

import contextlib
import subprocess
from typing import Final

from jx.domain.errors import JxError, NotFound, Unavailable

_TOOL: Final = "secret-tool"
_SECONDS: Final = 25.0
"""Time for a person to type the keyring's password; less than what whoever starts a store waits for it."""


def keep(store: str, value: str) -> None:
    """Keep the key of a store. Unavailable where there is no keyring, or nobody opens it."""
    _run("store", "--label", f"jx: secret store {store}", *_attributes(store), value=value)


def find(store: str) -> str:
    """The key of a store. NotFound where the keyring has none; Unavailable where there is no keyring."""
    try:
        return _run("lookup", *_attributes(store))
    except _SaidNothing as error:
        raise NotFound(
            f"the keyring has no key for the secret store {store}",
            hint="log in as the user who made the platform; without the key the stored secrets cannot be read by anybody",
        ) from error


def forget(store: str) -> None:
    """Remove the key of a store that is gone; nothing is told of one that is not there, or of a keyring that is closed."""
    with contextlib.suppress(Unavailable):
        _run("clear", *_attributes(store))


class _SaidNothing(Unavailable):
    """How `secret-tool` tells that there is no such entry: exit code 1, and not a word."""


def _attributes(store: str) -> tuple[str, ...]:
    return ("application", "jx", "store", store)


def _run(*arguments: str, value: str = "") -> str:
    try:
        done = subprocess.run(
            (_TOOL, *arguments), input=value, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise _no_keyring(f"there is no program {_TOOL}") from error
    except subprocess.TimeoutExpired as error:
        raise _no_keyring(f"nobody opened it within {_SECONDS:.0f} s") from error
    if done.returncode:
        said = done.stderr.strip()
        raise _no_keyring(said) if said else _SaidNothing("the keyring has no such entry")
    return done.stdout


def _no_keyring(why: str) -> JxError:
    return Unavailable(
        f"the keyring cannot be used: {why}",
        hint="install libsecret's secret-tool and log in to a desktop session; or set JX_SECRETS_PASSPHRASE in its place",
    )
