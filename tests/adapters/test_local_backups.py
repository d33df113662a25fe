"""Backups of embedded platforms: encrypted, whole, and refused where they are not."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from jx.adapters.local.backups import LocalBackups
from jx.adapters.local.platforms import LocalPlatforms, key_file
from jx.domain.errors import Forbidden, Invalid, NotFound, Refused

PASSPHRASE = "correct horse battery"
RECORD = {
    "owner": "ann", "owner_name": "Ann", "owner_email": "ann@localhost", "forge_port": 1, "kubernetes_port": 2,
    "ingress_port": 3, "vault_port": 4,
}  # fmt: skip


@pytest.fixture
def backups(tmp_path: Path) -> LocalBackups:
    """A home with a platform that never ran."""
    home, keys = tmp_path / "home", tmp_path / "keys"
    folder = home / "platforms" / "local"
    for one in ("kubernetes", "vault", "logs", "forge/repositories/dana/env.git/refs/heads"):
        (folder / one).mkdir(parents=True)
    (folder / "platform.json").write_text(json.dumps(RECORD))
    (folder / "vault" / "seal.json").write_text(json.dumps({"by": "key file"}))
    (folder / "vault" / "canary").write_text("canary value")
    (folder / "logs" / "forge.log").write_text("hello")
    (folder / "forge/repositories/dana/env.git/config").write_text("[core]\n")
    with sqlite3.connect(folder / "kubernetes" / "state.db") as database:
        database.execute("pragma journal_mode=wal")
        database.execute("create table objects (name text)")
        database.execute("insert into objects values ('anchor-dev')")
    return LocalBackups(LocalPlatforms(home, keys), home, keys)


def _folder(backups: LocalBackups) -> Path:
    return backups.home / "platforms" / "local"


def test_a_platform_comes_back_without_what_is_made_anew(backups: LocalBackups, tmp_path: Path) -> None:
    file = tmp_path / "saved.jxb"
    saved = backups.save("local", file, passphrase=PASSPHRASE, with_keys=True)
    assert not saved.has_keys  # there is none
    assert b"canary value" not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    backups.platforms.remove("local")
    found = backups.restore(file, passphrase=PASSPHRASE, force=False)
    folder = _folder(backups)
    assert found.missing_key == str(key_file(backups.keys, folder.resolve()))
    assert (folder / "vault" / "canary").read_text() == "canary value"
    assert not (folder / "logs").exists()
    assert (folder / "forge/repositories/dana/env.git/refs/heads").is_dir()
    with sqlite3.connect(folder / "kubernetes" / "state.db") as database:
        assert database.execute("select name from objects").fetchall() == [("anchor-dev",)]


def test_a_platform_that_is_there_is_not_overwritten(backups: LocalBackups, tmp_path: Path) -> None:
    file = tmp_path / "saved.jxb"
    backups.save("local", file, passphrase=PASSPHRASE, with_keys=False)
    (_folder(backups) / "vault" / "canary").write_text("newer")
    with pytest.raises(Refused) as caught:
        backups.restore(file, passphrase=PASSPHRASE, force=False)
    assert caught.value.flag == "--force"
    assert (_folder(backups) / "vault" / "canary").read_text() == "newer"
    backups.restore(file, passphrase=PASSPHRASE, force=True)
    assert (_folder(backups) / "vault" / "canary").read_text() == "canary value"


def test_a_changed_or_cut_file_or_another_passphrase_restores_nothing(
    backups: LocalBackups, tmp_path: Path
) -> None:
    file = tmp_path / "saved.jxb"
    backups.save("local", file, passphrase=PASSPHRASE, with_keys=False)
    backups.platforms.remove("local")
    whole = file.read_bytes()
    with pytest.raises(Forbidden):
        backups.restore(file, passphrase="another passphrase", force=False)
    for damaged in (
        whole[:-1],
        whole[:-1] + bytes([whole[-1] ^ 1]),
        whole.replace(b'"salt": "', b'"salt":  "', 1),
    ):
        file.write_bytes(damaged)
        with pytest.raises(Forbidden):
            backups.restore(file, passphrase=PASSPHRASE, force=False)
    file.write_bytes(b"{}\n")
    with pytest.raises(Invalid):
        backups.restore(file, passphrase=PASSPHRASE, force=False)
    assert not _folder(backups).exists()


def test_what_is_not_there_is_not_saved(backups: LocalBackups, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        backups.save("other", tmp_path / "x", passphrase=PASSPHRASE, with_keys=False)
    with pytest.raises(NotFound):
        backups.save("local", tmp_path / "none" / "x", passphrase=PASSPHRASE, with_keys=False)
    with pytest.raises(NotFound):
        backups.restore(tmp_path / "none", passphrase=PASSPHRASE, force=False)
