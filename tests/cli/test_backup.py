"""`jx backup` and `jx restore`: the drill, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.platform import Machine, install

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-backup")]


@pytest.fixture
def passphrase(tmp_path: Path) -> str:
    file = tmp_path / "passphrase"
    file.write_text("correct horse battery\n")
    return str(file)


def test_a_platform_comes_back_with_its_history_and_goes_on(
    machine: Machine, passphrase: str, tmp_path: Path
) -> None:
    install(machine)
    machine.merge(machine.jx("add", "app", "redis", "--version", "1.0.0", user="ann").ok().pull)
    history = _commits(machine)
    saved, secret = str(tmp_path / "platform.jxb"), ("--passphrase-file", passphrase)

    assert "is saved to" in machine.jx("backup", saved, "--with-keys", *secret).ok().out
    machine.jx("hold", "production", "--reason", "after the backup").ok()
    refused = machine.jx("restore", saved, *secret).ended(3)
    assert "--force" in refused.told
    machine.jx("local", "reset", "--yes").ok()
    wrong = tmp_path / "wrong"
    wrong.write_text("another passphrase\n")
    assert "needs a passphrase" in machine.jx("restore", saved).ended(2).err
    assert "does not open" in machine.jx("restore", saved, "--passphrase-file", str(wrong)).ended(1).err
    assert "is back as it was saved" in machine.jx("restore", saved, *secret).ok().out

    assert history <= _commits(machine)
    assert "after the backup" not in machine.jx("get", "env").ok().out
    machine.jx("verify", "history", "dev").ok()
    machine.merge(machine.jx("upgrade", "app", "redis", user="ann").ok().pull)
    assert "redis" in machine.jx("get", "apps").ok().out


def test_what_cannot_be_saved_or_read_is_told(machine: Machine, passphrase: str, tmp_path: Path) -> None:
    secret = ("--passphrase-file", passphrase)
    assert "no embedded platform" in machine.jx("backup", "x.jxb", *secret).ended(4).err
    (tmp_path / "other").write_text("no backup")
    assert "is no backup" in machine.jx("restore", str(tmp_path / "other"), *secret).ended(5).err


def _commits(machine: Machine) -> set[str]:
    """What was applied to dev. Its proof may still be under way, and is told by an entry of its own."""
    entries = json.loads(machine.jx("get", "history", "dev", "-o", "json").ok().out)
    return {one["sourceCommit"] for one in entries}
