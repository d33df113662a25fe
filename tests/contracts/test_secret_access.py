"""The contract of `ports.secrets.SecretAccess`, held to every adapter of it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support import vaults

from jx.adapters.local.memory_secrets import MemorySecretAccess
from jx.adapters.vault.access import ServiceAccount, VaultAccess
from jx.adapters.vault.accounts import VaultAccounts
from jx.adapters.vault.store import VaultSecrets
from jx.domain.errors import Forbidden
from jx.ports.secrets import SecretAccess

NEEDS_VAULT = pytest.mark.skipif(vaults.real_access() is None, reason="JX_TEST_VAULT_ADDR names no Vault")


@pytest.fixture(params=["memory", "embedded", pytest.param("vault", marks=NEEDS_VAULT)])
def access(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SecretAccess]:
    match request.param:
        case "memory":
            yield MemorySecretAccess()
        case "embedded":
            with vaults.embedded_store(tmp_path / "vault") as place:
                yield VaultAccounts(place)
        case _:
            real = vaults.real_access()
            assert real is not None
            yield VaultAccounts(real)


def test_letting_in_twice_is_letting_in_once(access: SecretAccess) -> None:
    role = f"jx-{secrets.token_hex(4)}"
    assert access.ensure_reader(role, namespace="jx", account="controllers")
    assert not access.ensure_reader(role, namespace="jx", account="controllers")


def test_another_account_is_a_change(access: SecretAccess) -> None:
    role = f"jx-{secrets.token_hex(4)}"
    access.ensure_reader(role, namespace="jx", account="controllers")
    assert access.ensure_reader(role, namespace="jx", account="others")


def test_who_was_let_in_reads_and_makes_and_nobody_else_does(tmp_path: Path) -> None:
    with vaults.embedded_store(tmp_path / "vault") as place:
        VaultSecrets(place).write("prod/db", {"k": "v"})
        VaultAccounts(place).ensure_reader("jx", namespace="jx", account="controllers")
        store = _as(place, "jx/controllers")
        assert store.read(("prod/db",))["prod/db"].values == {"k": "v"}
        store.write("generated/prod/x", {"made": "1"})
        with pytest.raises(Forbidden):
            store.remove("prod/db")
        with pytest.raises(Forbidden, match="refuses the login"):
            _as(place, "default/somebody").check()


def _as(place: VaultAccess, account: str) -> VaultSecrets:
    return VaultSecrets(replace(place, login=ServiceAccount("jx", lambda: account)))
