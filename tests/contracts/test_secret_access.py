"""The contract of `ports.secrets.SecretAccess`, held to every adapter of it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support import vaults

from jx.adapters.local.kubernetes.access.pki import Pki
from jx.adapters.local.memory_secrets import MemorySecretAccess
from jx.adapters.vault.access import ServiceAccount, VaultAccess
from jx.adapters.vault.accounts import VaultAccounts
from jx.adapters.vault.store import VaultSecrets
from jx.domain.errors import Forbidden
from jx.domain.secrets.store_readers import Account, ClusterIdentity, Reader
from jx.ports.secrets import SecretAccess

NEEDS_VAULT = pytest.mark.skipif(vaults.real_access() is None, reason="JX_TEST_VAULT_ADDR names no Vault")
CONTROLLERS = Account("jx", "controllers")


def _accounts(place: VaultAccess) -> VaultAccounts:
    authority = Pki.open(None, datetime.now(UTC)).authority_pem
    return VaultAccounts(place, identity=lambda: ClusterIdentity("https://cluster.example:6443", authority))


@pytest.fixture(params=["memory", "embedded", pytest.param("vault", marks=NEEDS_VAULT)])
def access(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SecretAccess]:
    match request.param:
        case "memory":
            yield MemorySecretAccess()
        case "embedded":
            with vaults.embedded_store(tmp_path / "vault") as place:
                yield _accounts(place)
        case _:
            real = vaults.real_access()
            assert real is not None
            yield _accounts(real)


@pytest.fixture
def reader(access: SecretAccess) -> Reader:
    """A role that nobody has used before, where logins are there."""
    access.ensure_engine()
    access.ensure_login()
    return Reader(
        f"jx-{secrets.token_hex(4)}", CONTROLLERS, reads=("staging/**",), makes=("generated/staging/**",)
    )


def test_letting_in_twice_is_letting_in_once(access: SecretAccess, reader: Reader) -> None:
    assert access.ensure_reader(reader)
    assert not access.ensure_reader(reader)


@pytest.mark.parametrize(
    "change",
    [{"account": Account("jx", "others")}, {"reads": ("staging/**", "common/*")}],
    ids=["another account", "other paths"],
)
def test_what_is_to_be_otherwise_is_a_change(
    access: SecretAccess, reader: Reader, change: dict[str, object]
) -> None:
    access.ensure_reader(reader)
    assert access.ensure_reader(replace(reader, **change))  # type: ignore[arg-type]


def test_one_role_may_have_the_rights_of_others(access: SecretAccess, reader: Reader) -> None:
    access.ensure_reader(reader)
    whole = Reader(f"{reader.role}-all", CONTROLLERS, includes=(reader.role,))
    assert access.ensure_reader(whole)
    assert not access.ensure_reader(whole)


def test_engine_and_login_are_there_once_they_were_asked_for(access: SecretAccess) -> None:
    access.ensure_engine()
    access.ensure_login()
    assert not access.ensure_engine()
    assert not access.ensure_login()


def test_who_may_do_all_lacks_no_right(access: SecretAccess) -> None:
    access.check()
    assert access.missing_rights(("jx", "jx-dev")) == ()


def test_who_was_let_in_reads_and_makes_what_it_may_and_nobody_else_does(tmp_path: Path) -> None:
    with vaults.embedded_store(tmp_path / "vault") as place:
        for path in ("staging/db", "common/db", "common/deep/db", "finance/db"):
            VaultSecrets(place).write(path, {"k": "v"})
        access = _accounts(place)
        reads, makes = ("staging/**", "common/*"), ("generated/staging/**",)
        access.ensure_reader(Reader("jx-staging", CONTROLLERS, reads, makes))
        access.ensure_reader(Reader("jx", CONTROLLERS, includes=("jx-staging",)))
        store = _as(place, "jx/controllers")
        assert set(store.read(("staging/db", "common/db"))) == {"staging/db", "common/db"}
        assert store.read(("staging/missing", "common/missing")) == {}
        store.write("generated/staging/x", {"made": "1"})
        for forbidden in ("finance/db", "common/deep/db"):
            with pytest.raises(Forbidden, match=forbidden):
                store.read((forbidden,))
        with pytest.raises(Forbidden):
            store.write("staging/new", {"k": "v"})
        with pytest.raises(Forbidden):
            store.remove("staging/db")
        with pytest.raises(Forbidden, match="refuses the login"):
            _as(place, "default/somebody").check()


def test_who_may_do_nothing_lacks_every_right(tmp_path: Path) -> None:
    with vaults.embedded_store(tmp_path / "vault") as place:
        _accounts(place).ensure_reader(Reader("jx", CONTROLLERS, reads=("x/**",)))
        poor = _accounts(replace(place, login=ServiceAccount("jx", lambda: "jx/controllers")))
        assert "sys/policies/acl/jx-dev" in poor.missing_rights(("jx-dev",))


def _as(place: VaultAccess, account: str) -> VaultSecrets:
    return VaultSecrets(replace(place, login=ServiceAccount("jx", lambda: account)))
