"""The key of an embedded store in the desktop's keyring: `secret-tool` is the real one where a keyring can be started."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jx.adapters.local.vault.sealing import KeySource, forget_key, unseal
from jx.domain.errors import NotFound, Unavailable

_STAND_IN = """#!/bin/sh
# Keeps one entry in a file; says as little as the real one.
verb=$1; shift
case $verb in
    store) cat > "$KEYRING_FILE" ;;
    lookup) [ -f "$KEYRING_FILE" ] || exit 1; cat "$KEYRING_FILE" ;;
    clear) rm "$KEYRING_FILE" 2>/dev/null || exit 1 ;;
esac
"""
_ON_A_KEYRING = """
import sys
from pathlib import Path
from jx.adapters.local.vault.sealing import KeySource, forget_key, unseal
from jx.domain.errors import NotFound
folder = Path(sys.argv[1])
source = KeySource(folder.parent / "key", in_keyring=True)
sealed = unseal(folder, source).close_over(b"value", "a")
assert unseal(folder, KeySource(folder.parent / "key")).open(sealed, "a") == b"value"
forget_key(folder)
try:
    unseal(folder, source)
except NotFound as error:
    print(error.message)
"""
_SESSION = 'echo open | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$@"'
_PARTS = ("dbus-run-session", "gnome-keyring-daemon", "secret-tool")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a store that is not yet made."""
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a `secret-tool` that is first on the path keeps its entry."""
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "secret-tool"
    tool.write_text(_STAND_IN)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=os.pathsep)
    monkeypatch.setenv("KEYRING_FILE", str(tmp_path / "entry"))
    return tmp_path / "entry"


def test_a_store_that_was_made_with_the_keyring_opens_by_it_whatever_is_asked_for_later(
    folder: Path, kept: Path
) -> None:
    sealed = unseal(folder, KeySource(folder.parent / "key", in_keyring=True)).close_over(b"value", "a")
    assert unseal(folder, KeySource(folder.parent / "key")).open(sealed, "a") == b"value"
    assert not (folder.parent / "key").exists()
    assert kept.read_text() not in (folder / "seal.json").read_text()
    assert json.loads((folder / "seal.json").read_text())["by"] == "keyring"


def test_a_store_whose_key_the_keyring_has_lost_opens_to_nobody(folder: Path, kept: Path) -> None:
    unseal(folder, KeySource(folder.parent / "key", in_keyring=True))
    kept.unlink()
    with pytest.raises(NotFound, match="keyring has no key"):
        unseal(folder, KeySource(folder.parent / "key"))


def test_the_key_of_a_store_that_goes_goes_too_and_twice_is_no_mistake(folder: Path, kept: Path) -> None:
    unseal(folder, KeySource(folder.parent / "key", in_keyring=True))
    forget_key(folder)
    assert not kept.exists()
    forget_key(folder)


def test_where_there_is_no_keyring_nothing_is_made_and_the_ways_out_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Unavailable, match="secret-tool") as refused:
        unseal(folder, KeySource(folder.parent / "key", in_keyring=True))
    assert "JX_SECRETS_PASSPHRASE" in refused.value.hint
    assert not list(folder.iterdir())


@pytest.mark.skipif(
    not all(map(shutil.which, _PARTS)), reason="needs gnome-keyring, dbus and libsecret-tools"
)
def test_a_real_keyring_keeps_the_key(folder: Path, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    command = ["dbus-run-session", "--", "sh", "-c", _SESSION, "sh", sys.executable, "-c", _ON_A_KEYRING]
    done = subprocess.run(
        [*command, str(folder)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "the keyring has no key for the secret store key\n"
