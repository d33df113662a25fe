"""The embedded secret store: what lies on disk, who gets in, and what is kept of it."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support import vaults

from jx.adapters.local.fixed_clock import FixedClock
from jx.adapters.local.vault.sealing import KeySource, unseal
from jx.adapters.vault.access import ServiceAccount, Token
from jx.adapters.vault.client import Client
from jx.adapters.vault.store import VaultSecrets
from jx.domain.errors import Forbidden, Invalid, NotFound, Unavailable

VALUE = "a-value-that-nobody-sees"


def test_no_file_of_the_store_holds_a_value(tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    with vaults.embedded_store(folder) as access:
        VaultSecrets(access).write("prod/db", {"password": VALUE})
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any("prod" in path.name for path in files)
    assert not [path for path in files if VALUE.encode() in path.read_bytes()]


def test_a_store_goes_on_where_it_was_after_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        with vaults.embedded_store(tmp_path / "vault") as access:
            store = VaultSecrets(access)
            there = store.read(("a",)).get("a")
            store.write("a", {"k": VALUE}, version=there.version if there else "")
    with vaults.embedded_store(tmp_path / "vault") as access:
        found = VaultSecrets(access).read(("a",))["a"]
    assert (found.values["k"], found.version) == (VALUE, "2")


def test_a_copy_without_its_key_opens_to_nobody(tmp_path: Path) -> None:
    unseal(_folder(tmp_path), KeySource(tmp_path / "keys" / "store"))
    with pytest.raises(NotFound, match="is not there"):
        unseal(tmp_path / "store", KeySource(tmp_path / "elsewhere"))
    other = tmp_path / "other.key"
    other.write_text("b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGVybzE=\n")
    other.chmod(0o600)
    with pytest.raises(Forbidden, match="does not open"):
        unseal(tmp_path / "store", KeySource(other))


def test_a_passphrase_opens_and_another_one_does_not(tmp_path: Path) -> None:
    folder, key_file = _folder(tmp_path), tmp_path / "key"
    sealed = unseal(folder, KeySource(key_file, "correct horse")).close_over(b"x", "a")
    assert unseal(folder, KeySource(key_file, "correct horse")).open(sealed, "a") == b"x"
    assert not key_file.exists()
    with pytest.raises(Forbidden, match="passphrase"):
        unseal(folder, KeySource(key_file, "battery staple"))
    with pytest.raises(NotFound, match="passphrase"):
        unseal(folder, KeySource(key_file))


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    source = KeySource(tmp_path / "keys" / "store")
    unseal(_folder(tmp_path), source)
    source.key_file.chmod(0o644)
    with pytest.raises(Forbidden, match="can be read by others"):
        unseal(tmp_path / "store", source)


def test_files_that_change_places_are_found_out(tmp_path: Path) -> None:
    engine = vaults.services(_folder(tmp_path)).engine
    engine.write("prod/db", {"password": VALUE}, cas=None)
    engine.write("staging/db", {"password": "other"}, cas=None)
    files = tmp_path / "store" / "secrets"
    (files / "staging%2Fdb.sealed").write_bytes((files / "prod%2Fdb.sealed").read_bytes())
    with pytest.raises(Invalid, match="staging/db was changed from outside"):
        engine.read("staging/db")


def test_an_account_reads_what_its_role_says_and_nothing_else(tmp_path: Path) -> None:
    with vaults.embedded_store(tmp_path / "vault") as access:
        owner = VaultSecrets(access)
        owner.write("staging/db", {"k": VALUE})
        owner.write("prod/db", {"k": VALUE})
        _allow(Client(access), "staging")
        login = ServiceAccount("staging", lambda: "jx/controllers")
        store = VaultSecrets(replace(access, login=login))
        assert store.read(("staging/db",))["staging/db"].values["k"] == VALUE
        with pytest.raises(Forbidden, match="prod/db"):
            store.read(("prod/db",))
        with pytest.raises(Forbidden):
            store.write("staging/db", {"k": "2"}, version="1")
        stranger = ServiceAccount("staging", lambda: "default/stranger")
        with pytest.raises(Forbidden, match="refuses the login"):
            VaultSecrets(replace(access, login=stranger)).read(("staging/db",))


def test_a_token_that_nobody_gave_is_refused(tmp_path: Path) -> None:
    with (
        vaults.embedded_store(tmp_path / "vault") as access,
        pytest.raises(Forbidden, match="does not know the token"),
    ):
        VaultSecrets(replace(access, login=Token("jx.guessed"))).check()


def test_policies_and_roles_survive_a_restart(tmp_path: Path) -> None:
    with vaults.embedded_store(tmp_path / "vault") as access:
        VaultSecrets(access).write("staging/db", {"k": VALUE})
        _allow(Client(access), "staging")
    with vaults.embedded_store(tmp_path / "vault") as access:
        login = ServiceAccount("staging", lambda: "jx/controllers")
        store = VaultSecrets(replace(access, login=login))
        assert store.read(("staging/db",))["staging/db"].values["k"] == VALUE


def _audited(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]


def test_the_audit_record_says_who_what_and_for_which_commit(tmp_path: Path) -> None:
    with vaults.embedded_store(tmp_path / "vault") as access:
        store = VaultSecrets(access)
        store.write("staging/db", {"k": VALUE}, purpose="jx edit secret")
        store.read(("staging/db",), purpose="apply of dev at 29259323a029 by Zoë")
    rows = [row for row in _audited(tmp_path / "vault") if row["path"] == "secret/data/staging/db"]
    assert [(row["type"], row["verb"], row["who"], row.get("for", "")) for row in rows] == [
        ("request", "create", "root", "jx edit secret"),
        ("response", "create", "root", ""),
        ("request", "read", "root", "apply of dev at 29259323a029 by Zoë"),
        ("response", "read", "root", ""),
    ]
    assert rows[0]["id"] == rows[1]["id"] != rows[2]["id"]
    assert [row.get("result") for row in rows] == [None, "done", None, "done"]


def test_values_and_tokens_are_in_the_audit_record_as_keyed_hashes_only(tmp_path: Path) -> None:
    with vaults.embedded_store(tmp_path / "vault") as access:
        store = VaultSecrets(access)
        first = store.write("staging/db", {"k": VALUE})
        store.write("staging/db", {"k": f"other {VALUE}"}, version=first.version)
        store.write("prod/db", {"k": VALUE})
    text = (tmp_path / "vault" / "audit.jsonl").read_text()
    for plain in (VALUE, vaults.ROOT_TOKEN):
        assert plain not in text
        assert hashlib.sha256(plain.encode()).hexdigest() not in text
    rows = [
        row["values"]["k"]
        for row in _audited(tmp_path / "vault")
        if row["type"] == "request" and "values" in row
    ]
    assert rows[0] == rows[2] != rows[1]


def test_what_is_refused_is_in_the_audit_record(tmp_path: Path) -> None:
    with vaults.embedded_store(tmp_path / "vault") as access:
        _allow(Client(access), "staging")
        store = VaultSecrets(replace(access, login=ServiceAccount("staging", lambda: "jx/controllers")))
        with pytest.raises(Forbidden):
            store.read(("prod/db",))
        with pytest.raises(Forbidden):
            VaultSecrets(replace(access, login=Token("jx.guessed"))).check()
    denied = [row for row in _audited(tmp_path / "vault") if row.get("result") == "denied"]
    assert [(row["who"], row["path"]) for row in denied] == [
        *[("jx/controllers", "secret/data/prod/db")] * 2,
        ("nobody", "auth/token/lookup-self"),
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to try it on")
def test_what_cannot_be_written_down_is_not_done(tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault" / "audit.jsonl").symlink_to("/dev/full")
    with (
        vaults.embedded_store(tmp_path / "vault") as access,
        pytest.raises(Unavailable, match="No space left on device"),
    ):
        VaultSecrets(access).write("a", {"k": VALUE})
    assert not list((tmp_path / "vault" / "secrets").iterdir())


def test_a_renewed_token_goes_on_as_long_as_it_was_given(tmp_path: Path) -> None:
    clock = FixedClock()
    with vaults.embedded_store(tmp_path / "vault", clock=clock) as access:
        made = Client(access).ask("POST", "auth/token/create", {"policies": ["x"], "ttl": "10m"})
        assert made is not None
        mine = Client(replace(access, login=Token(made["auth"]["client_token"])))
        clock.move(timedelta(minutes=6))
        renewed = mine.ask("POST", "auth/token/renew-self", {})
        assert renewed is not None
        assert renewed["auth"]["lease_duration"] == 600
        clock.move(timedelta(minutes=11))
        with pytest.raises(Forbidden, match="does not know the token that is used, or it has ended"):
            mine.ask("GET", "secret/data/a")


def test_a_token_that_a_person_gave_is_renewed_while_an_apply_waits(tmp_path: Path) -> None:
    clock, folder = FixedClock(), tmp_path / "vault"

    def renewals() -> int:
        rows = _audited(folder)
        return sum(row["path"] == "auth/token/renew-self" and row["type"] == "response" for row in rows)

    def wait_for(number: int) -> None:
        ends = time.monotonic() + 60
        while renewals() < number and time.monotonic() < ends:
            threading.Event().wait(0.02)
        assert renewals() >= number

    with vaults.embedded_store(folder, clock=clock) as access:
        VaultSecrets(access).write("a", {"k": VALUE})
        _allow_all(Client(access), "reader")
        made = Client(access).ask("POST", "auth/token/create", {"policies": ["reader"], "ttl": "2s"})
        assert made is not None
        store = VaultSecrets(replace(access, login=Token(made["auth"]["client_token"])))
        store.read(("a",))
        for number in (1, 2):  # the store's time goes on by what a token lasts, and a bit
            wait_for(number)
            clock.move(timedelta(seconds=1.5))
        assert store.read(("a",))["a"].values["k"] == VALUE
        store.close()


def test_a_store_that_is_down_is_said_to_be(tmp_path: Path) -> None:
    with vaults.embedded_store(tmp_path / "vault") as access:
        pass
    with pytest.raises(Unavailable, match="cannot be reached"):
        VaultSecrets(access).check()


def _folder(parent: Path) -> Path:
    folder = parent / "store"
    folder.mkdir()
    return folder


def _allow_all(owner: Client, name: str) -> None:
    policy = {"path": {"*": {"capabilities": ["read"]}}}
    owner.ask("PUT", f"sys/policies/acl/{name}", {"policy": json.dumps(policy)})


def _allow(owner: Client, environment: str) -> None:
    policy = {"path": {f"secret/data/{environment}/*": {"capabilities": ["read"]}}}
    owner.ask("PUT", f"sys/policies/acl/{environment}", {"policy": json.dumps(policy)})
    role = {
        "bound_service_account_names": "controllers",
        "bound_service_account_namespaces": "jx",
        "token_policies": [environment],
    }
    owner.ask("POST", f"auth/kubernetes/role/{environment}", role)
